//! Two events in place of one, which is not listed any more.

use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    machine Loan {
        version 2;
        lock "loan.lock";
        data Card;
        triggers { Lend { reader: String }, GiveBack { stamp: u32 }, GiveUp, Find, Reserve, Miss }
        events { Lent, GivenBack, Fined, Noted }
        initial Shelved;
        on GiveUp => Lost emit Fined { cents: 900 } emit Noted { text: "given up".to_owned() };
        state Shelved { on Lend { reader } => Out emit Lent { reader }; on Reserve => Reserved; on Miss => Missing; }
        state Reserved { on Lend { reader } => Out emit Lent { reader }; }
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
#[event(name = "loan.fined", version = 1)]
struct Fined {
    cents: u64,
}

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "loan.noted", version = 1)]
struct Noted {
    text: String,
}

#[derive(Default, Serialize, Deserialize)]
struct Card;

impl<E> Apply<E> for Card {
    fn apply(&mut self, _event: &E) {}
}

fn main() {}
