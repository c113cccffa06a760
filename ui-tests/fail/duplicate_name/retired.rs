use statewright::prelude::*;
use serde::{Deserialize, Serialize};

state_machine! {
    machine Order {
        triggers { Pay }
        events { OrderPaid, retired "order.note" => drop, retired "order.note" => drop }
        initial Open;
        state Open { on Pay => Paid emit OrderPaid; }
        final Paid;
    }
}

state_machine! {
    machine Parcel {
        triggers { Pay }
        events { OrderPaid, retired "order.paid" => drop }
        initial Open;
        state Open { on Pay => Paid emit OrderPaid; }
        final Paid;
    }
}

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 1)]
struct OrderPaid;

impl Apply<OrderPaid> for () {
    fn apply(&mut self, _event: &OrderPaid) {}
}

fn main() {}
