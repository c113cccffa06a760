//! One running machine in memory: no store, no executor.
//!
//! Durable instances are this with a record written before anybody sees the step; that is the host's work.

use crate::cx::Cx;
use crate::definition::{ArmId, Unhandled};
use crate::explain::{self, Asked, Explanation, Permitted, Rejection};
use crate::machine::{Decision, Machine, MachineState};
use crate::stepper::{Look, Stepper};
use std::fmt;

/// A machine's instance: where it is and what its events have built up.
///
/// A panic in one of the machine's own expressions leaves the data of the events emitted until then; an instance
/// that has panicked is not to be used again. (A host drops its copy and reads it anew.)
pub struct Instance<M: Machine> {
    state: M::State,
    data: M::Data,
    begun: bool,
    cx: Cx,
}

/// One accepted trigger run to completion. An [`Instance`] does not run its effects.
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
    /// The trigger was accepted and nothing happened: there is nothing to record.
    pub ignored: bool,
}

impl<M: Machine> Step<M> {
    /// The step that does nothing.
    pub(crate) fn nowhere(state: M::State) -> Self {
        Self { from: state, to: state, events: Vec::new(), effects: Vec::new(), ignored: true }
    }
}

impl<M: Machine> Instance<M> {
    /// An instance that has not begun: it begins with its first accepted trigger.
    pub fn new() -> Self {
        Self::with(Cx::default())
    }

    /// The same with surroundings of the caller's: clock, ids, address.
    pub fn with(cx: Cx) -> Self {
        Self { state: M::INITIAL, data: M::Data::default(), begun: false, cx }
    }

    /// An instance as it was left: nothing is entered, nothing runs.
    pub fn restore(state: M::State, data: M::Data, cx: Cx) -> Self {
        Self { state, data, begun: true, cx }
    }

    /// Where it is; before it has begun, where it will begin.
    pub fn state(&self) -> M::State {
        self.state
    }

    /// What its events have built up.
    pub fn data(&self) -> &M::Data {
        &self.data
    }

    /// Whether it has begun: a first trigger was accepted, or [`start`](Self::start) called.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether a final state of the machine itself was entered: every later trigger is rejected.
    pub fn is_finished(&self) -> bool {
        explain::is_end(M::DEFINITION, self.state.leaf())
    }

    /// Enters the initial configuration without a trigger. `None` if the instance has begun before.
    pub fn start(&mut self) -> Option<Step<M>> {
        if self.begun {
            return None;
        }
        self.cx.prepare(None, None);
        Some(self.begin())
    }

    /// The same in surroundings that are prepared, of an instance that has not begun.
    pub(crate) fn begin(&mut self) -> Step<M> {
        let mut step = Stepper::new(self.state, &mut self.data, &self.cx);
        M::begin(&mut step);
        let (events, effects) = (step.events, step.effects);
        self.begun = true;
        Step { from: self.state, to: self.state, events, effects, ignored: false }
    }

    /// Runs one trigger to completion.
    ///
    /// # Errors
    /// The [`Rejection`]; state and data are as they were.
    pub fn fire(&mut self, trigger: M::Trigger) -> Result<Step<M>, Rejection> {
        self.cx.prepare(None, None);
        self.decide(trigger)
    }

    /// The same in surroundings that are prepared.
    pub(crate) fn decide(&mut self, trigger: M::Trigger) -> Result<Step<M>, Rejection> {
        let mut asked = Asked::of(&trigger);
        if self.is_finished() {
            return Err(Rejection::Finished {
                explanation: Box::new(self.explained(&asked, &Decision::NotHandled)),
            });
        }
        let from = self.state;
        let mut step = Stepper::new(from, &mut self.data, &self.cx);
        if !self.begun {
            M::begin(&mut step);
        }
        let decision = settle::<M>(M::decide(trigger, &mut step));
        let taken = Step {
            from,
            to: step.state,
            events: std::mem::take(&mut step.events),
            effects: std::mem::take(&mut step.effects),
            ignored: false,
        };
        match decision {
            Decision::Took(_) => {
                self.begun = true;
                self.state = taken.to;
                Ok(taken)
            }
            decision => {
                asked.missed = step.missed.into_inner();
                self.turn_down(&asked, &decision)
            }
        }
    }

    /// What [`fire`](Self::fire) would make of a trigger.
    pub fn explain(&self, trigger: &M::Trigger) -> Explanation {
        let mut asked = Asked::of(trigger);
        let decision = self.ask(trigger, &mut asked.missed);
        self.explained(&asked, &decision)
    }

    /// Whether [`fire`](Self::fire) would accept a trigger.
    pub fn can_fire(&self, trigger: &M::Trigger) -> bool {
        matches!(self.ask(trigger, &mut Vec::new()), Decision::Took(_) | Decision::Ignored(_))
    }

    /// The triggers that the current state answers.
    pub fn permitted(&self) -> Vec<Permitted> {
        explain::permitted(M::DEFINITION, self.state.leaf())
    }

    /// Applies recorded events and goes where the record says: no guard is evaluated, no action runs.
    pub fn replay(&mut self, events: &[M::Event], to: M::State) {
        use crate::machine::MachineEvent;
        for event in events {
            event.apply(&mut self.data);
        }
        self.state = to;
        self.begun = true;
    }

    pub(crate) fn cx_mut(&mut self) -> &mut Cx {
        &mut self.cx
    }

    pub(crate) fn cx(&self) -> &Cx {
        &self.cx
    }

    fn ask(&self, trigger: &M::Trigger, missed: &mut Vec<ArmId>) -> Decision {
        if self.is_finished() {
            return Decision::NotHandled;
        }
        self.cx.refresh();
        let mut fresh = M::Data::default();
        let data = if self.begun { &self.data } else { self.begin_on(&mut fresh) };
        let mut look = Look::new(self.state, data, &self.cx);
        let decision = settle::<M>(M::ask(trigger.clone(), &mut look));
        *missed = look.missed.into_inner();
        decision
    }

    /// Guards look at the data as it will be when the trigger is fired, and asking must not change it: so an
    /// instance that has not begun is begun on data of its own.
    fn begin_on<'a>(&self, fresh: &'a mut M::Data) -> &'a M::Data {
        M::begin(&mut Stepper::new(self.state, fresh, &self.cx));
        fresh
    }

    fn turn_down(&mut self, asked: &Asked, decision: &Decision) -> Result<Step<M>, Rejection> {
        if !self.begun {
            // Entry actions of the initial configuration may have emitted: a rejected beginning leaves no trace.
            self.data = M::Data::default();
        }
        let explanation = || Box::new(self.explained(asked, decision));
        match decision {
            Decision::Refused(_, reason) => {
                Err(Rejection::Refused { reason: reason.clone(), explanation: explanation() })
            }
            Decision::NotHandled => Err(Rejection::NotHandled { explanation: explanation() }),
            Decision::Took(_) | Decision::Ignored(_) => Ok(Step {
                from: self.state,
                to: self.state,
                events: Vec::new(),
                effects: Vec::new(),
                ignored: true,
            }),
        }
    }

    fn explained(&self, asked: &Asked, decision: &Decision) -> Explanation {
        explain::explain::<M>(self.state, asked, decision)
    }
}

/// `unhandled ignore` accepts what no arm answers.
fn settle<M: Machine>(decision: Decision) -> Decision {
    match decision {
        Decision::NotHandled if M::DEFINITION.unhandled == Unhandled::Ignore => Decision::Ignored(None),
        decision => decision,
    }
}

impl<M: Machine> Default for Instance<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: Machine> fmt::Debug for Instance<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("machine", &M::DEFINITION.machine)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
