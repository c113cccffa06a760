use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    machine Order {
        lock "event_grown.lock";
        data Basket;
        triggers { Pay, Send }
        events { OrderPaid, OrderSent }
        initial Both;
        parallel Both {
            region Money { initial Due; state Due { on Pay => Paid emit OrderPaid::default(); } final Paid; }
            region Goods { initial Packed; state Packed { on Send => Sent emit OrderSent::default(); } final Sent; }
            done => Over;
        }
        final Over;
    }
}

/// A field that old events need not have is still a new version.
#[derive(Default, EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 1)]
struct OrderPaid {
    cents: u64,
    note: Option<String>,
}

/// Unless it is said.
#[derive(Default, EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.sent", version = 1, compatible)]
struct OrderSent {
    parcel: String,
    note: Option<String>,
    weight: u32,
}

/// What it holds does not matter here.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Basket;

impl<E> Apply<E> for Basket {
    fn apply(&mut self, _event: &E) {}
}

fn main() {}
