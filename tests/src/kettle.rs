//! A kettle with every kind of timer.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    /// A kettle: it switches off by itself, counts while it is watched, and can be brought to refuse or to panic.
    pub machine Kettle {
        data Log;

        triggers { Fill, Stir, Empty, Watch, Shake, Crack, #[internal] Spill }

        events { SwitchedOff, Ticked }

        initial Idle;

        state Idle {
            on Fill => On;
            on Watch => Watched;
            on Shake => Shaken;
            on Crack => Cracked;
        }

        state On {
            initial Heating;
            after 10s => Idle emit SwitchedOff { due: cx.deadline() };
            on Empty => Idle;
            state Heating { on Stir => Boiling; }
            state Boiling { on Stir => Heating; }
        }

        state Watched {
            every 10s => stay emit Ticked { due: cx.deadline(), missed: cx.missed() };
            on Empty => Idle;
        }

        /// Its first timer raises what is refused.
        state Shaken {
            after 10s => stay raise Spill;
            after 20s => Idle emit SwitchedOff { due: cx.deadline() };
            on Spill => reject "not over the table";
        }

        /// Its timer panics.
        state Cracked {
            after 10s if data.burst() => Idle;
            on Empty => Idle;
        }
    }
}

/// What happened to the kettle.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// When it was to switch off.
    pub off: Vec<Option<Timestamp>>,
    /// When it was to tick, and how many ticks that stands for besides.
    pub ticks: Vec<(Option<Timestamp>, u64)>,
}

impl Log {
    fn burst(&self) -> bool {
        panic!("the kettle has burst after {} ticks", self.ticks.len())
    }
}

/// It has switched off by itself.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "kettle.switched_off", version = 1)]
pub struct SwitchedOff {
    due: Option<Timestamp>,
}

/// Time has passed while it was watched.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "kettle.ticked", version = 1)]
pub struct Ticked {
    due: Option<Timestamp>,
    missed: u64,
}

impl Apply<SwitchedOff> for Log {
    fn apply(&mut self, event: &SwitchedOff) {
        self.off.push(event.due);
    }
}

impl Apply<Ticked> for Log {
    fn apply(&mut self, event: &Ticked) {
        self.ticks.push((event.due, event.missed));
    }
}
