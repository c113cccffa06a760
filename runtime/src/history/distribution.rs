//! How long was spent where.

use super::HistoryError;
use crate::definition::NodeId;
use crate::machine::{Machine, MachineState, active};
use crate::repository::read_state;
use crate::store::Store;
use crate::store::query::{self, Place, Scope, Spent, Times};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long instances stood where, within a span of time. [`states`](Self::states), [`absent`](Self::absent),
/// [`deleted`](Self::deleted) and [`erased`](Self::erased) sum to the span times the number of instances, in
/// microseconds: a state with regions is one state there. Regions stand side by side: the states of one sum to the time
/// of that region, not those of all.
#[derive(Clone, Debug)]
pub struct Distribution<M: Machine> {
    span: (Timestamp, Timestamp),
    instances: u64,
    absent: Spent,
    deleted: Spent,
    erased: Spent,
    states: Vec<(M::State, Spent)>,
}

impl<M: Machine> Distribution<M> {
    pub(super) async fn ask(
        store: &dyn Store,
        scope: &Scope,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<Self, HistoryError> {
        if to < from {
            return Err(HistoryError::Backwards { from, to });
        }
        let machine = || M::DEFINITION.machine.to_owned();
        let times = query::times(store, scope, from, to).await;
        let times = times.map_err(|source| HistoryError::Store { machine: machine(), source })?;
        Self::of(times, (from, to))
    }

    fn of(times: Times, span: (Timestamp, Timestamp)) -> Result<Self, HistoryError> {
        let (mut deleted, mut erased, mut states) = (Spent::default(), Spent::default(), BTreeMap::new());
        for (place, spent) in times.places {
            match place {
                Place::In(name) => {
                    let state = read::<M>(&name)?;
                    // Former names of a state are one with it; by leaves it is in source order.
                    let leaves = state.leaves();
                    states.entry(leaves.to_vec()).or_insert((state, Spent::default())).1.add(spent);
                }
                Place::Deleted => deleted.add(spent),
                Place::Erased => erased.add(spent),
            }
        }
        let states = states.into_values().collect();
        Ok(Self { span, instances: times.streams, absent: times.absent, deleted, erased, states })
    }

    /// The beginning and the end.
    pub fn span(&self) -> (Timestamp, Timestamp) {
        self.span
    }

    /// How many instances there are.
    pub fn instances(&self) -> u64 {
        self.instances
    }

    /// States in which time was spent, or in which an instance is at the end; whole states, in source order.
    pub fn states(&self) -> impl Iterator<Item = (M::State, Spent)> {
        self.states.iter().copied()
    }

    /// Time before the first records.
    pub fn absent(&self) -> Spent {
        self.absent
    }

    /// Time behind deletions.
    pub fn deleted(&self) -> Spent {
        self.deleted
    }

    /// Time behind records that were erased.
    pub fn erased(&self) -> Spent {
        self.erased
    }

    /// Time in which a node was active: a state, or a compound, parallel state or region by what is inside.
    pub fn time_in(&self, node: impl Into<NodeId>) -> Duration {
        self.spent_in(node).time
    }

    /// The same, with the number of instances of which it is active at the end.
    pub fn spent_in(&self, node: impl Into<NodeId>) -> Spent {
        let (node, mut sum) = (node.into(), Spent::default());
        for (_, spent) in self.states.iter().filter(|(state, _)| active::<M>(*state).contains(node)) {
            sum.add(*spent);
        }
        sum
    }

    /// Every node that can be active, in source order.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, Spent)> {
        let nodes = M::DEFINITION.ids().filter(|id| !M::DEFINITION.kind(*id).is_history());
        nodes.map(|id| (id, self.spent_in(id)))
    }
}

/// A recorded state, by its name alone.
pub(super) fn read<M: Machine>(name: &str) -> Result<M::State, HistoryError> {
    read_state::<M>(name)
        .map_err(|error| HistoryError::UnknownState { machine: error.machine.to_owned(), state: error.name })
}
