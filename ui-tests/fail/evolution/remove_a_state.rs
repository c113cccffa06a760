//! A state less.

use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    machine Loan {
        version 2;
        lock "loan.lock";
        data Card;
        triggers { Lend { reader: String }, GiveBack { stamp: u32 }, GiveUp, Find, Miss }
        events { Lent, GivenBack, Closed }
        initial Shelved;
        on GiveUp => Lost emit Closed { fine: 900, note: "given up".to_owned() };
        state Shelved { on Lend { reader } => Out emit Lent { reader }; on Miss => Missing; }
        state Out { on GiveBack { stamp } => Shelved emit GivenBack { stamp }; on Miss => Missing; }
        state Missing { on Find => Shelved; }
        state Lost { on Find => Shelved; }
    }
}

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "loan.lent", version = 1)]
struct Lent {
    reader: String,
}

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "loan.given_back", version = 1)]
struct GivenBack {
    stamp: u32,
}

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "loan.closed", version = 1)]
struct Closed {
    fine: u64,
    note: String,
}

#[derive(Default, Serialize, Deserialize)]
struct Card;

impl<E> Apply<E> for Card {
    fn apply(&mut self, _event: &E) {}
}

fn main() {}
