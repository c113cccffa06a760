use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    machine Order {
        data Money;
        triggers { Pay }
        events { OrderPaidV1 }
        initial Draft;
        state Draft { on Pay => Done emit OrderPaidV1; }
        final Done;
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Money;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 1)]
struct OrderPaidV1;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 2, from = OrderPaidV1)]
struct OrderPaid;

impl Upcast<OrderPaidV1> for OrderPaid {
    fn upcast(_old: OrderPaidV1, _cx: &UpcastContext) -> Self {
        Self
    }
}

impl Apply<OrderPaidV1> for Money {
    fn apply(&mut self, _event: &OrderPaidV1) {}
}

fn main() {}
