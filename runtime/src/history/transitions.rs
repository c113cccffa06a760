//! Records as a stream, read page by page: of one instance, or of all in the order of the log.

use super::HistoryError;
use crate::error::LoadError;
use crate::event::UpcastContext;
use crate::machine::Machine;
use crate::personal::Seals;
use crate::repository::{Repository, decode_events, named_state};
use crate::store::query::{PAGE_MAX, Scope, Selection, last_by};
use crate::store::{Cursor, Kind, Record, Revision, Shard, Store, StoreError, StreamId};
use futures_core::Stream;
use futures_core::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// One record, read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Transition<M: Machine> {
    /// As it is stored.
    pub record: Record,
    /// The state left; `None` for a deletion and for what was erased.
    pub from: Option<M::State>,
    /// The state entered; `None` for a deletion and for what was erased.
    pub to: Option<M::State>,
    /// What happened, in the newest versions.
    pub events: Vec<M::Event>,
}

/// Records that are handed out one by one; at most one page of them is in memory.
#[must_use = "nothing is read until it is asked for"]
pub struct Transitions<M> {
    repository: Repository<M>,
    selection: Selection,
    left: usize,
    page: VecDeque<Record>,
    /// What opens them.
    seals: Seals,
    /// `None`: the last page is read, or under way.
    source: Option<Source>,
    reading: Option<BoxFuture<'static, Read>>,
}

/// Where the next page comes from.
enum Source {
    /// One stream, from the first record that is not before a time.
    Beginning(StreamId, Timestamp),
    /// One stream, behind a record.
    Stream(StreamId, Revision),
    /// The order of the shards, one after the other.
    Log(Scope, Shard, Cursor),
}

/// A page with what opens it, and where the next one comes from; `None` behind the last.
type Read = Result<(Vec<Record>, Seals, Option<Source>), HistoryError>;

/// The same without what opens it.
type Page = Result<(Vec<Record>, Option<Source>), HistoryError>;

impl<M: Machine> Transitions<M> {
    pub(super) fn of_stream(repository: Repository<M>, stream: StreamId, asked: (Selection, usize)) -> Self {
        let source = Source::Beginning(stream, asked.0.since);
        Self::new(repository, source, asked)
    }

    pub(super) fn of_log(repository: Repository<M>, scope: Scope, asked: (Selection, usize)) -> Self {
        Self::new(repository, Source::Log(scope, Shard(0), Cursor::default()), asked)
    }

    fn new(repository: Repository<M>, source: Source, (selection, left): (Selection, usize)) -> Self {
        let (page, seals) = (VecDeque::new(), Seals::default());
        Self { repository, selection, left, page, seals, source: Some(source), reading: None }
    }

    /// The next one; `None` behind the last. Cancel safe.
    ///
    /// # Errors
    /// The store does not deliver, or a record cannot be read; it ends there.
    pub async fn try_next(&mut self) -> Result<Option<Transition<M>>, HistoryError> {
        let next = std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx));
        next.await.transpose()
    }

    fn take(&mut self) -> Option<Result<Transition<M>, HistoryError>> {
        while let Some(record) = self.page.pop_front() {
            if self.selection.holds(&record.step) {
                self.left -= 1;
                let read = self.seals.enter(|| Transition::read(record));
                if read.is_err() {
                    self.left = 0;
                }
                return Some(read.map_err(HistoryError::from));
            }
        }
        None
    }

    /// Times never decrease within a stream: behind its end nothing is asked for.
    fn is_behind(&self, record: Option<&Record>) -> bool {
        record.is_some_and(|record| record.step.at >= self.selection.until)
    }
}

impl<M: Machine> Stream for Transitions<M> {
    type Item = Result<Transition<M>, HistoryError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.left == 0 {
                (self.source, self.reading) = (None, None);
                return Poll::Ready(None);
            }
            if let Some(found) = self.take() {
                return Poll::Ready(Some(found));
            }
            if let Some(source) = self.source.take() {
                self.reading = Some(Box::pin(read(self.repository.clone(), source)));
            }
            let Some(reading) = self.reading.as_mut() else { return Poll::Ready(None) };
            let read = ready!(reading.as_mut().poll(cx));
            self.reading = None;
            match read {
                Ok((page, seals, next)) => {
                    self.seals = seals;
                    let ends = matches!(next, Some(Source::Stream(..))) && self.is_behind(page.last());
                    self.source = next.filter(|_| !ends);
                    self.page = page.into();
                }
                Err(error) => {
                    self.left = 0;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

async fn read<M: Machine>(repository: Repository<M>, source: Source) -> Read {
    let machine = M::DEFINITION.machine;
    let (page, next) = source.read(Arc::clone(&repository.store), machine).await?;
    let seals = repository.seals_of_page(&page).await;
    let seals = seals.map_err(|source| HistoryError::Store { machine: machine.to_owned(), source })?;
    Ok((page, seals, next))
}

impl Source {
    async fn read(self, store: Arc<dyn Store>, machine: &'static str) -> Page {
        // A store that answers at once must not keep the thread from others.
        tokio::task::yield_now().await;
        match self {
            Self::Beginning(stream, since) => {
                let before = since.checked_sub(SignedDuration::from_nanos(1)).ok();
                let last = match before {
                    Some(before) => last_by(&*store, &stream, before).await,
                    None => Ok(None),
                };
                let last = last.map_err(|source| LoadError::Store { stream: stream.clone(), source })?;
                Ok((Vec::new(), Some(Self::Stream(stream, last.map_or(Revision(0), |last| last.revision)))))
            }
            Self::Stream(stream, after) => {
                let read = store.read(&stream, after, PAGE_MAX).await;
                let (page, _) = read.map_err(|source| LoadError::Store { stream: stream.clone(), source })?;
                let next = page.last().map(|last| Self::Stream(stream, last.revision));
                Ok((page, next))
            }
            Self::Log(scope, shard, cursor) => {
                let fail = |source: StoreError| HistoryError::Store { machine: machine.to_owned(), source };
                let page = store.scan(shard, &cursor, PAGE_MAX).await.map_err(fail)?;
                let next = if page.records.is_empty() {
                    let next = shard.0 + 1;
                    (next < store.limits().shards).then(|| (Shard(next), Cursor::default()))
                } else {
                    Some((shard, page.next))
                };
                let mut records = page.records;
                records.retain(|record| scope.holds(&record.stream));
                Ok((records, next.map(|(shard, cursor)| Self::Log(scope, shard, cursor))))
            }
        }
    }
}

impl<M: Machine> Transition<M> {
    pub(crate) fn read(record: Record) -> Result<Self, LoadError> {
        let has_states = matches!(record.step.kind, Kind::Step | Kind::Rejection);
        let state = |text| has_states.then(|| named_state::<M>(&record, text)).transpose();
        let (from, to) = (state(&record.step.from)?, state(&record.step.to)?);
        let StreamId { tenant, machine, instance } = &record.stream;
        let mut place = UpcastContext::new(tenant, machine, instance).at(record.revision.0, record.step.at);
        let events = decode_events::<M>(&record, &mut place)?;
        Ok(Self { record, from, to, events })
    }
}

impl<M> fmt::Debug for Transitions<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transitions")
            .field("selection", &self.selection)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
