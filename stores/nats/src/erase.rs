//! Erasing a deleted stream: what stays of its records is written first, then each message is overwritten and removed.
//!
//! The record of the deletion stays where it is, so that nothing fits behind it. Cursors stay what they are: a scan just finds
//! no message any more where an erased record stood.

use crate::codec::Erased;
use crate::error::NatsError;
use crate::store::NatsStore;
use async_nats::HeaderMap;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use statewright::store::{Kind, Store, StoreError, StreamId};

/// Messages that are erased at once.
const ERASED_AT_ONCE: usize = 512;

/// Removals that are under way at once.
const REMOVALS_MAX: usize = 64;

impl NatsStore {
    pub(crate) async fn erase_stream(&self, id: &StreamId) -> Result<(), StoreError> {
        let subject = self.subject(id)?;
        let left = self.subjects.of_erased(self.shard(id), id).map_err(|error| self.unnamed(error))?;
        let Some(last) = self.last(&subject).await? else { return Ok(()) };
        if self.read_message(&last)?.step.kind != Kind::Deleted || last.sequence == 1 {
            return Ok(());
        }
        let mut at = 0;
        loop {
            let found = self.gather(&subject, (at, Some(last.sequence - 1)), ERASED_AT_ONCE).await?;
            let Some(end) = found.last() else { return Ok(()) };
            at = end.sequence;
            let mut records = Vec::with_capacity(found.len());
            for found in &found {
                let read = self.read_message(found)?;
                records.push((read.revision.0, read.step.at.as_microsecond()));
            }
            let payload =
                serde_json::to_vec(&Erased { records }).map_err(|error| self.corrupt(error.to_string()))?;
            let payload = Bytes::from(payload);
            let write = || self.link.publish(left.clone(), HeaderMap::new(), payload.clone());
            let written = self.link.again(write).await;
            written.map_err(|error| error.store(&self.link.store, "erase"))?;
            let sequences: Vec<_> = found.into_iter().map(|found| found.sequence).collect();
            let removals = stream::iter(sequences).map(|sequence| self.remove(sequence));
            let removed = removals.buffer_unordered(REMOVALS_MAX).try_collect::<()>().await;
            removed.map_err(|error| error.store(&self.link.store, "erase"))?;
        }
    }

    async fn remove(&self, sequence: u64) -> Result<(), NatsError> {
        self.link.again(|| self.link.destroy(self.subjects.log(), sequence)).await
    }
}
