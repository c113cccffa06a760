//! The second release of the [`Bell`](crate::Bell): it says what it was struck with, so the first one cannot read what it records.

use crate::Begun;
use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    /// A bell that rings a number of times: a timer says when, an effect rings it, its answer sets the next timer.
    pub machine Bell {
        version 2;
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
            after 100ms => Ringing emit Struck { with: "a hammer".to_owned() } do Ring { turn: data.turn };
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
    /// Of those, the times for which it is known what with.
    pub with: u32,
}

/// It is to ring now, as the first release has it.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "bell.struck", version = 1)]
pub struct FirstStruck;

/// It is to ring now.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "bell.struck", version = 2, from = FirstStruck)]
pub struct Struck {
    with: String,
}

impl Upcast<FirstStruck> for Struck {
    fn upcast(_: FirstStruck, _: &UpcastContext) -> Self {
        Self { with: String::new() }
    }
}

impl Apply<Begun> for Peal {
    fn apply(&mut self, event: &Begun) {
        self.times = event.times;
    }
}

impl Apply<Struck> for Peal {
    fn apply(&mut self, event: &Struck) {
        self.turn += 1;
        self.with += u32::from(!event.with.is_empty());
    }
}
