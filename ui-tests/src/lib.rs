//! How statewright fails, and that what it generates is at home anywhere. The cases stand in `fail` and `pass`.
//!
//! This library is itself a case: the lints below hold for what the macros generate into it.

#![deny(warnings, missing_docs, clippy::all, clippy::pedantic)]

use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    /// Everything that is generated, under every lint.
    pub machine Lamp {
        data Hours;
        triggers {
            /// On for so many hours.
            On { hours: u64 },
            /// Off.
            Off,
            Break(String),
        }
        events { Lit, Burnt }
        effects {
            /// Pays.
            Bill { cents: u64 },
            Replace(u8),
            Mourn,
        }
        initial Dark;
        on Break(_) => Broken emit Burnt do Replace(1) do Mourn;
        state Dark {
            on On { hours } if hours > 0 && !cx.instance().is_empty() => Steady emit Lit { hours } do Bill { cents: data.sum };
            on On { .. } => reject format!("not without hours, in {state}");
        }
        state Bright {
            initial Steady;
            exit do Bill { cents: 1 };
            on Off => Dark;
            state Steady {
                on On { hours } => Flicker emit Lit { hours };
            }
            state Flicker {
                entry do Mourn;
                ignore On;
            }
        }
        final Broken;
    }
}

/// What it has burnt.
#[derive(Serialize, Deserialize, Default)]
pub struct Hours {
    sum: u64,
}

/// It was lit.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "lamp.lit", version = 1)]
pub struct Lit {
    hours: u64,
}

/// It is broken.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "lamp.burnt", version = 1)]
pub struct Burnt;

impl Apply<Lit> for Hours {
    fn apply(&mut self, event: &Lit) {
        self.sum += event.hours;
    }
}

impl Apply<Burnt> for Hours {
    fn apply(&mut self, _event: &Burnt) {}
}
