//! Three levels, entry and exit actions on each. An action says what was done, and that is folded into the data; a
//! whole step keeps it as well.

#![allow(unreachable_pub, reason = "a machine of the benches, public for the peers' macros")]

use super::bare::Bare;
use super::{Contestant, race};
use serde::{Deserialize, Serialize};
use statewright::Instance;
use statewright::prelude::*;
use std::hint::black_box;

state_machine! {
    /// Two groups of two inside one device.
    pub machine Device {
        data Count;
        triggers { Next, Jump, Reset }
        events { Did }
        initial Whole;
        state Whole {
            initial First;
            entry emit Did { what: 1 };
            exit emit Did { what: 2 };
            on Reset => internal A;
            state First {
                initial A;
                entry emit Did { what: 3 };
                exit emit Did { what: 4 };
                on Jump => Second;
                state A { entry emit Did { what: 5 }; exit emit Did { what: 6 }; on Next => B; }
                state B { entry emit Did { what: 7 }; exit emit Did { what: 8 }; on Next => A; }
            }
            state Second {
                initial C;
                entry emit Did { what: 9 };
                exit emit Did { what: 10 };
                on Jump => First;
                state C { entry emit Did { what: 11 }; exit emit Did { what: 12 }; on Next => D; }
                state D { entry emit Did { what: 13 }; exit emit Did { what: 14 }; on Next => C; }
            }
        }
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "device.did", version = 1)]
pub struct Did {
    what: u32,
}

/// Counts it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Count {
    done: u64,
}

impl Apply<Did> for Count {
    fn apply(&mut self, event: &Did) {
        self.done = self.done.wrapping_mul(31).wrapping_add(u64::from(event.what));
    }
}

/// The same by hand.
struct ByHand {
    state: DeviceState,
    data: Count,
}

impl ByHand {
    fn fire(&mut self, trigger: &DeviceTrigger) {
        use DeviceState::{A, B, C, D};
        use DeviceTrigger::{Jump, Next, Reset};
        self.state = match (self.state, trigger) {
            (A, Next) => self.done([6, 7], B),
            (A, Jump) => self.done([6, 4, 9, 11], C),
            (A, Reset) => self.done([6, 4, 3, 5], A),
            (B, Next) => self.done([8, 5], A),
            (B, Jump) => self.done([8, 4, 9, 11], C),
            (B, Reset) => self.done([8, 4, 3, 5], A),
            (C, Next) => self.done([12, 13], D),
            (C, Jump | Reset) => self.done([12, 10, 3, 5], A),
            (D, Next) => self.done([14, 11], C),
            (D, Jump | Reset) => self.done([14, 10, 3, 5], A),
        };
    }

    #[inline]
    fn done<const N: usize>(&mut self, whats: [u32; N], to: DeviceState) -> DeviceState {
        for what in whats {
            self.data.apply(&Did { what });
        }
        to
    }
}

mod statig_machine {
    #![allow(missing_docs, unreachable_pub, unused_variables, clippy::all, clippy::pedantic)]
    use super::{Apply, Count, DeviceTrigger, Did};
    use statig::prelude::*;

    #[derive(Default)]
    pub struct Device {
        pub data: Count,
    }

    impl Device {
        fn did(&mut self, what: u32) {
            self.data.apply(&Did { what });
        }
    }

