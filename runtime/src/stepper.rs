//! What generated code works on while it decides one step: a pass over the arms of a state.
//!
//! It collects; it neither selects arms nor records.

use crate::cx::Cx;
use crate::definition::chart::{Arms, Memory};
use crate::definition::{ArmId, NodeId};
use crate::engine;
use crate::machine::{Emits, Machine, MachineEvent};
use crate::timers::{Ledger, Period, Timer};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::VecDeque;

/// One pass over the arms of a state. Generated code is written once and runs as [`Stepper`], which acts, and as
/// [`Look`], which stops at the arm that would be taken.
pub trait Pass<M: Machine> {
    /// Whether the arm that is selected runs its actions.
    const ACTS: bool;

    /// What the user's expressions see as `data`, `state` and `cx`.
    fn scope(&self) -> (&M::Data, &M::State, &Cx);

    /// The state that the step starts from, or after [`enter`](Self::enter) the one it leads to.
    fn state(&self) -> M::State;

    /// What histories stand for.
    fn memory(&self) -> &Memory;

    /// Notes that an arm's guard did not hold. Always `false`, so that it can stand behind `guard ||`.
    fn missed(&self, arm: ArmId) -> bool;

    /// Notes what the regions selected.
    fn select(&mut self, arms: &Arms);

    /// Keeps what a `reject` arm says.
    fn refuse(&mut self, reason: Cow<'static, str>);

    /// Takes these of the selected arms together.
    fn take(&mut self, arms: Arms, trigger: M::Trigger);

    /// Applies an event to the data and keeps it for the record.
    fn emit<E>(&mut self, event: E)
    where
        M: Emits<E>;

    /// Keeps an effect for the record.
    fn act(&mut self, effect: M::Effect);

    /// Has a trigger handled within this step.
    fn raise(&mut self, trigger: M::Trigger);

    /// A final state of this node was entered.
    fn done(&mut self, node: NodeId);

    /// Sets a timer.
    fn schedule(&mut self, timer: ArmId, period: Period);

    /// Clears the timers of a node.
    fn cancel(&mut self, node: NodeId);

    /// From here on `state` is the state entered.
    fn enter(&mut self, state: M::State);
}

/// What waits within a step.
pub(crate) enum Pending<M: Machine> {
    Raised(M::Trigger),
    Done(NodeId),
}

/// Why a step cannot be brought to its end.
pub(crate) enum Failure {
    /// It does not come to rest.
    Livelock,
    /// An arm refuses a raised trigger.
    Refused { arm: ArmId, trigger: crate::explain::Asked },
}

/// A step in the making: the data it changes and what it has emitted so far.
pub struct Stepper<'a, M: Machine> {
    data: &'a mut M::Data,
    cx: &'a Cx,
    ledger: &'a Ledger,
    pub(crate) state: M::State,
    pub(crate) events: Vec<M::Event>,
    pub(crate) effects: Vec<M::Effect>,
    /// The arms taken so far.
    pub(crate) arms: Arms,
    pub(crate) missed: RefCell<Vec<ArmId>>,
    /// Histories and timers as the step leaves them, if it touches them.
    pub(crate) changed: Option<Box<Ledger>>,
    pub(crate) microsteps: u32,
    rare: Option<Box<Rare<M>>>,
}

/// What most steps do without.
struct Rare<M: Machine> {
    pending: VecDeque<Pending<M>>,
    /// The data as it was before the first event, where a step can fail half-way.
    before: Option<M::Data>,
    /// What the regions selected.
    selected: Arms,
    /// What a `reject` arm says.
    reason: Cow<'static, str>,
}

impl<M: Machine> Default for Rare<M> {
    fn default() -> Self {
        Self { pending: VecDeque::new(), before: None, selected: Arms::new(), reason: Cow::Borrowed("") }
    }
}

impl<'a, M: Machine> Stepper<'a, M> {
    pub(crate) fn new(state: M::State, data: &'a mut M::Data, around: (&'a Cx, &'a Ledger)) -> Self {
        Self {
            data,
            cx: around.0,
            ledger: around.1,
            state,
            events: Vec::new(),
            effects: Vec::new(),
            arms: Arms::new(),
            missed: RefCell::default(),
            changed: None,
            microsteps: 0,
            rare: None,
        }
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        self.changed.as_deref().unwrap_or(self.ledger)
    }

    pub(crate) fn ledger_mut(&mut self) -> &mut Ledger {
        self.changed.get_or_insert_with(|| Box::new(self.ledger.clone()))
    }

