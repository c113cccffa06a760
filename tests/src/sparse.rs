//! A store whose order has a place without a record behind each record, as those have that number places before they know
//! what is written.

use futures_core::future::BoxFuture;
use statewright::store::{
    Answer, Append, Cell, CellKey, Cursor, Head, Limits, Outcome, Page, Put, Record, Revision, Shard, Store,
    StreamId, Unit,
};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Another store, whose cursors are numbers without a gap.
pub struct Sparse<S> {
    inner: S,
    scans: AtomicUsize,
}

impl<S: Store> Sparse<S> {
    /// Over a store like the one in memory.
    pub fn new(inner: S) -> Self {
        Self { inner, scans: AtomicUsize::new(0) }
    }

    /// How often a shard was read.
    pub fn scans(&self) -> usize {
        self.scans.load(Ordering::SeqCst)
    }
}

/// Behind the record that the other store has at this place.
fn behind(dense: &Cursor) -> Cursor {
    Cursor::of((dense.position() * 2).saturating_sub(1))
}

/// Behind the place without a record, too.
fn behind_all(dense: &Cursor) -> Cursor {
    Cursor::of(dense.position() * 2)
}

fn dense(sparse: &Cursor) -> Cursor {
    Cursor::of(sparse.position().div_ceil(2))
}

impl<S: Store> Store for Sparse<S> {
    fn limits(&self) -> &Limits {
        self.inner.limits()
    }

    fn append(&self, batch: Vec<Append>, unit: Unit) -> BoxFuture<'_, Vec<Outcome>> {
        self.inner.append(batch, unit)
    }

    fn head<'a>(&'a self, stream: &'a StreamId) -> Answer<'a, Head> {
        self.inner.head(stream)
    }

    fn read<'a>(
        &'a self,
        stream: &'a StreamId,
        after: Revision,
        limit: usize,
    ) -> Answer<'a, (Vec<Record>, Head)> {
        self.inner.read(stream, after, limit)
    }

    fn scan<'a>(&'a self, shard: Shard, after: &'a Cursor, limit: usize) -> Answer<'a, Page> {
        self.scans.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            let page = self.inner.scan(shard, &dense(after), limit).await?;
            let next = if page.records.is_empty() { behind_all(&page.next) } else { behind(&page.next) };
            let cursors = page.cursors.iter().map(behind).collect();
            Ok(Page { records: page.records, cursors, next })
        })
    }

    fn end(&self, shard: Shard) -> Answer<'_, Cursor> {
        Box::pin(async move { Ok(behind_all(&self.inner.end(shard).await?)) })
    }

    fn changed<'a>(&'a self, shard: Shard, after: &'a Cursor) -> Answer<'a, ()> {
        Box::pin(async move {
            if after.position() < self.end(shard).await?.position() {
                return Ok(());
            }
            self.inner.changed(shard, &dense(after)).await
        })
    }

    fn streams<'a>(
        &'a self,
        shard: Shard,
        after: Option<&'a StreamId>,
        limit: usize,
    ) -> Answer<'a, Vec<StreamId>> {
        self.inner.streams(shard, after, limit)
    }

    fn erase<'a>(&'a self, stream: &'a StreamId) -> Answer<'a, ()> {
        self.inner.erase(stream)
    }

    fn get<'a>(&'a self, keys: &'a [CellKey]) -> Answer<'a, Vec<Cell>> {
        self.inner.get(keys)
    }

    fn put(&self, puts: Vec<Put>) -> Answer<'_, Vec<Option<u64>>> {
        self.inner.put(puts)
    }

    fn list<'a>(
        &'a self,
        shard: Shard,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> Answer<'a, Vec<Cell>> {
        self.inner.list(shard, prefix, after, limit)
    }
}
