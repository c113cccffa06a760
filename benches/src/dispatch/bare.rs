//! The generated step function alone: a pass that applies events and goes where it is led, and keeps nothing.

use statewright::__private::{ArmId, Cx, Emits, Machine, MachineEvent, NodeId, Pass, Period};
use statewright::definition::chart::{Arms, Memory};
use std::borrow::Cow;

pub(super) struct Bare<M: Machine> {
    pub(super) state: M::State,
    pub(super) data: M::Data,
    cx: Cx,
    memory: Memory,
}

impl<M: Machine> Bare<M> {
    pub(super) fn new() -> Self {
        Self { state: M::INITIAL, data: M::Data::default(), cx: Cx::default(), memory: Memory::default() }
    }
}

impl<M: Machine> Pass<M> for Bare<M> {
    const ACTS: bool = true;

    fn scope(&self) -> (&M::Data, &M::State, &Cx) {
        (&self.data, &self.state, &self.cx)
    }

    fn state(&self) -> M::State {
        self.state
    }

    fn memory(&self) -> &Memory {
        &self.memory
    }

    fn missed(&self, _arm: ArmId) -> bool {
        false
    }

    fn select(&mut self, _arms: &Arms) {}

    fn refuse(&mut self, _reason: Cow<'static, str>) {}

    fn take(&mut self, _arms: Arms, _trigger: M::Trigger) {}

    fn emit<E>(&mut self, event: E)
    where
        M: Emits<E>,
    {
        M::event(event).apply(&mut self.data);
    }

    fn act(&mut self, _effect: M::Effect) {}

    fn raise(&mut self, _trigger: M::Trigger) {}

    fn done(&mut self, _node: NodeId) {}

    fn schedule(&mut self, _timer: ArmId, _period: Period) {}

    fn cancel(&mut self, _node: NodeId) {}

    fn enter(&mut self, state: M::State) {
        self.state = state;
    }
}
