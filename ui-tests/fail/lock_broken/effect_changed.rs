use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    machine Order {
        lock "effect_changed.lock";
        data Basket;
        triggers { Pay }
        effects { Charge { cents: u64, to: String }, Mail }
        initial Draft;
        state Draft { on Pay => Paid do Charge { cents: 1, to: "me".into() } do Mail; }
        final Paid;
    }
}


/// What it holds does not matter here.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Basket;

impl<E> Apply<E> for Basket {
    fn apply(&mut self, _event: &E) {}
}

fn main() {}