    /// Whether it touches nothing but state and data, and there are no timers that its end would clear.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.changed.is_none() && self.ledger.timers.is_empty()
    }

    fn rare(&mut self) -> &mut Rare<M> {
        self.rare.get_or_insert_default()
    }

    /// The data is as it was before the step.
    pub(crate) fn undo(&mut self) {
        if let Some(before) = self.rare.as_mut().and_then(|rare| rare.before.take()) {
            *self.data = before;
        }
    }

    /// What has waited longest.
    pub(crate) fn next_pending(&mut self) -> Option<Pending<M>> {
        self.rare.as_mut()?.pending.pop_front()
    }

    /// Nothing waits any more.
    pub(crate) fn drop_pending(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.pending.clear();
        }
    }

    /// What the arm that refused says.
    pub(crate) fn reason(&mut self) -> Cow<'static, str> {
        self.rare.as_mut().map(|rare| std::mem::take(&mut rare.reason)).unwrap_or_default()
    }

    /// The arms that the regions selected.
    pub(crate) fn selected(&self) -> Arms {
        self.rare.as_ref().map(|rare| rare.selected.clone()).unwrap_or_default()
    }
}

impl<M: Machine> Pass<M> for Stepper<'_, M> {
    const ACTS: bool = true;

    #[inline]
    fn scope(&self) -> (&M::Data, &M::State, &Cx) {
        (self.data, &self.state, self.cx)
    }

    #[inline]
    fn state(&self) -> M::State {
        self.state
    }

    fn memory(&self) -> &Memory {
        &self.ledger().memory
    }

    #[cold]
    fn missed(&self, arm: ArmId) -> bool {
        self.missed.borrow_mut().push(arm);
        false
    }

    fn select(&mut self, arms: &Arms) {
        self.rare().selected.clone_from(arms);
    }

    #[cold]
    fn refuse(&mut self, reason: Cow<'static, str>) {
        self.rare().reason = reason;
    }

    fn take(&mut self, arms: Arms, trigger: M::Trigger) {
        engine::microstep(self, &arms, Some(trigger));
    }

    #[inline]
    fn emit<E>(&mut self, event: E)
    where
        M: Emits<E>,
    {
        if M::RUNS_ON && self.rare().before.is_none() {
            self.rare().before = M::keep(self.data);
        }
        let event = M::event(event);
        event.apply(self.data);
        self.events.push(event);
    }

    #[inline]
    fn act(&mut self, effect: M::Effect) {
        self.effects.push(effect);
    }

    fn raise(&mut self, trigger: M::Trigger) {
        self.rare().pending.push_back(Pending::Raised(trigger));
    }

    fn done(&mut self, node: NodeId) {
        self.rare().pending.push_back(Pending::Done(node));
    }

    fn schedule(&mut self, timer: ArmId, period: Period) {
        let now = self.cx.now();
        let timer = Timer::new(M::DEFINITION, timer, (now, period));
        self.ledger_mut().timers.set(timer);
    }

    fn cancel(&mut self, node: NodeId) {
        if !self.ledger().timers.is_empty() {
            let own = M::DEFINITION.own_arms(Some(node));
            self.ledger_mut().timers.clear(|timer| own.contains(&timer));
        }
    }

    #[inline]
    fn enter(&mut self, state: M::State) {
        self.state = state;
    }
}

/// A pass that only asks: which arm would answer?
pub struct Look<'a, M: Machine> {
    data: &'a M::Data,
    cx: &'a Cx,
    state: M::State,
    ledger: &'a Ledger,
    pub(crate) missed: RefCell<Vec<ArmId>>,
    pub(crate) selected: Arms,
    pub(crate) taken: Arms,
}

impl<'a, M: Machine> Look<'a, M> {
    pub(crate) fn new(state: M::State, data: &'a M::Data, around: (&'a Cx, &'a Ledger)) -> Self {
        let (cx, ledger) = around;
        Self {
            data,
            cx,
            state,
            ledger,
            missed: RefCell::default(),
            selected: Arms::new(),
            taken: Arms::new(),
        }
    }
}

impl<M: Machine> Pass<M> for Look<'_, M> {
    const ACTS: bool = false;

    fn scope(&self) -> (&M::Data, &M::State, &Cx) {
        (self.data, &self.state, self.cx)
    }

    fn state(&self) -> M::State {
        self.state
    }

    fn memory(&self) -> &Memory {
        &self.ledger.memory
    }

    fn missed(&self, arm: ArmId) -> bool {
        self.missed.borrow_mut().push(arm);
        false
    }

    fn select(&mut self, arms: &Arms) {
        self.selected.clone_from(arms);
    }

    fn refuse(&mut self, _reason: Cow<'static, str>) {}

    fn take(&mut self, arms: Arms, _trigger: M::Trigger) {
        self.taken = arms;
    }

    fn emit<E>(&mut self, _event: E)
    where
        M: Emits<E>,
    {
    }

    fn act(&mut self, _effect: M::Effect) {}

    fn raise(&mut self, _trigger: M::Trigger) {}

    fn done(&mut self, _node: NodeId) {}

    fn schedule(&mut self, _timer: ArmId, _period: Period) {}

    fn cancel(&mut self, _node: NodeId) {}

    fn enter(&mut self, _state: M::State) {}
}
