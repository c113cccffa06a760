//! The shelf: a key-value bucket, written with expected revisions and read from its leader, so that whoever reads behind a
//! write sees it.

use crate::codec::Found;
use crate::error::NatsError;
use crate::link::{Delays, PUT_ID, Which};
use crate::read::PAGE_MAX;
use crate::store::NatsStore;
use async_nats::{HeaderMap, header};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use statewright::store::{Cell, CellKey, Put, Shard, StoreError};
use std::collections::HashSet;
use std::future::ready;

/// Cells that are asked for, or written, at once in one call.
const CELLS_AT_ONCE: usize = 128;

/// How long a removed cell is marked as such for those who watch the bucket: without an end, names that come and go would
/// fill the server's memory.
const MARKED: &str = "2s";

/// What one try to write a cell has shown.
enum Written {
    At(u64),
    Elsewhere,
    /// It stands where it was expected: try again.
    Untouched(NatsError),
}

impl NatsStore {
    pub(crate) async fn get_cells(&self, keys: &[CellKey]) -> Result<Vec<Cell>, StoreError> {
        let reads = stream::iter(keys.to_vec()).map(|key| self.get_cell(key)).buffered(CELLS_AT_ONCE);
        reads.try_filter_map(|cell| ready(Ok(cell))).try_collect().await
    }

    async fn get_cell(&self, key: CellKey) -> Result<Option<Cell>, StoreError> {
        let found = self.last_put(&self.cell_subject(&key)?).await?.filter(|found| !found.is_marker);
        Ok(found.map(|found| Cell { key, version: found.sequence, value: found.payload }))
    }

    pub(crate) async fn put_cells(&self, puts: Vec<Put>) -> Result<Vec<Option<u64>>, StoreError> {
        let max = self.limits.cell_bytes_max;
        let largest =
            puts.iter().filter_map(|put| put.value.as_ref()).map(Bytes::len).max().unwrap_or_default();
        if largest > max {
            return Err(NatsError::LargeCell { bytes: largest, max }.store(&self.link.store, "write a cell"));
        }
        // One behind the other for one key, as they were given.
        let mut keys = HashSet::new();
        if puts.iter().all(|put| keys.insert(&put.key)) {
            return stream::iter(puts)
                .map(|put| self.put_cell(put))
                .buffered(CELLS_AT_ONCE)
                .try_collect()
                .await;
        }
        stream::iter(puts).then(|put| self.put_cell(put)).try_collect().await
    }

    async fn put_cell(&self, put: Put) -> Result<Option<u64>, StoreError> {
        let subject = self.cell_subject(&put.key)?;
        let id = uuid::Uuid::new_v4().simple().to_string();
        let deadline = self.link.deadline();
        let mut delays = Delays::new();
        let (mut expected, mut unanswered) = (put.version, false);
        if let Some(version @ 1..) = expected
            && self.last_put(&subject).await?.is_none_or(|last| last.is_marker || last.sequence != version)
        {
            // The version of a removal is that of its mark, and nobody may write behind a mark as if it were the cell.
            return Ok(None);
        }
        loop {
            let error = match self.try_put(&subject, &put, (&id, &mut expected, &mut unanswered)).await? {
                Written::At(version) => return Ok(Some(version)),
                Written::Elsewhere => return Ok(None),
                Written::Untouched(error) => error,
            };
            if !delays.pause(deadline).await {
                return Err(error.store(&self.link.store, "write a cell"));
            }
            self.link.counters.retried();
        }
    }

    async fn try_put(
        &self,
        subject: &str,
        put: &Put,
        (id, expected, unanswered): (&str, &mut Option<u64>, &mut bool),
    ) -> Result<Written, StoreError> {
        let mut headers = HeaderMap::new();
        headers.insert(PUT_ID, id);
        if let Some(expected) = expected {
            headers.insert(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
        }
        if put.value.is_none() {
            headers.insert("KV-Operation", "DEL");
            headers.insert("Nats-TTL", MARKED);
        }
        let room = self.in_flight.acquire().await;
        let answer =
            self.link.publish(subject.to_owned(), headers, put.value.clone().unwrap_or_default()).await;
        drop(room);
        let error = match answer {
            Ok(version) => return Ok(Written::At(version)),
            Err(error) if error.is_passing() || error.is_ambiguous() => error,
            Err(error) => return Err(error.store(&self.link.store, "write a cell")),
        };
        *unanswered |= error.is_ambiguous();
        let last = self.last_put(subject).await?;
        if let Some(last) = &last
            && last.id.as_deref() == Some(id)
        {
            self.link.counters.resolved();
            return Ok(Written::At(last.sequence));
        }
        let stands = last.as_ref().map_or(0, |last| last.sequence);
        let version = last.as_ref().filter(|last| !last.is_marker).map_or(0, |last| last.sequence);
        if *unanswered && put.version.is_some_and(|wanted| stands < wanted) {
            // Whoever says so has not seen the version that the put stands behind: it leads no more, and knows nothing of it.
            return Ok(Written::Untouched(error));
        }
        if put.version.is_some_and(|wanted| wanted != version) {
            return Ok(Written::Elsewhere);
        }
        // A cell that is not there may still be marked as removed, and the mark has a version of its own.
        *expected = put.version.map(|_| stands);
        Ok(Written::Untouched(error))
    }

    pub(crate) async fn list_cells(
        &self,
        shard: Shard,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Cell>, StoreError> {
        let (limit, bucket) = (limit.min(PAGE_MAX), self.subjects.shelf());
        let pattern = self.subjects.cells_like(shard, prefix).map_err(|error| self.unnamed(error))?;
        let found = self.link.again(|| self.link.subjects(&bucket, &pattern)).await;
        let found = found.map_err(|error| error.store(&self.link.store, "list cells"))?;
        let wanted = |name: &str| name.starts_with(prefix) && after.is_none_or(|after| name > after);
        let mut names = Vec::new();
        for subject in found {
            let name = self.subjects.cell_name(&subject);
            let name = name.ok_or_else(|| self.corrupt(format!("`{subject}` is no name of a cell")))?;
            names.extend(wanted(&name).then_some(name));
        }
        names.sort_unstable();
        let mut cells = Vec::new();
        for names in names.chunks(limit.clamp(1, CELLS_AT_ONCE)) {
            if cells.len() >= limit {
                break;
            }
            let keys: Vec<_> = names.iter().map(|name| CellKey { shard, name: name.clone() }).collect();
            cells.extend(self.get_cells(&keys).await?);
        }
        cells.truncate(limit);
        Ok(cells)
    }

    fn cell_subject(&self, key: &CellKey) -> Result<String, StoreError> {
        self.subjects.cell(key.shard, &key.name).map_err(|error| self.unnamed(error))
    }

    async fn last_put(&self, subject: &str) -> Result<Option<Found>, StoreError> {
        let bucket = self.subjects.shelf();
        let last = self.link.again(|| self.link.get(&bucket, Which::Last { subject })).await;
        last.map_err(|error| error.store(&self.link.store, "read a cell"))
    }
}
