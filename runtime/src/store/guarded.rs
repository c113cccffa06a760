//! A store behind a circuit breaker: one that fails again and again is left alone for a while, and callers are answered
//! at once.
//!
//! What counts: that the store did not answer ([`StoreError::Unavailable`]) or that its answer was lost
//! ([`Outcome::Unknown`]). Conflicts, deleted streams and what a store refuses by its limits are answers. Waiting for
//! something new ([`Store::changed`]) is neither counted nor blocked.

use super::query::{self, By, Key, Queries, Scope, Selection, Times};
use super::{
    Answer, Append, Cell, CellKey, Cursor, Head, Limits, Outcome, Page, Put, Record, Revision, Shard, Store,
    StoreError, StreamId, Unit,
};
use crate::breaker::{Breaker, Open, Permit};
use futures_core::future::BoxFuture;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Another store, guarded. While the breaker is open every call is answered with [`StoreError::Open`], and nothing is
/// written.
#[derive(Debug)]
pub struct Guarded<S> {
    inner: S,
    breaker: Breaker,
}

impl<S: Store> Guarded<S> {
    /// Guards `inner`. Other stores on the same server may share the breaker.
    pub fn new(inner: S, breaker: Breaker) -> Self {
        Self { inner, breaker }
    }

    /// What guards it.
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    async fn guard<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let permit = self.breaker.try_enter()?;
        let answer = call.await;
        settle(permit, answer.as_ref().err().is_some_and(counts));
        answer
    }
}

impl From<Open> for StoreError {
    fn from(open: Open) -> Self {
        Self::Open { store: open.name, retry_after: open.retry_after }
    }
}

fn settle(permit: Permit, failed: bool) {
    if failed { permit.fail() } else { permit.succeed() }
}

fn counts(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { .. })
}

fn is_failure(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Unknown(_) => true,
        Outcome::Refused(error) => counts(error),
        Outcome::Appended(_) | Outcome::Conflict(_) | Outcome::Gone => false,
    }
}

impl<S: Store> Store for Guarded<S> {
    fn limits(&self) -> &Limits {
        self.inner.limits()
    }

    fn shard(&self, stream: &StreamId) -> Shard {
        self.inner.shard(stream)
    }

    fn append(&self, batch: Vec<Append>, unit: Unit) -> BoxFuture<'_, Vec<Outcome>> {
        Box::pin(async move {
            let permit = match self.breaker.try_enter() {
                Ok(permit) => permit,
                Err(open) => return batch.iter().map(|_| Outcome::Refused(open.clone().into())).collect(),
            };
            let outcomes = self.inner.append(batch, unit).await;
            settle(permit, outcomes.iter().any(is_failure));
            outcomes
        })
    }

    fn head<'a>(&'a self, stream: &'a StreamId) -> Answer<'a, Head> {
        Box::pin(self.guard(self.inner.head(stream)))
    }

    fn read<'a>(
        &'a self,
        stream: &'a StreamId,
        after: Revision,
        limit: usize,
    ) -> Answer<'a, (Vec<Record>, Head)> {
        Box::pin(self.guard(self.inner.read(stream, after, limit)))
    }

    fn scan<'a>(&'a self, shard: Shard, after: &'a Cursor, limit: usize) -> Answer<'a, Page> {
        Box::pin(self.guard(self.inner.scan(shard, after, limit)))
    }

    fn follow<'a>(&'a self, shard: Shard, after: &'a Cursor, limit: usize) -> Answer<'a, Page> {
        Box::pin(self.guard(self.inner.follow(shard, after, limit)))
    }

    fn end(&self, shard: Shard) -> Answer<'_, Cursor> {
        Box::pin(self.guard(self.inner.end(shard)))
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
        Box::pin(self.guard(self.inner.streams(shard, after, limit)))
    }

    fn erase<'a>(&'a self, stream: &'a StreamId) -> Answer<'a, ()> {
        Box::pin(self.guard(self.inner.erase(stream)))
    }

    fn get<'a>(&'a self, keys: &'a [CellKey]) -> Answer<'a, Vec<Cell>> {
        Box::pin(self.guard(self.inner.get(keys)))
    }

    fn put(&self, puts: Vec<Put>) -> Answer<'_, Vec<Option<u64>>> {
        Box::pin(self.guard(self.inner.put(puts)))
    }

    fn list<'a>(
        &'a self,
        shard: Shard,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> Answer<'a, Vec<Cell>> {
        Box::pin(self.guard(self.inner.list(shard, prefix, after, limit)))
    }

    fn scrub(&self) -> Answer<'_, ()> {
        Box::pin(self.guard(self.inner.scrub()))
    }

    fn queries(&self) -> Option<&dyn Queries> {
        self.inner.queries().map(|_| self as &dyn Queries)
    }
}

impl<S: Store> Queries for Guarded<S> {
    fn count<'a>(
        &'a self,
        scope: &'a Scope,
        selection: &'a Selection,
        by: By,
    ) -> Answer<'a, BTreeMap<Key, u64>> {
        Box::pin(self.guard(query::count(&self.inner, scope, selection, by)))
    }

    fn times<'a>(&'a self, scope: &'a Scope, from: Timestamp, to: Timestamp) -> Answer<'a, Times> {
        Box::pin(self.guard(query::times(&self.inner, scope, from, to)))
    }
}
