//! The same questions over all instances of a machine, or those of one tenant.

use super::{Distribution, Dwell, Filter, Group, GroupBy, HistoryError, Transitions, dwell};
use crate::machine::Machine;
use crate::repository::Repository;
use crate::store::query::{self, Scope};
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;

/// What the instances of a machine have been through.
pub struct MachineHistory<M> {
    repository: Repository<M>,
    scope: Scope,
}

impl<M: Machine> MachineHistory<M> {
    pub(crate) fn new(repository: Repository<M>, tenant: Option<&str>) -> Self {
        let tenant = tenant.map(Arc::from);
        Self { repository, scope: Scope { machine: M::DEFINITION.machine.into(), tenant, instance: None } }
    }

    /// Records from `from` to before `to`, those that the filter holds, the first `limit` of them: shard by shard, in each
    /// in the order of the log, which is that of revisions within an instance.
    pub fn transitions(
        &self,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
        filter: &Filter,
    ) -> Transitions<M> {
        let selection = filter.selection(M::DEFINITION, from, to);
        Transitions::of_log(self.repository.clone(), self.scope.clone(), (selection, limit))
    }

    /// How many records there are from `from` to before `to`, of those that the filter holds, in groups: states in source
    /// order of their names, triggers by name, times in order. Groups without records are left out.
    ///
    /// # Errors
    /// The span runs backwards, there are too many groups, the store does not deliver, or a state is none of the machine's.
    pub async fn group_by(
        &self,
        by: GroupBy,
        from: Timestamp,
        to: Timestamp,
        filter: &Filter,
    ) -> Result<Vec<Group<M::State>>, HistoryError> {
        check(from, to)?;
        let selection = filter.selection(M::DEFINITION, from, to);
        let counts = query::count(self.repository.store(), &self.scope, &selection, by.by()).await;
        by.groups::<M>(
            counts
                .map_err(|source| HistoryError::Store { machine: self.scope.machine.to_string(), source })?,
        )
    }

    /// How long all instances together stood where, from `from` to `to`, and where they are at `to`.
    ///
    /// # Errors
    /// The span runs backwards, the store does not deliver, or a state is none of the machine's.
    pub async fn distribution(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Distribution<M>, HistoryError> {
        Distribution::ask(self.repository.store(), &self.scope, (from, to)).await
    }

    /// How long visits lasted that ended from `from` to before `to`, wherever they began. It reads every record before
    /// `to`; a sketch of at most some 16 KiB stands for the visits of a node.
    ///
    /// # Errors
    /// The span runs backwards, the store does not deliver, or a state is none of the machine's.
    pub async fn dwell(&self, from: Timestamp, to: Timestamp) -> Result<Dwell, HistoryError> {
        check(from, to)?;
        dwell::measure::<M>(self.repository.store(), &self.scope, (from, to)).await
    }
}

fn check(from: Timestamp, to: Timestamp) -> Result<(), HistoryError> {
    if to < from { Err(HistoryError::Backwards { from, to }) } else { Ok(()) }
}

impl<M> fmt::Debug for MachineHistory<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MachineHistory").field(&self.scope).finish()
    }
}
