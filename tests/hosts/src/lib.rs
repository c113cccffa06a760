//! A machine whose instances go on by themselves, in two releases, and the stores that several processes have in common.
//!
//! What is true of one process alone is shown by `statewright-tests`.

use serde::{Deserialize, Serialize};
use statewright::prelude::*;

pub mod place;
pub mod second;

state_machine! {
    /// A bell that rings a number of times: a timer says when, an effect rings it, its answer sets the next timer.
    pub machine Bell {
        data Peal;

        triggers {
            /// Rings this often from now on.
            Begin { times: u32 },
            /// Says that it has rung.
            Rung,
            /// Is silent for a while, and goes on.
            Rest,
        }

        events { Begun, Struck }

        effects {
            /// Rings the bell.
            Ring { turn: u32 },
        }

        initial Silent;

        state Silent {
            on Begin { times } => Waiting emit Begun { times };
        }

        state Waiting {
            after 100ms => Ringing emit Struck do Ring { turn: data.turn };
            on Rest => Resting;
        }

        state Ringing {
            on Rung if data.turn < data.times => Waiting;
            on Rung => Done;
            on Rest if data.turn < data.times => Resting;
        }

        state Resting {
            on Rung => stay;
            after 15s => Waiting;
        }

        final Done;
    }
}

/// How far a bell is.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Peal {
    /// Times that it is to ring.
    pub times: u32,
    /// Times that it was told to.
    pub turn: u32,
}

/// It was told how often to ring.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "bell.begun", version = 1)]
pub struct Begun {
    /// How often.
    pub times: u32,
}

/// It is to ring now.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "bell.struck", version = 1)]
pub struct Struck;

impl Apply<Begun> for Peal {
    fn apply(&mut self, event: &Begun) {
        self.times = event.times;
    }
}

impl Apply<Struck> for Peal {
    fn apply(&mut self, _: &Struck) {
        self.turn += 1;
    }
}
