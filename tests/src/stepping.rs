//! A store that can be stopped at any of its await points, and tells how its appends came in.

use futures_core::future::BoxFuture;
use statewright::store::{
    Answer, Append, Atomic, Cell, CellKey, Cursor, Head, Limits, Outcome, Page, Put, Record, Revision, Shard,
    Store, StreamId, Unit,
};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// Another store, with two points in every call: before it and behind it.
#[derive(Debug)]
pub struct Stepping<S> {
    inner: S,
    limits: Limits,
    /// Points that were passed.
    passed: AtomicUsize,
    /// The point at which a call stands still; none when it is never reached.
    stop_at: usize,
    behind: AtomicBool,
    stopped: AtomicBool,
    released: watch::Sender<bool>,
    /// Instances and steps of every append.
    appends: Mutex<Vec<(usize, usize)>>,
}

impl<S: Store> Stepping<S> {
    /// The call that comes to this point, counted from 0, stands still there until [`release`](Self::release).
    pub fn new(inner: S, stop_at: usize) -> Self {
        Self {
            limits: inner.limits().clone(),
            inner,
            passed: AtomicUsize::new(0),
            stop_at,
            behind: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            released: watch::Sender::new(false),
            appends: Mutex::default(),
        }
    }

    /// As if it could write no more as one.
    #[must_use]
    pub fn with_atomic(mut self, atomic: Atomic) -> Self {
        self.limits.atomic = atomic;
        self
    }

    /// Whether a call stands still, or stood.
    pub fn has_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Whether it stands behind what it did.
    pub fn is_behind(&self) -> bool {
        self.behind.load(Ordering::SeqCst)
    }

    /// Lets it go on.
    pub fn release(&self) {
        self.released.send_replace(true);
    }

    /// How many instances and how many steps each append held, in their order.
    pub fn appends(&self) -> Vec<(usize, usize)> {
        self.appends.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn point(&self, behind: bool) {
        // Others go on first, so that the points of calls mix.
        tokio::task::yield_now().await;
        if self.passed.fetch_add(1, Ordering::SeqCst) == self.stop_at {
            self.behind.store(behind, Ordering::SeqCst);
            self.stopped.store(true, Ordering::SeqCst);
            // The sender lives as long as the store.
            let _ = self.released.subscribe().wait_for(|released| *released).await;
        }
    }

    async fn between<T>(&self, call: impl Future<Output = T>) -> T {
        self.point(false).await;
        let answer = call.await;
        self.point(true).await;
        answer
    }
}

impl<S: Store> Store for Stepping<S> {
    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn append(&self, batch: Vec<Append>, unit: Unit) -> BoxFuture<'_, Vec<Outcome>> {
        let steps = batch.iter().map(|append| append.steps.len()).sum();
        self.appends.lock().unwrap_or_else(PoisonError::into_inner).push((batch.len(), steps));
        Box::pin(self.between(async move { self.inner.append(batch, unit).await }))
    }

    fn head<'a>(&'a self, stream: &'a StreamId) -> Answer<'a, Head> {
        Box::pin(self.between(async move { self.inner.head(stream).await }))
    }

    fn read<'a>(
        &'a self,
        stream: &'a StreamId,
        after: Revision,
        limit: usize,
    ) -> Answer<'a, (Vec<Record>, Head)> {
        Box::pin(self.between(async move { self.inner.read(stream, after, limit).await }))
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
        self.inner.erase(stream)
    }

    fn get<'a>(&'a self, keys: &'a [CellKey]) -> Answer<'a, Vec<Cell>> {
        Box::pin(self.between(async move { self.inner.get(keys).await }))
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
