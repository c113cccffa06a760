//! A stay in a house: whose name it is under, and what is noted of the guest, is personal.

use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    /// A room that somebody has booked.
    pub machine Stay {
        data Guest;

        triggers {
            /// Takes the room.
            Book {
                /// Whose it is, an id.
                guest: String,
                /// The name.
                name: String,
            },
            /// Writes something down about the guest.
            Note {
                /// What.
                text: String,
            },
            /// Writes something down about somebody else, under the name of this guest.
            Mistake {
                /// Who.
                other: String,
            },
            /// Writes to the guest.
            Greet,
            /// The guest was written to.
            Greeted,
            /// The room is free again.
            Leave,
        }

        events { Booked, Noted }

        effects {
            /// Writes to the guest.
            Write {
                /// The name of the guest.
                to: Personal<String>,
                /// How often something was noted.
                notes: usize,
            },
        }

        initial Free;

        state Free {
            on Book { guest, name } => Taken emit Booked { guest, name: Personal::new(name) };
        }

        state Taken {
            on Note { text } => stay emit Noted { guest: data.guest.clone(), text: Personal::new(text) };
            on Mistake { other } => stay emit Noted { guest: other, text: data.name() };
            on Leave => Over;
            on Greet => stay do Write { to: data.name(), notes: data.notes.len() };
            on Greeted => stay emit Noted { guest: data.guest.clone(), text: data.name().map(|name| format!("wrote to {name}")) };
        }

        final Over;
    }
}

/// What is known of the guest.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
pub struct Guest {
    /// An id.
    pub guest: String,
    /// The name, once the room is taken.
    pub name: Option<Personal<String>>,
    /// What was noted.
    pub notes: Vec<Personal<String>>,
}

impl Guest {
    fn name(&self) -> Personal<String> {
        self.name.clone().unwrap_or_else(|| Personal::of(&self.guest, String::new()))
    }
}

/// The room was taken.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "stay.booked", version = 1)]
pub struct Booked {
    /// Whose it is, an id.
    pub guest: String,
    /// The name.
    #[event(personal = guest)]
    pub name: Personal<String>,
}

/// Something was noted.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "stay.noted", version = 1)]
#[serde(rename_all = "camelCase")]
pub struct Noted {
    /// Of whom, an id.
    pub guest: String,
    /// What.
    #[event(personal = guest)]
    #[serde(rename = "note")]
    pub text: Personal<String>,
}

impl Apply<Booked> for Guest {
    fn apply(&mut self, event: &Booked) {
        self.guest.clone_from(&event.guest);
        self.name = Some(event.name.clone());
    }
}

impl Apply<Noted> for Guest {
    fn apply(&mut self, event: &Noted) {
        self.notes.push(event.text.clone());
    }
}
