use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    machine Order {
        data Money;
        triggers { Pay }
        events { OrderPaid }
        initial Draft;
        state Draft { on Pay => Done emit OrderPaid; }
        final Done;
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Money;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 1)]
struct OrderPaid;

fn main() {}
