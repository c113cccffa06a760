//! A store that fails on demand, for tests of what stands above it.
//!
//! Faults are scripted one by one; nothing here is random and nothing waits for time.

use super::query::Queries;
use super::{
    Answer, Append, Cell, CellKey, Cursor, Head, Limits, Outcome, Page, Put, Record, Revision, Shard, Store,
    StoreError, StreamId, Unit,
};
use futures_core::future::BoxFuture;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::Semaphore;

/// What happens to the next append.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It is recorded, and the answer is lost.
    LostAnswer,
    /// It is not recorded, and nobody can tell.
    LostRequest,
    /// It is refused: the disk is full.
    Refused,
}

/// A call that panics once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Call {
    /// [`Store::scan`].
    Scan,
    /// [`Store::get`].
    Get,
}

/// Another store, with faults.
#[derive(Debug)]
pub struct Faulty<S> {
    inner: S,
    faults: Mutex<VecDeque<Fault>>,
    panics: Mutex<Vec<Call>>,
    gate: Semaphore,
    waiting: AtomicUsize,
}

impl<S: Store> Faulty<S> {
    /// A store without faults so far.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            faults: Mutex::default(),
            panics: Mutex::default(),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            waiting: AtomicUsize::new(0),
        }
    }

    /// The next append that has no fault yet gets this one.
    pub fn fail_next(&self, fault: Fault) {
        self.faults().push_back(fault);
    }

    /// The next call of this kind panics.
    pub fn panic_next(&self, call: Call) {
        self.panics.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    fn panic_if_asked(&self, call: Call) {
        let mut panics = self.panics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = panics.iter().position(|asked| *asked == call) {
            panics.swap_remove(place);
            drop(panics);
            panic!("a panic was asked for");
        }
    }

    /// Appends wait from here on until [`open`](Self::open).
    pub fn close(&self) {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    /// Lets this many waiting appends through.
    pub fn open(&self, appends: usize) {
        self.gate.add_permits(appends);
    }

    /// Appends that wait now.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    fn faults(&self) -> std::sync::MutexGuard<'_, VecDeque<Fault>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failure() -> StoreError {
    StoreError::Unavailable {
        store: "faulty".to_owned(),
        doing: "append",
        retryable: false,
        source: "a fault was asked for".into(),
    }
}

impl<S: Store> Store for Faulty<S> {
    fn limits(&self) -> &Limits {
        self.inner.limits()
    }

    fn append(&self, batch: Vec<Append>, unit: Unit) -> BoxFuture<'_, Vec<Outcome>> {
        Box::pin(async move {
            self.waiting.fetch_add(1, Ordering::SeqCst);
            let permit = self.gate.acquire().await;
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            if let Ok(permit) = permit {
                permit.forget();
            }
            let (fault, count) = (self.faults().pop_front(), batch.len());
            let outcomes = match fault {
                Some(Fault::LostRequest | Fault::Refused) => Vec::new(),
                _ => self.inner.append(batch, unit).await,
            };
            match fault {
                None => outcomes,
                Some(Fault::Refused) => (0..count).map(|_| Outcome::Refused(failure())).collect(),
                Some(Fault::LostAnswer | Fault::LostRequest) => {
                    (0..count).map(|_| Outcome::Unknown(failure())).collect()
                }
            }
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
        self.panic_if_asked(Call::Scan);
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
        self.panic_if_asked(Call::Get);
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

    fn scrub(&self) -> Answer<'_, ()> {
        self.inner.scrub()
    }

    fn queries(&self) -> Option<&dyn Queries> {
        self.inner.queries()
    }
}
