//! An instance step by step.
//!
//! Two copies go through the records, one a step behind the other: data need not be cloned, and two of it is all that is
//! kept.

use super::{HistoryError, Transition};
use crate::error::LoadError;
use crate::event::UpcastContext;
use crate::instance::Instance;
use crate::machine::Machine;
use crate::repository::{Loaded, Repository};
use crate::store::query::PAGE_MAX;
use crate::store::{Kind, Record, StreamId};
use std::collections::VecDeque;
use std::fmt;

/// A replay under way; at most one page of records is in memory.
#[must_use = "nothing is read until it is asked for"]
pub struct Replay<M: Machine> {
    repository: Repository<M>,
    stream: StreamId,
    before: Loaded<M>,
    after: Loaded<M>,
    page: VecDeque<Record>,
    /// The record that lies between the two copies.
    between: Option<Record>,
    ended: bool,
}

/// One record of a replay.
#[derive(Debug)]
#[non_exhaustive]
pub struct Replayed<'a, M: Machine> {
    /// What was recorded.
    pub transition: Transition<M>,
    /// The instance before it.
    pub before: &'a Instance<M>,
    /// The instance behind it; of a refusal and a deletion the same.
    pub after: &'a Instance<M>,
}

impl<M: Machine> Replay<M> {
    pub(super) fn new(repository: Repository<M>, stream: &StreamId) -> Self {
        let (before, after) = (repository.fresh(stream), repository.fresh(stream));
        let (page, between) = (VecDeque::new(), None);
        Self { repository, stream: stream.clone(), before, after, page, between, ended: false }
    }

    /// The next record; `None` behind the last. A call that is cancelled may be made again.
    ///
    /// # Errors
    /// The store does not deliver, a record cannot be read, or it was erased ([`LoadError::Deleted`]); it ends there.
    pub async fn try_next(&mut self) -> Result<Option<Replayed<'_, M>>, HistoryError> {
        let Some(record) = self.record().await? else { return Ok(None) };
        let records = self.between.iter().chain([&record]);
        let mut seals = self.repository.seals_of(&self.stream, records).await?;
        // Whatever fails from here on has left half a step in a copy.
        self.ended = true;
        if let Some(between) = self.between.take() {
            seals.enter(|| take_over(&mut self.before, &between))?;
        }
        match record.step.kind {
            Kind::Deleted => {}
            _ => seals.enter(|| take_over(&mut self.after, &record))?,
        }
        let transition = seals.enter(|| Transition::read(record.clone()))?;
        self.ended = record.step.kind == Kind::Deleted;
        self.between = Some(record);
        Ok(Some(Replayed { transition, before: &self.before.instance, after: &self.after.instance }))
    }

    async fn record(&mut self) -> Result<Option<Record>, LoadError> {
        if self.ended {
            return Ok(None);
        }
        if self.page.is_empty() {
            tokio::task::yield_now().await;
            let read = self.repository.store.read(&self.stream, self.after.revision(), PAGE_MAX).await;
            let (page, _) =
                read.map_err(|source| LoadError::Store { stream: self.stream.clone(), source })?;
            self.page = page.into();
        }
        Ok(self.page.pop_front())
    }
}

fn take_over<M: Machine>(loaded: &mut Loaded<M>, record: &Record) -> Result<(), LoadError> {
    let StreamId { tenant, machine, instance } = &record.stream;
    let mut place = UpcastContext::new(tenant, machine, instance).at(record.revision.0, record.step.at);
    loaded.apply(record, &mut place)
}

impl<M: Machine> fmt::Debug for Replay<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay")
            .field("stream", &self.stream)
            .field("revision", &self.after.revision())
            .finish_non_exhaustive()
    }
}
