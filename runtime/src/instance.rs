//! One running machine in memory: no store, no executor.
//!
//! Durable instances are this with a record written before anybody sees the step; that is the host's work.

mod step;

pub use step::{Changes, Due, Step};

use crate::cx::Cx;
use crate::definition::chart::Arms;
use crate::definition::{ArmId, NodeId, TriggerId, Unhandled};
use crate::engine;
use crate::explain::{self, Asked, Explanation, Permitted, Rejection};
use crate::machine::{Decision, Machine, MachineState, MachineTrigger};
use crate::stepper::{Failure, Look, Stepper};
use crate::timers::{Ledger, Missed, Timer, Turn};
use jiff::Timestamp;
use std::fmt;

/// A machine's instance: where it is and what its events have built up.
///
/// A panic in one of the machine's own expressions leaves the data of the events emitted until then; an instance
/// that has panicked is not to be used again. (A host drops its copy and reads it anew.)
pub struct Instance<M: Machine> {
    state: M::State,
    data: M::Data,
    begun: bool,
    ledger: Ledger,
    cx: Cx,
}

impl<M: Machine> Instance<M> {
    /// An instance that has not begun: it begins with its first accepted trigger.
    pub fn new() -> Self {
        Self::with(Cx::default())
    }

    /// The same with surroundings of the caller's: clock, ids, address.
    pub fn with(cx: Cx) -> Self {
        Self { state: M::INITIAL, data: M::Data::default(), begun: false, ledger: Ledger::default(), cx }
    }

    /// An instance as it was left: nothing is entered, nothing runs.
    pub fn restore(state: M::State, data: M::Data, cx: Cx) -> Self {
        Self { state, data, begun: true, ledger: Ledger::default(), cx }
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
        self.begun && self.state.is_end()
    }

