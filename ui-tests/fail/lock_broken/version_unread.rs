use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    machine Order {
        lock "version_unread.lock";
        data Basket;
        triggers { Pay }
        events { OrderPaid }
        initial Draft;
        state Draft { on Pay => Paid emit OrderPaid::default(); }
        final Paid;
    }
}

#[derive(Default, EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 3, oldest = 3, retired(2, upcast = lift))]
struct OrderPaid {
    cents: u64,
}

fn lift(json: serde_json::Value, _cx: &UpcastContext) -> serde_json::Value {
    json
}

/// What it holds does not matter here.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Basket;

impl<E> Apply<E> for Basket {
    fn apply(&mut self, _event: &E) {}
}

fn main() {}
