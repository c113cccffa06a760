use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    machine Order {
        lock "event_gone.lock";
        data Basket;
        triggers { Pay }
        events { OrderPaid, retired "order.note" => drop }
        initial Draft;
        state Draft { on Pay => Paid emit OrderPaid::default(); }
        final Paid;
    }
}

#[derive(Default, EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 1)]
struct OrderPaid {
    cents: u64,
}

/// What it holds does not matter here.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Basket;

impl<E> Apply<E> for Basket {
    fn apply(&mut self, _event: &E) {}
}

fn main() {}
