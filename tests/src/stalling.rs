//! A store that stands still at one of its writes, for ever: a process that is to be killed there.

use futures_core::future::BoxFuture;
use statewright::store::query::Queries;
use statewright::store::{
    Answer, Append, Cell, CellKey, Cursor, Head, Limits, Outcome, Page, Put, Record, Revision, Shard, Store,
    StreamId, Unit,
};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Another store, that carries out a number of writes and not the one behind them.
pub struct Stalling<S> {
    inner: S,
    writes: AtomicUsize,
    stalled: Box<dyn Fn() + Send + Sync>,
}

impl<S: Store> Stalling<S> {
    /// Carries out this many writes. Who wants to know is told of each that is not.
    pub fn new(inner: S, writes: usize, stalled: impl Fn() + Send + Sync + 'static) -> Self {
        Self { inner, writes: AtomicUsize::new(writes), stalled: Box::new(stalled) }
    }

    async fn turn(&self) {
        let (order, less) = (Ordering::SeqCst, |writes: usize| writes.checked_sub(1));
        if self.writes.fetch_update(order, order, less).is_err() {
            (self.stalled)();
            std::future::pending::<()>().await;
        }
    }
}

impl<S: Store> Store for Stalling<S> {
    fn limits(&self) -> &Limits {
        self.inner.limits()
    }

    fn append(&self, batch: Vec<Append>, unit: Unit) -> BoxFuture<'_, Vec<Outcome>> {
        Box::pin(async move {
            self.turn().await;
            self.inner.append(batch, unit).await
        })
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
        self.inner.scan(shard, after, limit)
    }

    fn end(&self, shard: Shard) -> Answer<'_, Cursor> {
        self.inner.end(shard)
    }

    fn changed<'a>(&'a self, shard: Shard, after: &'a Cursor) -> Answer<'a, ()> {
        self.inner.changed(shard, after)
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
        Box::pin(async move {
            self.turn().await;
            self.inner.erase(stream).await
        })
    }

    fn get<'a>(&'a self, keys: &'a [CellKey]) -> Answer<'a, Vec<Cell>> {
        self.inner.get(keys)
    }

    fn put(&self, puts: Vec<Put>) -> Answer<'_, Vec<Option<u64>>> {
        Box::pin(async move {
            self.turn().await;
            self.inner.put(puts).await
        })
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

    fn scrub(&self) -> Answer<'_, ()> {
        self.inner.scrub()
    }

    fn queries(&self) -> Option<&dyn Queries> {
        self.inner.queries()
    }
}
