//! Addresses of the streams of a shard. The server lists subjects in an order of its own, all of a shard at once; this sorts
//! them, and keeps the last list for as long as no stream was added to the store.

use crate::error::NatsError;
use crate::store::NatsStore;
use statewright::store::{Shard, StoreError, StreamId};
use std::sync::{Arc, PoisonError};

/// Addresses that are kept from one page to the next; a longer list is asked for again.
const LISTED_MAX: usize = 1 << 18;

/// The streams of one shard.
pub(crate) struct Listing {
    shard: Shard,
    /// Subjects that the log had before it was listed. None ever goes, so as long as there are no more it is whole.
    subjects: u64,
    streams: Arc<[StreamId]>,
}

impl NatsStore {
    pub(crate) async fn list_streams(
        &self,
        shard: Shard,
        after: Option<&StreamId>,
        limit: usize,
    ) -> Result<Vec<StreamId>, StoreError> {
        let streams = self.listing(shard).await?;
        let behind = after.map_or(0, |after| streams.partition_point(|stream| stream <= after));
        Ok(streams[behind..].iter().take(limit).cloned().collect())
    }

    async fn listing(&self, shard: Shard) -> Result<Arc<[StreamId]>, StoreError> {
        let doing = "list streams";
        let log = self.subjects.log();
        let info = self.link.again(|| self.link.info(log)).await;
        let info = info.map_err(|error| error.store(&self.link.store, doing))?;
        let subjects =
            info.ok_or_else(|| NatsError::NoLeader.store(&self.link.store, doing))?.state.subjects_count;
        if let Some(kept) = &*self.listed.lock().unwrap_or_else(PoisonError::into_inner)
            && (kept.shard, kept.subjects) == (shard, subjects)
        {
            return Ok(Arc::clone(&kept.streams));
        }
        let pattern = self.subjects.of_shard(shard);
        let found = self.link.again(|| self.link.subjects(log, &pattern)).await;
        let found = found.map_err(|error| error.store(&self.link.store, doing))?;
        let stream = |subject: &String| {
            let stream = self.subjects.stream(subject);
            stream.ok_or_else(|| self.corrupt(format!("`{subject}` is no subject of it")))
        };
        let mut streams = found.iter().map(stream).collect::<Result<Vec<_>, _>>()?;
        streams.sort_unstable();
        let streams: Arc<[StreamId]> = streams.into();
        let keep = streams.len() <= LISTED_MAX;
        let listing = keep.then(|| Listing { shard, subjects, streams: Arc::clone(&streams) });
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = listing;
        Ok(streams)
    }
}
