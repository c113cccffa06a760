//! The first release: what it has recorded stands in `tests/data`.

use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    /// A book of a library.
    pub machine Loan {
        version 1;
        lock "loan.release1.lock";
        data Card;
        triggers { Lend { reader: String }, GiveBack { shelf: u32 }, Reserve, Miss, GiveUp, Find }
        events { Lent, GivenBack, Closed }
        initial Shelved;
        on GiveUp => Lost emit Closed { fine: 900, note: "given up".to_owned() };
        state Shelved {
            on Lend { reader } => Out emit Lent { reader };
            on Reserve => Reserved;
            on Miss => Missing;
        }
        state Reserved { on Lend { reader } => Out emit Lent { reader }; }
        state Out {
            on GiveBack { shelf } => Shelved emit GivenBack { stamp: shelf };
            on Miss => Missing;
        }
        state Missing { on Find => Shelved; }
        state Lost { on Find => Shelved emit Closed { fine: 0, note: "found".to_owned() }; }
    }
}

/// What is known of a book.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Who has had it.
    pub readers: Vec<String>,
    /// Where it stands.
    pub shelf: u32,
    /// What was paid for it, in cents.
    pub fines: u64,
}

/// It was lent.
#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "loan.lent", version = 1)]
pub struct Lent {
    reader: String,
}

/// It came back.
#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "loan.given_back", version = 1)]
pub struct GivenBack {
    stamp: u32,
}

/// It was paid for, with a word why.
#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "loan.closed", version = 1)]
pub struct Closed {
    fine: u64,
    note: String,
}

impl Apply<Lent> for Card {
    fn apply(&mut self, event: &Lent) {
        self.readers.push(event.reader.clone());
    }
}

impl Apply<GivenBack> for Card {
    fn apply(&mut self, event: &GivenBack) {
        self.shelf = event.stamp;
    }
}

impl Apply<Closed> for Card {
    fn apply(&mut self, event: &Closed) {
        self.fines += event.fine;
    }
}
