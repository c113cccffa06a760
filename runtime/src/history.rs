//! What was: where an instance stood at any time, what led there and how long it stayed; and the same over all instances
//! of a machine.
//!
//! Everything is answered from records, page by page, or by the store where it can. Nothing here decides, records a step
//! or loads a stream whole.

mod distribution;
mod dwell;
mod error;
mod filter;
mod groups;
mod machine;
mod replay;
mod snapshots;
mod transitions;

pub use distribution::Distribution;
pub use dwell::{Dwell, Visits};
pub use error::HistoryError;
pub use filter::Filter;
pub use groups::{Group, GroupBy, Key};
pub use machine::MachineHistory;
pub use replay::{Replay, Replayed};
pub use transitions::{Transition, Transitions};

use crate::definition::NodeId;
use crate::error::LoadError;
use crate::instance::Instance;
use crate::machine::Machine;
use crate::repository::{Repository, named_state};
use crate::store::query::{self, Scope};
use crate::store::{Kind, Record, Revision, StoreError, StreamId};
use jiff::Timestamp;
use std::fmt;
use std::time::Duration;

/// What one instance has been through.
pub struct History<M> {
    repository: Repository<M>,
    stream: StreamId,
}

/// Where an instance stood.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Standing<S> {
    /// It had no record yet.
    Absent,
    /// In this state. One whose triggers had all been refused stood in its initial state.
    In(S),
    /// It had been deleted.
    Deleted,
    /// The record that says so was erased.
    Erased,
}

/// A moment of an instance: a time, or the revision of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// Behind the last record that is not later.
    Time(Timestamp),
    /// Behind this record; 0 is before the first.
    Revision(Revision),
}

/// An instance as it was.
#[derive(Debug)]
pub struct Moment<M: Machine> {
    /// State, data, timers and histories. What is done to it is not recorded.
    pub instance: Instance<M>,
    /// Its last record at that moment; 0: it had none.
    pub revision: Revision,
    /// When that was recorded.
    pub at: Option<Timestamp>,
}

impl From<Timestamp> for When {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

impl From<Revision> for When {
    fn from(revision: Revision) -> Self {
        Self::Revision(revision)
    }
}

impl<M: Machine> History<M> {
    pub(crate) fn new(repository: Repository<M>, stream: StreamId) -> Self {
        Self { repository, stream }
    }

    /// Where it stood at a time. It reads one record for each doubling of the stream's length.
    ///
    /// # Errors
    /// The store does not deliver, or the state is none of the machine's.
    pub async fn state_at(&self, time: Timestamp) -> Result<Standing<M::State>, HistoryError> {
        let found = query::last_by(self.repository.store(), &self.stream, time).await;
        standing::<M>(found.map_err(|source| self.unread(source))?.as_ref())
    }

    /// Where it stood behind a record; 0 is before the first.
    ///
    /// # Errors
    /// There is no such record; else as [`state_at`](Self::state_at).
    pub async fn state_at_revision(&self, revision: Revision) -> Result<Standing<M::State>, HistoryError> {
        standing::<M>(self.find(When::Revision(revision)).await?.as_ref())
    }

    /// The instance as it was, with its data: the nearest history snapshot that is not later and the records behind it,
    /// without any all records up to there. See [`checkpoint`](Self::checkpoint).
    ///
    /// # Errors
    /// There is no such record, the instance had been deleted or its records are erased ([`LoadError::Deleted`]), or
    /// they cannot be read.
    pub async fn data_at(&self, when: impl Into<When> + Send) -> Result<Moment<M>, HistoryError> {
        let Some(record) = self.find(when.into()).await? else {
            let instance = self.repository.fresh(&self.stream).instance;
            return Ok(Moment { instance, revision: Revision(0), at: None });
        };
        if matches!(record.step.kind, Kind::Deleted | Kind::Erased) {
            return Err(LoadError::Deleted { stream: self.stream.clone() }.into());
        }
        let mut loaded = self.nearest(record.revision).await?;
        self.repository.advance(&self.stream, &mut loaded, record.revision).await?;
        Ok(Moment { instance: loaded.instance, revision: record.revision, at: Some(record.step.at) })
    }

    /// Records from `from` to before `to`, those that the filter holds, the first `limit` of them, in order.
    pub fn transitions(
        &self,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
        filter: &Filter,
    ) -> Transitions<M> {
        let selection = filter.selection(M::DEFINITION, from, to);
        Transitions::of_stream(self.repository.clone(), self.stream.clone(), (selection, limit))
    }

    /// How long a node was active from `since` until now: a state, or a compound, parallel state or region by what is
    /// inside.
    ///
    /// # Errors
    /// See [`distribution`](Self::distribution).
    pub async fn time_in_state(
        &self,
        node: impl Into<NodeId> + Send,
        since: Timestamp,
    ) -> Result<Duration, HistoryError> {
        let (node, now) = (node.into(), self.repository.clock.now());
        Ok(self.distribution(since, now.max(since)).await?.time_in(node))
    }

    /// How long it stood where, from `from` to `to`. The state it is in lasts until `to`, also when that lies ahead.
    ///
    /// # Errors
    /// The span runs backwards, the store does not deliver, or a state is none of the machine's.
    pub async fn distribution(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Distribution<M>, HistoryError> {
        let StreamId { tenant, machine, instance } = self.stream.clone();
        let scope = Scope { machine, tenant: Some(tenant), instance: Some(instance) };
        Distribution::ask(self.repository.store(), &scope, (from, to)).await
    }

    /// Step by step from the beginning, with the instance before and after each.
    pub fn replay(&self) -> Replay<M> {
        Replay::new(self.repository.clone(), &self.stream)
    }

    /// The last record of a moment; `None` before the first.
    async fn find(&self, when: When) -> Result<Option<Record>, HistoryError> {
        let store = self.repository.store();
        match when {
            When::Time(time) => {
                query::last_by(store, &self.stream, time).await.map_err(|source| self.unread(source))
            }
            When::Revision(Revision(0)) => Ok(None),
            When::Revision(asked) => {
                let read = store.read(&self.stream, Revision(asked.0 - 1), 1).await;
                let (records, head) = read.map_err(|source| self.unread(source))?;
                match records.into_iter().next() {
                    Some(record) => Ok(Some(record)),
                    None => Err(HistoryError::NoRecord {
                        stream: self.stream.clone(),
                        asked,
                        head: head.revision,
                    }),
                }
            }
        }
    }

    fn unread(&self, source: StoreError) -> HistoryError {
        LoadError::Store { stream: self.stream.clone(), source }.into()
    }
}

/// Where a record leads.
fn standing<M: Machine>(record: Option<&Record>) -> Result<Standing<M::State>, HistoryError> {
    let Some(record) = record else { return Ok(Standing::Absent) };
    Ok(match record.step.kind {
        Kind::Step | Kind::Rejection => Standing::In(named_state::<M>(record, &record.step.to)?),
        Kind::Deleted => Standing::Deleted,
        Kind::Erased => Standing::Erased,
    })
}

impl<S> Standing<S> {
    /// The state, if it stood in one.
    pub fn state(self) -> Option<S> {
        match self {
            Self::In(state) => Some(state),
            _ => None,
        }
    }
}

impl<M> fmt::Debug for History<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("History").field(&self.stream).finish()
    }
}
