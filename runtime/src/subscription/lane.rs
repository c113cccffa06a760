//! One order of records, read page by page: a shard, or one stream by its revisions.

use crate::store::{Cursor, Record, Revision, Shard, Store, StoreError, StreamId};
use futures_core::future::BoxFuture;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// Records that are read at once, and the most that a subscription keeps.
pub const PAGE_MAX: usize = 256;

/// Waits until there may be something new.
type Watch = BoxFuture<'static, Result<(), StoreError>>;

pub(super) struct Lane {
    pub(super) shard: Shard,
    /// Behind the last record that was handed out or passed over.
    pub(super) at: Cursor,
    /// It has been at its end since the subscription began, or fell behind in it.
    pub(super) reached: bool,
    stream: Option<StreamId>,
    /// The end of the shard from before a stream was read: what comes to the stream, comes behind it.
    end: Cursor,
    state: State,
}

enum State {
    /// There may be something to read.
    Due,
    /// There was nothing more. The mutex is never locked: with it, a subscription can be looked at from many threads.
    AtEnd(Option<Mutex<Watch>>),
}

impl Lane {
    pub(super) fn new(shard: Shard, stream: Option<StreamId>, at: Cursor) -> Self {
        Self { shard, at, reached: false, stream, end: Cursor::default(), state: State::Due }
    }

    pub(super) fn is_due(&self) -> bool {
        matches!(self.state, State::Due)
    }

    /// The next page: records, each with the place behind it. `true`: there may be more behind it.
    pub(super) async fn read(
        &mut self,
        store: &dyn Store,
    ) -> Result<(Vec<(Record, Cursor)>, bool), StoreError> {
        let page: Vec<_> = if let Some(stream) = &self.stream {
            let end = store.end(self.shard).await?;
            let (records, _) = store.read(stream, Revision(self.at.position()), PAGE_MAX).await?;
            self.end = end;
            let behind = |record: Record| {
                let cursor = Cursor::of(record.revision.0);
                (record, cursor)
            };
            records.into_iter().map(behind).collect()
        } else {
            let page = if self.reached {
                store.follow(self.shard, &self.at, PAGE_MAX).await?
            } else {
                store.scan(self.shard, &self.at, PAGE_MAX).await?
            };
            if page.records.is_empty() {
                self.at = page.next;
            }
            page.records.into_iter().zip(page.cursors).collect()
        };
        let full = page.len() >= PAGE_MAX;
        self.state = if full { State::Due } else { State::AtEnd(None) };
        self.reached = !full;
        Ok((page, full))
    }

    /// What was read is to be read again.
    pub(super) fn again(&mut self) {
        self.state = State::Due;
    }

    /// Becomes due when there may be something new.
    pub(super) fn poll(&mut self, store: &Arc<dyn Store>, cx: &mut Context<'_>) -> Result<(), StoreError> {
        let State::AtEnd(watch) = &mut self.state else { return Ok(()) };
        let after = if self.stream.is_some() { &self.end } else { &self.at };
        let watch = watch.get_or_insert_with(|| {
            let (store, shard, after) = (Arc::clone(store), self.shard, after.clone());
            let watch: Watch = Box::pin(async move { store.changed(shard, &after).await });
            Mutex::new(watch)
        });
        let watch = watch.get_mut().unwrap_or_else(PoisonError::into_inner);
        match watch.as_mut().poll(cx) {
            Poll::Pending => Ok(()),
            Poll::Ready(told) => {
                self.state = State::Due;
                told
            }
        }
    }
}
