//! What a step comes to.

use crate::definition::chart::{Arms, Nodes};
use crate::definition::{ArmId, NodeId};
use crate::machine::Machine;
use crate::timers::{Ledger, Timer};

/// One accepted trigger, or one timer that was due, run to completion. An [`Instance`](crate::Instance) does not run
/// its effects.
#[derive(Clone, Debug)]
pub struct Step<M: Machine> {
    /// The state left: where the trigger was asked.
    pub from: M::State,
    /// The state entered.
    pub to: M::State,
    /// What happened, in order; already applied to the data.
    pub events: Vec<M::Event>,
    /// What is to be done outside, in order.
    pub effects: Vec<M::Effect>,
    /// The arms taken, microstep by microstep.
    pub arms: Arms,
    /// The guards that were asked and did not hold, by arm.
    pub missed: Vec<ArmId>,
    /// Timers set and cleared, and histories that stand for something else, if there are any.
    pub changes: Option<Box<Changes>>,
    /// The trigger was accepted and nothing happened: there is nothing to record.
    pub ignored: bool,
}

/// What a step changes besides state and data.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// The timer that was due, if one was.
    pub due: Option<Due>,
    /// Timers set: new ones, and those set anew.
    pub set: Vec<Timer>,
    /// Timers cleared.
    pub cleared: Vec<Timer>,
    /// Histories, and the nodes that each stands for from now on.
    pub remembered: Vec<(NodeId, Nodes)>,
}

/// A timer that was due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Due {
    /// The timer as it was set.
    pub timer: Timer,
    /// How many of its turns are left out.
    pub missed: u64,
    /// Its arm was not asked: its turns are skipped, or the step to which it led is refused. It is spent all the same.
    pub unasked: bool,
}

impl<M: Machine> Step<M> {
    /// The step that does nothing.
    pub(crate) fn nowhere(state: M::State) -> Self {
        Self {
            from: state,
            to: state,
            events: Vec::new(),
            effects: Vec::new(),
            arms: Arms::new(),
            missed: Vec::new(),
            changes: None,
            ignored: true,
        }
    }
}

impl Changes {
    pub(super) fn between(before: &Ledger, after: &Ledger) -> Self {
        let new = |timer: &&Timer| before.timers.get(timer.arm) != Some(**timer);
        let gone = |timer: &&Timer| after.timers.get(timer.arm).is_none();
        let changed = |(history, nodes): &(NodeId, &[NodeId])| before.memory.get(*history) != Some(*nodes);
        let remembered = after.memory.iter().filter(changed);
        Self {
            due: None,
            set: after.timers.iter().filter(new).copied().collect(),
            cleared: before.timers.iter().filter(gone).copied().collect(),
            remembered: remembered
                .map(|(history, nodes)| (history, nodes.iter().copied().collect()))
                .collect(),
        }
    }
}
