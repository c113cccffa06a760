use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    machine Order {
        data Money;
        triggers { Submit }
        events { OrderPaid }
        initial Draft;
        state Draft { on Submit => Done; }
        final Done;
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Money;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 1)]
struct OrderPaid;

impl Apply<OrderPaid> for Money {
    fn apply(&mut self, _event: &OrderPaid) {}
}

fn main() {}
