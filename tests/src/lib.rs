//! Machines for the tests of the whole: a door that counts, rings and can panic, a ticket in two versions, loans in two releases, and a stay with personal data.

/// The examples of the book are tests.
#[cfg(doctest)]
#[doc = include_str!("../../docs/subscriptions.md")]
struct Subscriptions;

pub mod address;
pub mod files;
pub mod follow;
pub mod gate;
pub mod kettle;
pub mod loan;
pub mod outside;
pub mod sparse;
pub mod stalling;
pub mod stay;
pub mod stepping;
pub mod ticket;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    /// A door that counts how often it was opened.
    pub machine Door {
        data Count;

        triggers {
            /// Opens it.
            Open,
            /// Shuts it.
            Close,
            /// Opens and shuts at once, if it is shut.
            Knock { times: u64 },
            /// A guard that panics.
            Break,
            /// Takes it out for good.
            Remove,
            /// Says that the bell has rung.
            Rung,
        }

        events { Opened, Shut, Knocked }

        effects {
            /// Rings the bell.
            Ring { times: u64 },
        }

        initial Closed;

        on Remove => Gone;
        on Break if burst() => stay;
        on Knock { times } if times > 0 => stay emit Knocked { times, at: cx.now() } do Ring { times };
        on Rung => stay;

        state Closed {
            on Open => Ajar emit Opened;
        }

        state Ajar {
            on Close => Closed emit Shut;
            on Open => reject "it is open";
            ignore Rung;
        }

        final Gone;
    }
}

fn burst() -> bool {
    panic!("a guard that panics, to be survived")
}

/// What happened to the door.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How often it was opened.
    pub opened: u64,
    /// How often it was shut.
    pub shut: u64,
    /// Sum of all knocks.
    pub knocks: u64,
    /// When somebody knocked last.
    pub last: Option<Timestamp>,
}

/// It was opened.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "door.opened", version = 1)]
pub struct Opened;

/// It was shut.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "door.shut", version = 1)]
pub struct Shut;

/// Somebody knocked.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "door.knocked", version = 1)]
pub struct Knocked {
    times: u64,
    at: Timestamp,
}

impl Apply<Opened> for Count {
    fn apply(&mut self, _event: &Opened) {
        self.opened += 1;
    }
}

impl Apply<Shut> for Count {
    fn apply(&mut self, _event: &Shut) {
        self.shut += 1;
    }
}

impl Apply<Knocked> for Count {
    fn apply(&mut self, event: &Knocked) {
        self.knocks += event.times;
        self.last = Some(event.at);
    }
}
