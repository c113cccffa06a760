//! The store itself: the contract over one database.

use crate::codec::Prepared;
use crate::link::Link;
use crate::options::Options;
use crate::statistics::{Counts, Statistics};
use crate::wake::{Wake, watch};
use crate::writer::Writers;
use futures_core::future::BoxFuture;
use mongodb::bson::doc;
use statewright::store::{
    Answer, Append, Atomic, Cell, CellKey, Cursor, Head, Limits, Outcome, Page, Put, Record, Revision, Shard,
    Store, StoreError, StreamId, Unit, admit,
};
use std::fmt;
use std::sync::Arc;
use tokio::task::AbortHandle;

/// Instances in one MongoDB database.
pub struct MongoStore {
    limits: Limits,
    link: Link,
    counts: Arc<Counts>,
    writers: Writers,
    wake: Wake,
    watcher: AbortHandle,
}

impl MongoStore {
    pub(crate) fn start(link: Link, shards: u16, options: &Options) -> Self {
        let counts = Arc::new(Counts::default());
        let wake = Wake::new(shards);
        let watcher = tokio::spawn(watch(link.clone(), Arc::clone(&counts), wake.clone())).abort_handle();
        let size = (options.writers.min(shards), options.queue_max);
        let writers = Writers::start(link.clone(), Arc::clone(&counts), wake.clone(), size);
        Self { limits: limits(shards), link, counts, writers, wake, watcher }
    }

    /// Whether the primary answers, asked with the timeout of a call.
    pub async fn is_healthy(&self) -> bool {
        let ping = self.link.database.run_command(doc! { "ping": 1 });
        self.link.call("ping", ping).await.is_ok()
    }

    /// What this handle has counted.
    pub fn statistics(&self) -> Statistics {
        self.counts.read()
    }

    /// Takes no more appends, writes those that wait, and ends the connections. Dropping the store ends its tasks too, once what
    /// waits is written.
    pub async fn close(&self) {
        self.watcher.abort();
        self.writers.close().await;
        self.link.shut_down().await;
    }

    async fn append_all(&self, batch: Vec<Append>, unit: Unit) -> Vec<Outcome> {
        let mut refusals = Vec::with_capacity(batch.len());
        let mut prepared = Vec::with_capacity(batch.len());
        for append in batch {
            match self.prepare(append) {
                Ok(append) => {
                    prepared.push(append);
                    refusals.push(None);
                }
                Err(refusal) => refusals.push(Some(Outcome::Refused(refusal))),
            }
        }
        let written = match unit {
            Unit::Batch if prepared.len() < refusals.len() => {
                prepared.iter().map(|_| Outcome::Refused(StoreError::Batch)).collect()
            }
            _ if prepared.is_empty() => Vec::new(),
            Unit::Batch => self.writers.append_whole(prepared).await,
            Unit::Each => self.writers.append_each(prepared).await,
        };
        let mut written = written.into_iter();
        let fill = |refusal: Option<Outcome>| {
            refusal.or_else(|| written.next()).unwrap_or_else(|| Outcome::Unknown(self.link.closed()))
        };
        refusals.into_iter().map(fill).collect()
    }

    fn prepare(&self, append: Append) -> Result<Prepared, StoreError> {
        admit(&self.limits, &append)?;
        let shard = self.shard(&append.stream);
        let stream = append.stream.clone();
        Prepared::of(append, shard)
            .map_err(|error| self.link.corrupt(format!("a step of `{stream}`: {error}")))
    }
}

fn limits(shards: u16) -> Limits {
    Limits {
        shards,
        atomic: Atomic::Store,
        // A document has 16 MiB at the most, and JSON may write a byte with six.
        step_bytes_max: 1 << 20,
        steps_max: 128,
        cell_bytes_max: 8 << 20,
        exclusive: false,
    }
}

impl Drop for MongoStore {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

impl fmt::Debug for MongoStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoStore").field("store", &self.link.name).finish_non_exhaustive()
    }
}

impl Store for MongoStore {
    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn append(&self, batch: Vec<Append>, unit: Unit) -> BoxFuture<'_, Vec<Outcome>> {
        Box::pin(self.append_all(batch, unit))
    }

    fn head<'a>(&'a self, stream: &'a StreamId) -> Answer<'a, Head> {
        Box::pin(self.link.head(stream))
    }

    fn read<'a>(
        &'a self,
        stream: &'a StreamId,
        after: Revision,
        limit: usize,
    ) -> Answer<'a, (Vec<Record>, Head)> {
        Box::pin(self.link.read(stream, after, limit))
    }

    fn scan<'a>(&'a self, shard: Shard, after: &'a Cursor, limit: usize) -> Answer<'a, Page> {
        Box::pin(self.link.scan(shard, after, limit))
    }

    fn end(&self, shard: Shard) -> Answer<'_, Cursor> {
        Box::pin(self.link.shard_end(shard))
    }

    fn changed<'a>(&'a self, shard: Shard, after: &'a Cursor) -> Answer<'a, ()> {
        Box::pin(self.wake.behind(shard, after.position(), &self.link))
    }

    fn streams<'a>(
        &'a self,
        shard: Shard,
        after: Option<&'a StreamId>,
        limit: usize,
    ) -> Answer<'a, Vec<StreamId>> {
        Box::pin(self.link.streams(shard, after, limit))
    }

    fn erase<'a>(&'a self, stream: &'a StreamId) -> Answer<'a, ()> {
        Box::pin(self.link.erase(stream))
    }

    fn get<'a>(&'a self, keys: &'a [CellKey]) -> Answer<'a, Vec<Cell>> {
        Box::pin(self.link.get_cells(keys))
    }

    fn put(&self, puts: Vec<Put>) -> Answer<'_, Vec<Option<u64>>> {
        Box::pin(self.link.put_cells(puts, self.limits.cell_bytes_max))
    }

    fn list<'a>(
        &'a self,
        shard: Shard,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> Answer<'a, Vec<Cell>> {
        Box::pin(self.link.list_cells((shard, prefix), after, limit))
    }
}