    #[state_machine(initial = "State::a()")]
    impl Device {
        #[superstate(entry_action = "enter_whole", exit_action = "exit_whole")]
        fn whole(event: &DeviceTrigger) -> Outcome<State> {
            match event {
                DeviceTrigger::Reset => Transition(State::a()),
                _ => Super,
            }
        }
        #[superstate(superstate = "whole", entry_action = "enter_first", exit_action = "exit_first")]
        fn first(event: &DeviceTrigger) -> Outcome<State> {
            match event {
                DeviceTrigger::Jump => Transition(State::c()),
                _ => Super,
            }
        }
        #[superstate(superstate = "whole", entry_action = "enter_second", exit_action = "exit_second")]
        fn second(event: &DeviceTrigger) -> Outcome<State> {
            match event {
                DeviceTrigger::Jump => Transition(State::a()),
                _ => Super,
            }
        }
        #[state(superstate = "first", entry_action = "enter_a", exit_action = "exit_a")]
        fn a(event: &DeviceTrigger) -> Outcome<State> {
            match event {
                DeviceTrigger::Next => Transition(State::b()),
                _ => Super,
            }
        }
        #[state(superstate = "first", entry_action = "enter_b", exit_action = "exit_b")]
        fn b(event: &DeviceTrigger) -> Outcome<State> {
            match event {
                DeviceTrigger::Next => Transition(State::a()),
                _ => Super,
            }
        }
        #[state(superstate = "second", entry_action = "enter_c", exit_action = "exit_c")]
        fn c(event: &DeviceTrigger) -> Outcome<State> {
            match event {
                DeviceTrigger::Next => Transition(State::d()),
                _ => Super,
            }
        }
        #[state(superstate = "second", entry_action = "enter_d", exit_action = "exit_d")]
        fn d(event: &DeviceTrigger) -> Outcome<State> {
            match event {
                DeviceTrigger::Next => Transition(State::c()),
                _ => Super,
            }
        }
        #[action]
        fn enter_whole(&mut self) {
            self.did(1);
        }
        #[action]
        fn exit_whole(&mut self) {
            self.did(2);
        }
        #[action]
        fn enter_first(&mut self) {
            self.did(3);
        }
        #[action]
        fn exit_first(&mut self) {
            self.did(4);
        }
        #[action]
        fn enter_a(&mut self) {
            self.did(5);
        }
        #[action]
        fn exit_a(&mut self) {
            self.did(6);
        }
        #[action]
        fn enter_b(&mut self) {
            self.did(7);
        }
        #[action]
        fn exit_b(&mut self) {
            self.did(8);
        }
        #[action]
        fn enter_second(&mut self) {
            self.did(9);
        }
        #[action]
        fn exit_second(&mut self) {
            self.did(10);
        }
        #[action]
        fn enter_c(&mut self) {
            self.did(11);
        }
        #[action]
        fn exit_c(&mut self) {
            self.did(12);
        }
        #[action]
        fn enter_d(&mut self) {
            self.did(13);
        }
        #[action]
        fn exit_d(&mut self) {
            self.did(14);
        }
    }
}

pub(super) fn run() {
    use statig::prelude::*;
    let mut by_hand = ByHand { state: DeviceState::A, data: Count::default() };
    let mut bare = Bare::<Device>::new();
    let mut ours = Instance::<Device>::new();
    let mut statig = statig_machine::Device::default().state_machine();
    let contestants = vec![
        Contestant::new("by hand", |triggers: &[DeviceTrigger]| {
            for trigger in triggers {
                by_hand.fire(black_box(trigger));
            }
        }),
        Contestant::new("statewright, dispatch", move |triggers: &[DeviceTrigger]| {
            for trigger in triggers {
                black_box(Device::decide(black_box(trigger).clone(), &mut bare));
            }
        }),
        Contestant::new("statewright, whole step", move |triggers: &[DeviceTrigger]| {
            for trigger in triggers {
                if let Ok(step) = ours.fire(black_box(trigger).clone()) {
                    black_box((step.from, step.to, &step.events));
                }
            }
        }),
        Contestant::new("statig", move |triggers: &[DeviceTrigger]| {
            for trigger in triggers {
                statig.handle(black_box(trigger));
            }
        }),
    ];
    let trigger = |rng: &mut fastrand::Rng| match rng.u8(..3) {
        0 => DeviceTrigger::Next,
        1 => DeviceTrigger::Jump,
        _ => DeviceTrigger::Reset,
    };
    race("three levels, hooks", trigger, contestants);
}