    /// When the next timer is due; `None` when none is set.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.ledger.timers.first().map(|timer| timer.due)
    }

    /// Every timer that is set, the one that is due first at the front.
    pub fn timers(&self) -> impl Iterator<Item = &Timer> {
        self.ledger.timers.iter()
    }

    /// What a history stands for; `None` when its parent was never left.
    pub fn remembered(&self, history: NodeId) -> Option<&[NodeId]> {
        self.ledger.memory.get(history)
    }

    /// Enters the initial configuration without a trigger. `None` if the instance has begun before.
    ///
    /// # Errors
    /// The [`Rejection`] of a beginning that does not come to rest, or raises what is refused.
    pub fn start(&mut self) -> Result<Option<Step<M>>, Rejection> {
        if self.begun {
            return Ok(None);
        }
        self.cx.prepare(None, None);
        self.begin().map(Some)
    }

    /// The same in surroundings that are prepared, of an instance that has not begun.
    pub(crate) fn begin(&mut self) -> Result<Step<M>, Rejection> {
        let mut step = Stepper::new(self.state, &mut self.data, (&self.cx, &self.ledger));
        engine::begin(&mut step);
        let settled = engine::settle(&mut step);
        let made = Made::of(step, settled);
        self.conclude(self.state, made)
    }

    /// Runs one trigger to completion.
    ///
    /// # Errors
    /// The [`Rejection`]; state, data, histories and timers are as they were.
    pub fn fire(&mut self, trigger: M::Trigger) -> Result<Step<M>, Rejection> {
        self.cx.prepare(None, None);
        self.decide(trigger)
    }

    /// The same in surroundings that are prepared.
    pub(crate) fn decide(&mut self, trigger: M::Trigger) -> Result<Step<M>, Rejection> {
        let id = trigger.id();
        if self.is_finished() || is_internal::<M>(id) {
            return Err(self.unanswered(&Asked::of::<M>(id)));
        }
        let from = self.state;
        let mut step = Stepper::new(from, &mut self.data, (&self.cx, &self.ledger));
        if !self.begun {
            engine::begin(&mut step);
            if let Err(failure) = engine::settle(&mut step) {
                let made = Made::of(step, Err(failure));
                return self.conclude(from, made);
            }
            if step.state.is_end() {
                let at = step.state;
                return Err(self.ended_at_once(at, id));
            }
        }
        let at = step.state;
        match engine::fire(trigger, &mut step) {
            // Nothing to run on, nothing to keep besides state and data: most steps end here.
            Decision::Took(_) if !M::RUNS_ON && step.is_plain() => {
                let Stepper { state: to, events, effects, arms, missed, .. } = step;
                self.state = to;
                self.begun = true;
                let missed = missed.into_inner();
                Ok(Step { from, to, events, effects, arms, missed, changes: None, ignored: false })
            }
            Decision::Ignored(_) if self.begun => Ok(Step::nowhere(from)),
            Decision::Took(_) => {
                step.microsteps += 1;
                let settled = engine::settle(&mut step);
                let made = Made::of(step, settled);
                self.conclude(from, made)
            }
            decision => {
                let mut asked = Asked::of::<M>(id);
                asked.missed = step.missed.take();
                asked.selected = step.selected();
                asked.reason = step.reason();
                step.undo();
                self.turn_down(at, &asked, settle::<M>(decision))
            }
        }
    }

    /// The initial state is final, or leads to one: there is nothing to be fired at.
    fn ended_at_once(&mut self, at: M::State, id: TriggerId) -> Rejection {
        self.forget();
        let explanation = Box::new(explain::explain::<M>(at, &Asked::of::<M>(id), Decision::NotHandled));
        Rejection::Finished { explanation }
    }

    /// Runs the timer that is due first, if one is due by now; several that are due take several calls.
    ///
    /// A timer that runs once is spent, whether its guard holds or not; one that repeats waits for its next turn behind
    /// now. Either is a step to be recorded, even when no arm is taken.
    ///
    /// # Errors
    /// The [`Rejection`] of a step that does not come to rest, or raises what is refused: the timer is still set.
    pub fn run_due(&mut self) -> Result<Option<Step<M>>, Rejection> {
        self.cx.prepare(None, None);
        match self.first_due() {
            Some(timer) => self.elapse(timer, Missed::FireOnce).map(Some),
            None => Ok(None),
        }
    }

    /// The timer that is due first, in surroundings that are prepared.
    pub(crate) fn first_due(&self) -> Option<Timer> {
        let now = self.cx.now();
        self.ledger.timers.first().filter(|timer| timer.due <= now)
    }

    /// Runs a timer that is set, in surroundings that are prepared, whatever is due before it.
    pub(crate) fn run_timer(&mut self, timer: ArmId) -> Result<Step<M>, Rejection> {
        match self.ledger.timers.get(timer) {
            Some(timer) => self.elapse(timer, Missed::FireOnce),
            None => Ok(Step::nowhere(self.state)),
        }
    }

    /// Runs a timer that is due, in surroundings that are prepared.
    pub(crate) fn elapse(&mut self, timer: Timer, policy: Missed) -> Result<Step<M>, Rejection> {
        let Turn { next, missed, skipped } = timer.turn(self.cx.now(), policy);
        if skipped {
            return Ok(self.spend(timer, policy));
        }
        let from = self.state;
        let mut step = Stepper::new(from, &mut self.data, (&self.cx, &self.ledger));
        step.ledger_mut().timers.replace(timer.arm, next);
        self.cx.set_deadline(Some((timer.due, missed)));
        let took = engine::elapse(&mut step, timer.arm);
        step.microsteps += u32::from(took);
        let settled = if took { engine::settle(&mut step) } else { Ok(()) };
        self.cx.set_deadline(None);
        let made = Made::of(step, settled);
        let mut step = self.conclude(from, made)?;
        step.changes.get_or_insert_default().due = Some(Due { timer, missed, unasked: false });
        Ok(step)
    }

    /// Lets a timer that is due go by, in surroundings that are prepared: what runs once is done with, what repeats waits
    /// for its next turn.
    pub(crate) fn spend(&mut self, timer: Timer, policy: Missed) -> Step<M> {
        let Turn { next, missed, .. } = timer.turn(self.cx.now(), policy);
        let before = self.ledger.clone();
        self.ledger.timers.replace(timer.arm, next);
        let mut changes = Changes::between(&before, &self.ledger);
        changes.due = Some(Due { timer, missed, unasked: true });
        Step { changes: Some(Box::new(changes)), ignored: false, ..Step::nowhere(self.state) }
    }

    /// Takes over what a step has come to, or leaves all as it was.
    fn conclude(&mut self, from: M::State, made: Made<M>) -> Result<Step<M>, Rejection> {
        let Made { state, events, effects, arms, missed, changed, settled } = made;
        match settled {
            Ok(()) => {
                let changes = changed.map(|after| {
                    let changes = Changes::between(&self.ledger, &after);
                    self.ledger = *after;
                    Box::new(changes)
                });
                self.begun = true;
                self.state = state;
                Ok(Step { from, to: state, events, effects, arms, missed, changes, ignored: false })
            }
            Err(Failure::Refused { arm, trigger }) => {
                let decision = Decision::Refused(arm);
                match self.turn_down(state, &trigger, decision) {
                    Err(rejection) => Err(rejection),
                    Ok(_) => Ok(Step::nowhere(from)),
                }
            }
            Err(Failure::Livelock) => {
                self.forget();
                let asked = Asked::nothing();
                Err(Rejection::Livelock {
                    explanation: Box::new(explain::explain::<M>(from, &asked, Decision::NotHandled)),
                })
            }
        }
    }

    /// What [`fire`](Self::fire) would make of a trigger.
    pub fn explain(&self, trigger: &M::Trigger) -> Explanation {
        let mut asked = Asked::of::<M>(trigger.id());
        let (state, decision) = self.ask(trigger, &mut asked);
        explain::explain::<M>(state, &asked, decision)
    }

    /// Whether [`fire`](Self::fire) would accept a trigger.
    pub fn can_fire(&self, trigger: &M::Trigger) -> bool {
        matches!(
            self.ask(trigger, &mut Asked::of::<M>(trigger.id())).1,
            Decision::Took(_) | Decision::Ignored(_)
        )
    }

    /// The triggers that the current state answers, with the guards they depend on. Of a trigger without payload it
    /// says whether it would be accepted now.
    pub fn permitted(&self) -> Vec<Permitted> {
        let mut permitted = explain::permitted(M::DEFINITION, &self.state.leaves());
        let bare = (0..)
            .map(TriggerId)
            .zip(M::DEFINITION.triggers)
            .filter_map(|(id, def)| M::Trigger::bare(id).map(|trigger| (def.name, trigger)));
        for (name, trigger) in bare {
            if let Some(found) = permitted.iter_mut().find(|permitted| permitted.trigger == name) {
                found.forecast = Some(self.can_fire(&trigger));
            }
        }
        permitted
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

    /// Histories and timers, to be set as records and snapshots say.
    pub(crate) fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) fn cx_mut(&mut self) -> &mut Cx {
        &mut self.cx
    }

    pub(crate) fn cx(&self) -> &Cx {
        &self.cx
    }

    /// The state in which a trigger would be asked, and what would come of it.
    fn ask(&self, trigger: &M::Trigger, asked: &mut Asked) -> (M::State, Decision) {
        if self.is_finished() || is_internal::<M>(trigger.id()) {
            return (self.state, Decision::NotHandled);
        }
        self.cx.refresh();
        // Guards look at the data as it will be when the trigger is fired, and asking must not change it: so an
        // instance that has not begun is begun on data of its own.
        let mut fresh = M::Data::default();
        let (state, data, ledger) = if self.begun {
            (self.state, &self.data, self.ledger.clone())
        } else {
            let mut step = Stepper::<M>::new(self.state, &mut fresh, (&self.cx, &self.ledger));
            engine::begin(&mut step);
            if engine::settle(&mut step).is_err() || step.state.is_end() {
                return (step.state, Decision::NotHandled);
            }
            let (state, ledger) = (step.state, step.ledger().clone());
            (state, &fresh, ledger)
        };
        let mut look = Look::new(state, data, (&self.cx, &ledger));
        let decision = settle::<M>(M::decide(trigger.clone(), &mut look));
        asked.missed = look.missed.into_inner();
        (asked.taken, asked.selected) = (look.taken, look.selected);
        (state, decision)
    }

    fn turn_down(&mut self, at: M::State, asked: &Asked, decision: Decision) -> Result<Step<M>, Rejection> {
        self.forget();
        let explanation = || Box::new(explain::explain::<M>(at, asked, decision));
        match decision {
            Decision::Refused(_) => {
                Err(Rejection::Refused { reason: asked.reason.clone(), explanation: explanation() })
            }
            Decision::NotHandled => Err(Rejection::NotHandled { explanation: explanation() }),
            Decision::Took(_) | Decision::Ignored(_) => Ok(Step::nowhere(self.state)),
        }
    }

    /// Entry actions of the initial configuration may have emitted: a beginning that fails leaves no trace.
    fn forget(&mut self) {
        if !self.begun {
            self.data = M::Data::default();
        }
    }

    /// Of an instance that has finished, and of a trigger that can only be raised.
    fn unanswered(&self, asked: &Asked) -> Rejection {
        let explanation = Box::new(explain::explain::<M>(self.state, asked, Decision::NotHandled));
        if self.is_finished() {
            Rejection::Finished { explanation }
        } else {
            Rejection::NotHandled { explanation }
        }
    }
}

/// What a step has come to, with the data let go.
struct Made<M: Machine> {
    state: M::State,
    events: Vec<M::Event>,
    effects: Vec<M::Effect>,
    arms: Arms,
    missed: Vec<ArmId>,
    changed: Option<Box<Ledger>>,
    settled: Result<(), Failure>,
}

impl<M: Machine> Made<M> {
    /// A step that has failed is undone.
    fn of(mut step: Stepper<'_, M>, settled: Result<(), Failure>) -> Self {
        if settled.is_err() {
            step.undo();
        }
        let Stepper { state, events, effects, arms, missed, changed, .. } = step;
        Self { state, events, effects, arms, missed: missed.into_inner(), changed, settled }
    }
}

/// Whether a trigger can only be raised.
fn is_internal<M: Machine>(trigger: TriggerId) -> bool {
    M::RUNS_ON && M::DEFINITION.trigger(trigger).is_some_and(|def| def.internal)
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
