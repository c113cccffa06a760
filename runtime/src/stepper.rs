//! What generated code works on while it decides one step: a pass over the arms of a state.
//!
//! It collects; it neither selects arms nor records.

use crate::cx::Cx;
use crate::definition::ArmId;
use crate::machine::{Emits, Machine, MachineEvent};
use std::cell::RefCell;

/// One pass over the arms of a state. Generated code is written once and runs as [`Stepper`], which acts, and as
/// [`Look`], which stops at the arm that would be taken.
pub trait Pass<M: Machine> {
    /// Whether the arm that is selected runs its actions.
    const ACTS: bool;

    /// What the user's expressions see as `data`, `state` and `cx`.
    fn scope(&self) -> (&M::Data, &M::State, &Cx);

    /// The state that the step starts from, or after [`enter`](Self::enter) the one it leads to.
    fn state(&self) -> M::State;

    /// Notes that an arm's guard did not hold. Always `false`, so that it can stand behind `guard ||`.
    fn missed(&self, arm: ArmId) -> bool;

    /// Applies an event to the data and keeps it for the record.
    fn emit<E>(&mut self, event: E)
    where
        M: Emits<E>;

    /// Keeps an effect for the record.
    fn act(&mut self, effect: M::Effect);

    /// From here on `state` is the state entered.
    fn enter(&mut self, state: M::State);
}

/// A step in the making: the data it changes and what it has emitted so far.
pub struct Stepper<'a, M: Machine> {
    data: &'a mut M::Data,
    cx: &'a Cx,
    pub(crate) state: M::State,
    pub(crate) events: Vec<M::Event>,
    pub(crate) effects: Vec<M::Effect>,
    pub(crate) missed: RefCell<Vec<ArmId>>,
}

impl<'a, M: Machine> Stepper<'a, M> {
    pub(crate) fn new(state: M::State, data: &'a mut M::Data, cx: &'a Cx) -> Self {
        Self { data, cx, state, events: Vec::new(), effects: Vec::new(), missed: RefCell::default() }
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

    #[cold]
    fn missed(&self, arm: ArmId) -> bool {
        self.missed.borrow_mut().push(arm);
        false
    }

    #[inline]
    fn emit<E>(&mut self, event: E)
    where
        M: Emits<E>,
    {
        let event = M::event(event);
        event.apply(self.data);
        self.events.push(event);
    }

    #[inline]
    fn act(&mut self, effect: M::Effect) {
        self.effects.push(effect);
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
    pub(crate) missed: RefCell<Vec<ArmId>>,
}

impl<'a, M: Machine> Look<'a, M> {
    pub(crate) fn new(state: M::State, data: &'a M::Data, cx: &'a Cx) -> Self {
        Self { data, cx, state, missed: RefCell::default() }
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

    fn missed(&self, arm: ArmId) -> bool {
        self.missed.borrow_mut().push(arm);
        false
    }

    fn emit<E>(&mut self, _event: E)
    where
        M: Emits<E>,
    {
    }

    fn act(&mut self, _effect: M::Effect) {}

    fn enter(&mut self, _state: M::State) {}
}
