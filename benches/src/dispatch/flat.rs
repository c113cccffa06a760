//! A flat machine: four states, four triggers, an answer to each in each state.

use super::bare::Bare;
use super::{Contestant, race};
use statewright::__private::Decision;
use statewright::Instance;
use statewright::prelude::*;
use std::hint::black_box;

state_machine! {
    /// Plays, pauses, stops.
    pub machine Player {
        triggers { Play, Pause, Stop, Power }
        initial Off;
        state Off { on Power => Stopped; ignore Play, Pause, Stop; }
        state Stopped { on Play => Playing; on Power => Off; ignore Pause, Stop; }
        state Playing { on Pause => Paused; on Stop => Stopped; on Power => Off; ignore Play; }
        state Paused { on Play | Pause => Playing; on Stop => Stopped; on Power => Off; }
    }
}

/// Whether the trigger led anywhere.
fn by_hand(state: &mut PlayerState, trigger: &PlayerTrigger) -> bool {
    use PlayerState::{Off, Paused, Playing, Stopped};
    use PlayerTrigger::{Pause, Play, Power, Stop};
    let to = match (*state, trigger) {
        (Off, Power) | (Playing | Paused, Stop) => Stopped,
        (Stopped, Play) | (Paused, Play | Pause) => Playing,
        (Playing, Pause) => Paused,
        (Stopped | Playing | Paused, Power) => Off,
        (Off, Play | Pause | Stop) | (Stopped, Pause | Stop) | (Playing, Play) => return false,
    };
    *state = to;
    true
}

mod smlang_machine {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
    smlang::statemachine! {
        transitions: {
            *Off + Power = Stopped,
            Off + Play = Off, Off + Pause = Off, Off + Stop = Off,
            Stopped + Play = Playing, Stopped + Power = Off, Stopped + Pause = Stopped, Stopped + Stop = Stopped,
            Playing + Pause = Paused, Playing + Stop = Stopped, Playing + Power = Off, Playing + Play = Playing,
            Paused + Play = Playing, Paused + Pause = Playing, Paused + Stop = Stopped, Paused + Power = Off,
        }
    }
    pub struct Context;
    impl StateMachineContext for Context {}
}

mod rust_fsm_machine {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
    rust_fsm::state_machine! {
        pub player(Off)
        Off => { Power => Stopped, Play => Off, Pause => Off, Stop => Off },
        Stopped => { Play => Playing, Power => Off, Pause => Stopped, Stop => Stopped },
        Playing => { Pause => Paused, Stop => Stopped, Power => Off, Play => Playing },
        Paused => { Play => Playing, Pause => Playing, Stop => Stopped, Power => Off }
    }
}

mod statig_machine {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
    use super::PlayerTrigger;
    use statig::prelude::*;

    #[derive(Default)]
    pub struct Player;

    #[state_machine(initial = "State::off()")]
    impl Player {
        #[state]
        fn off(event: &PlayerTrigger) -> Outcome<State> {
            match event {
                PlayerTrigger::Power => Transition(State::stopped()),
                _ => Handled,
            }
        }
        #[state]
        fn stopped(event: &PlayerTrigger) -> Outcome<State> {
            match event {
                PlayerTrigger::Play => Transition(State::playing()),
                PlayerTrigger::Power => Transition(State::off()),
                _ => Handled,
            }
        }
        #[state]
        fn playing(event: &PlayerTrigger) -> Outcome<State> {
            match event {
                PlayerTrigger::Pause => Transition(State::paused()),
                PlayerTrigger::Stop => Transition(State::stopped()),
                PlayerTrigger::Power => Transition(State::off()),
                PlayerTrigger::Play => Handled,
            }
        }
        #[state]
        fn paused(event: &PlayerTrigger) -> Outcome<State> {
            match event {
                PlayerTrigger::Play | PlayerTrigger::Pause => Transition(State::playing()),
                PlayerTrigger::Stop => Transition(State::stopped()),
                PlayerTrigger::Power => Transition(State::off()),
            }
        }
    }
}

pub(super) fn run() {
    use statig::prelude::*;
    let mut state = PlayerState::Off;
    let mut bare = Bare::<Player>::new();
    let mut ours = Instance::<Player>::new();
    let mut smlang = smlang_machine::StateMachine::new(smlang_machine::Context);
    let mut rust_fsm = rust_fsm_machine::player::StateMachine::new();
    let mut statig = statig_machine::Player.state_machine();
    let contestants = vec![
        Contestant::new("by hand", |triggers: &[PlayerTrigger]| {
            for trigger in triggers {
                black_box(by_hand(&mut state, black_box(trigger)));
            }
        }),
        Contestant::new("statewright, dispatch", move |triggers: &[PlayerTrigger]| {
            for trigger in triggers {
                let decision = Player::decide(black_box(trigger).clone(), &mut bare);
                black_box(matches!(decision, Decision::Took(_)));
            }
        }),
        Contestant::new("statewright, whole step", move |triggers: &[PlayerTrigger]| {
            for trigger in triggers {
                if let Ok(step) = ours.fire(black_box(trigger).clone()) {
                    black_box((step.from, step.to));
                }
            }
        }),
        Contestant::new("statig", move |triggers: &[PlayerTrigger]| {
            for trigger in triggers {
                statig.handle(black_box(trigger));
            }
        }),
        Contestant::new("smlang", move |triggers: &[PlayerTrigger]| {
            for trigger in triggers {
                let event = match black_box(trigger) {
                    PlayerTrigger::Play => smlang_machine::Events::Play,
                    PlayerTrigger::Pause => smlang_machine::Events::Pause,
                    PlayerTrigger::Stop => smlang_machine::Events::Stop,
                    PlayerTrigger::Power => smlang_machine::Events::Power,
                };
                black_box(smlang.process_event(event).is_ok());
            }
        }),
        Contestant::new("rust-fsm", move |triggers: &[PlayerTrigger]| {
            for trigger in triggers {
                let event = match black_box(trigger) {
                    PlayerTrigger::Play => rust_fsm_machine::player::Input::Play,
                    PlayerTrigger::Pause => rust_fsm_machine::player::Input::Pause,
                    PlayerTrigger::Stop => rust_fsm_machine::player::Input::Stop,
                    PlayerTrigger::Power => rust_fsm_machine::player::Input::Power,
                };
                black_box(rust_fsm.consume(&event).is_ok());
            }
        }),
    ];
    let trigger = |rng: &mut fastrand::Rng| match rng.u8(..4) {
        0 => PlayerTrigger::Play,
        1 => PlayerTrigger::Pause,
        2 => PlayerTrigger::Stop,
        _ => PlayerTrigger::Power,
    };
    race("flat", trigger, contestants);
}
