//! Counters: a step is one event of about 200 bytes with its record.

use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    /// Counts.
    pub(crate) machine Counter {
        data Sum;
        triggers { Add { n: u64, note: String } }
        events { Added }
        initial Even;
        state Even { on Add { n, note } => Odd emit Added { n, note }; }
        state Odd { on Add { n, note } => Even emit Added { n, note }; }
    }
}

/// What was added up.
#[derive(Serialize, Deserialize, Default)]
pub(crate) struct Sum {
    total: u64,
}

/// Something was added.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "counter.added", version = 1)]
pub(crate) struct Added {
    /// How much.
    pub(crate) n: u64,
    /// Why.
    pub(crate) note: String,
}

impl Apply<Added> for Sum {
    fn apply(&mut self, event: &Added) {
        self.total += event.n;
    }
}

/// A note that makes the payload 200 bytes long.
pub(crate) fn note() -> String {
    "n".repeat(180)
}

state_machine! {
    /// A counter whose trigger has no payload.
    pub(crate) machine Light {
        data Sum;
        triggers { Press }
        events { Added }
        initial Off;
        state Off { on Press => On emit Added { n: 1, note: note() }; }
        state On { on Press => Off emit Added { n: 1, note: note() }; }
    }
}
