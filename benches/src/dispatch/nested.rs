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
    /// Two halves of two groups of two.
    pub machine Device {
        data Count;
        triggers { Next, Jump, Cross }
        events { Did }
        initial North;
        state North {
            initial A;
            entry emit Did { what: 1 };
            exit emit Did { what: 2 };
            on Cross => South;
            state A {
                initial A1;
                entry emit Did { what: 5 };
                exit emit Did { what: 6 };
                on Jump => B;
                state A1 { entry emit Did { what: 13 }; exit emit Did { what: 14 }; on Next => A2; }
                state A2 { entry emit Did { what: 15 }; exit emit Did { what: 16 }; on Next => A1; }
            }
            state B {
                initial B1;
                entry emit Did { what: 7 };
                exit emit Did { what: 8 };
                on Jump => A;
                state B1 { entry emit Did { what: 17 }; exit emit Did { what: 18 }; on Next => B2; }
                state B2 { entry emit Did { what: 19 }; exit emit Did { what: 20 }; on Next => B1; }
            }
        }
        state South {
            initial C;
            entry emit Did { what: 3 };
            exit emit Did { what: 4 };
            on Cross => North;
            state C {
                initial C1;
                entry emit Did { what: 9 };
                exit emit Did { what: 10 };
                on Jump => D;
                state C1 { entry emit Did { what: 21 }; exit emit Did { what: 22 }; on Next => C2; }
                state C2 { entry emit Did { what: 23 }; exit emit Did { what: 24 }; on Next => C1; }
            }
            state D {
                initial D1;
                entry emit Did { what: 11 };
                exit emit Did { what: 12 };
                on Jump => C;
                state D1 { entry emit Did { what: 25 }; exit emit Did { what: 26 }; on Next => D2; }
                state D2 { entry emit Did { what: 27 }; exit emit Did { what: 28 }; on Next => D1; }
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
        self.done += u64::from(event.what);
    }
}

/// The same by hand.
struct ByHand {
    state: DeviceState,
    data: Count,
}

impl ByHand {
    fn fire(&mut self, trigger: &DeviceTrigger) {
        use DeviceState::{A1, A2, B1, B2, C1, C2, D1, D2};
        use DeviceTrigger::{Cross, Jump, Next};
        self.state = match (self.state, trigger) {
            (A1, Next) => self.done([14, 15], A2),
            (A1, Jump) => self.done([14, 6, 7, 17], B1),
            (A1, Cross) => self.done([14, 6, 2, 3, 9, 21], C1),
            (A2, Next) => self.done([16, 13], A1),
            (A2, Jump) => self.done([16, 6, 7, 17], B1),
            (A2, Cross) => self.done([16, 6, 2, 3, 9, 21], C1),
            (B1, Next) => self.done([18, 19], B2),
            (B1, Jump) => self.done([18, 8, 5, 13], A1),
            (B1, Cross) => self.done([18, 8, 2, 3, 9, 21], C1),
            (B2, Next) => self.done([20, 17], B1),
            (B2, Jump) => self.done([20, 8, 5, 13], A1),
            (B2, Cross) => self.done([20, 8, 2, 3, 9, 21], C1),
            (C1, Next) => self.done([22, 23], C2),
            (C1, Jump) => self.done([22, 10, 11, 25], D1),
            (C1, Cross) => self.done([22, 10, 4, 1, 5, 13], A1),
            (C2, Next) => self.done([24, 21], C1),
            (C2, Jump) => self.done([24, 10, 11, 25], D1),
            (C2, Cross) => self.done([24, 10, 4, 1, 5, 13], A1),
            (D1, Next) => self.done([26, 27], D2),
            (D1, Jump) => self.done([26, 12, 9, 21], C1),
            (D1, Cross) => self.done([26, 12, 4, 1, 5, 13], A1),
            (D2, Next) => self.done([28, 25], D1),
            (D2, Jump) => self.done([28, 12, 9, 21], C1),
            (D2, Cross) => self.done([28, 12, 4, 1, 5, 13], A1),
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

    #[state_machine(initial = "State::a1()")]
    impl Device {
        #[superstate(entry_action = "enter_north", exit_action = "exit_north")]
        fn north(event: &DeviceTrigger) -> Outcome<State> {
            match event {
                DeviceTrigger::Cross => Transition(State::c1()),
                _ => Super,
            }
        }
        #[superstate(entry_action = "enter_south", exit_action = "exit_south")]
        fn south(event: &DeviceTrigger) -> Outcome<State> {
            match event {
                DeviceTrigger::Cross => Transition(State::a1()),
                _ => Super,
            }
        }
        #[superstate(superstate = "north", entry_action = "enter_a", exit_action = "exit_a")]
        fn a(event: &DeviceTrigger) -> Outcome<State> {
            match event {
                DeviceTrigger::Jump => Transition(State::b1()),
                _ => Super,
            }
        }
        #[superstate(superstate = "north", entry_action = "enter_b", exit_action = "exit_b")]
        fn b(event: &DeviceTrigger) -> Outcome<State> {
            match event {
                DeviceTrigger::Jump => Transition(State::a1()),
                _ => Super,
            }
        }
        #[superstate(superstate = "south", entry_action = "enter_c", exit_action = "exit_c")]
        fn c(event: &DeviceTrigger) -> Outcome<State> {
            match event {
                DeviceTrigger::Jump => Transition(State::d1()),
                _ => Super,
            }
        }
        #[superstate(superstate = "south", entry_action = "enter_d", exit_action = "exit_d")]
        fn d(event: &DeviceTrigger) -> Outcome<State> {
            match event {
                DeviceTrigger::Jump => Transition(State::c1()),
                _ => Super,
            }
        }
        #[state(superstate = "a", entry_action = "enter_a1", exit_action = "exit_a1")]
        fn a1(event: &DeviceTrigger) -> Outcome<State> {
            match event {
                DeviceTrigger::Next => Transition(State::a2()),
                _ => Super,
            }
        }
        #[state(superstate = "a", entry_action = "enter_a2", exit_action = "exit_a2")]
        fn a2(event: &DeviceTrigger) -> Outcome<State> {
            match event {
                DeviceTrigger::Next => Transition(State::a1()),
                _ => Super,
            }
        }
        #[state(superstate = "b", entry_action = "enter_b1", exit_action = "exit_b1")]
        fn b1(event: &DeviceTrigger) -> Outcome<State> {
            match event {
                DeviceTrigger::Next => Transition(State::b2()),
                _ => Super,
            }
        }
        #[state(superstate = "b", entry_action = "enter_b2", exit_action = "exit_b2")]
        fn b2(event: &DeviceTrigger) -> Outcome<State> {
            match event {
                DeviceTrigger::Next => Transition(State::b1()),
                _ => Super,
            }
        }
        #[state(superstate = "c", entry_action = "enter_c1", exit_action = "exit_c1")]
        fn c1(event: &DeviceTrigger) -> Outcome<State> {
            match event {
                DeviceTrigger::Next => Transition(State::c2()),
                _ => Super,
            }
        }
        #[state(superstate = "c", entry_action = "enter_c2", exit_action = "exit_c2")]
        fn c2(event: &DeviceTrigger) -> Outcome<State> {
            match event {
                DeviceTrigger::Next => Transition(State::c1()),
                _ => Super,
            }
        }
        #[state(superstate = "d", entry_action = "enter_d1", exit_action = "exit_d1")]
        fn d1(event: &DeviceTrigger) -> Outcome<State> {
            match event {
                DeviceTrigger::Next => Transition(State::d2()),
                _ => Super,
            }
        }
        #[state(superstate = "d", entry_action = "enter_d2", exit_action = "exit_d2")]
        fn d2(event: &DeviceTrigger) -> Outcome<State> {
            match event {
                DeviceTrigger::Next => Transition(State::d1()),
                _ => Super,
            }
        }
        #[action]
        fn enter_north(&mut self) {
            self.did(1);
        }
        #[action]
        fn exit_north(&mut self) {
            self.did(2);
        }
        #[action]
        fn enter_south(&mut self) {
            self.did(3);
        }
        #[action]
        fn exit_south(&mut self) {
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
        fn enter_c(&mut self) {
            self.did(9);
        }
        #[action]
        fn exit_c(&mut self) {
            self.did(10);
        }
        #[action]
        fn enter_d(&mut self) {
            self.did(11);
        }
        #[action]
        fn exit_d(&mut self) {
            self.did(12);
        }
        #[action]
        fn enter_a1(&mut self) {
            self.did(13);
        }
        #[action]
        fn exit_a1(&mut self) {
            self.did(14);
        }
        #[action]
        fn enter_a2(&mut self) {
            self.did(15);
        }
        #[action]
        fn exit_a2(&mut self) {
            self.did(16);
        }
        #[action]
        fn enter_b1(&mut self) {
            self.did(17);
        }
        #[action]
        fn exit_b1(&mut self) {
            self.did(18);
        }
        #[action]
        fn enter_b2(&mut self) {
            self.did(19);
        }
        #[action]
        fn exit_b2(&mut self) {
            self.did(20);
        }
        #[action]
        fn enter_c1(&mut self) {
            self.did(21);
        }
        #[action]
        fn exit_c1(&mut self) {
            self.did(22);
        }
        #[action]
        fn enter_c2(&mut self) {
            self.did(23);
        }
        #[action]
        fn exit_c2(&mut self) {
            self.did(24);
        }
        #[action]
        fn enter_d1(&mut self) {
            self.did(25);
        }
        #[action]
        fn exit_d1(&mut self) {
            self.did(26);
        }
        #[action]
        fn enter_d2(&mut self) {
            self.did(27);
        }
        #[action]
        fn exit_d2(&mut self) {
            self.did(28);
        }
    }
}

pub(super) fn run() {
    use statig::prelude::*;
    let mut by_hand = ByHand { state: DeviceState::A1, data: Count::default() };
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
        _ => DeviceTrigger::Cross,
    };
    race("three levels, hooks", trigger, contestants);
}
