//! The first release.

use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    /// A ticket at a help desk.
    pub machine Ticket {
        version 1;
        data Notes;

        triggers {
            /// Writes something down.
            Note { text: String },
            /// It is solved.
            Solve,
            /// It is not.
            Reopen,
            /// Puts it aside for an hour.
            Shelve,
        }

        events { Noted, Solved }

        initial Open;

        state Open {
            on Note { text } => stay emit Noted { text };
            on Solve => Done emit Solved;
            on Shelve => Shelved;
        }

        state Shelved {
            on Reopen => Open;
            after 1h => Open;
        }

        state Done {
            on Reopen => Open;
            on Note { text } => Open emit Noted { text };
            on Shelve => Shelved;
        }
    }
}

/// What was written down, and how often it was solved.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// In order.
    pub texts: Vec<String>,
    /// How often.
    pub solved: u64,
}

/// Something was written down.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "ticket.noted", version = 1)]
pub struct Noted {
    /// What.
    pub text: String,
}

/// It was solved.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "ticket.solved", version = 1)]
pub struct Solved;

impl Apply<Noted> for Notes {
    fn apply(&mut self, event: &Noted) {
        self.texts.push(event.text.clone());
    }
}

impl Apply<Solved> for Notes {
    fn apply(&mut self, _event: &Solved) {
        self.solved += 1;
    }
}
