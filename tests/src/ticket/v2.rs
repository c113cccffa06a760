//! The second release: notes have authors, a ticket can be handed on or wait for its customer, one that is left
//! open waits by itself, one with three notes is checked before it is done, and one that is done stays so.

use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    /// A ticket at a help desk.
    pub machine Ticket {
        version 2;
        data Notes;

        triggers {
            /// Writes something down.
            Note { text: String, author: String },
            /// It is solved.
            Solve,
            /// It is not.
            Reopen,
            /// Puts it aside for an hour.
            Shelve,
            /// Asks the customer.
            Ask,
            /// Hands it on.
            HandOn { to: String },
        }

        events { Noted, Solved, HandedOn }

        initial Open;

        state Open {
            on Note { text, author } => stay emit Noted { text, author };
            on Solve if data.texts.len() >= 3 => Checking emit Solved;
            on Solve => Done emit Solved;
            on Shelve => Shelved;
            on Ask => Waiting;
            on HandOn { to } => stay emit HandedOn { to };
            after 8h => Waiting;
        }

        state Checking {
            on Solve => Done;
            on Reopen => Open;
        }

        state Waiting {
            on Reopen => Open;
        }

        state Shelved {
            on Reopen => Open;
            after 1h => Open;
        }

        state Done {
            on Note { text, author } => stay emit Noted { text, author };
            on Shelve => Shelved;
        }
    }
}

/// What was written down, how often it was solved, and who has it.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// In order.
    pub texts: Vec<String>,
    /// How often.
    pub solved: u64,
    /// Who has it, if it was handed on.
    pub with: Option<String>,
}

/// Something was written down, as the first release did.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "ticket.noted", version = 1)]
pub struct FirstNoted {
    /// What.
    pub text: String,
}

/// Something was written down.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "ticket.noted", version = 2, from = FirstNoted)]
pub struct Noted {
    /// What.
    pub text: String,
    /// By whom.
    pub author: String,
}

impl Upcast<FirstNoted> for Noted {
    fn upcast(old: FirstNoted, _cx: &UpcastContext) -> Self {
        Self { text: old.text, author: String::new() }
    }
}

/// It was solved.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "ticket.solved", version = 1)]
pub struct Solved;

/// It was handed on.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "ticket.handed_on", version = 1)]
pub struct HandedOn {
    /// To whom.
    pub to: String,
}

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

impl Apply<HandedOn> for Notes {
    fn apply(&mut self, event: &HandedOn) {
        self.with = Some(event.to.clone());
    }
}
