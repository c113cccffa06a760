use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    machine Order {
        data Money;
        triggers { Pay }
        events { OrderPaid, OrderSettled }
        initial Draft;
        state Draft { on Pay => Done emit OrderPaid emit OrderSettled; }
        final Done;
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Money;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 1)]
struct OrderPaid;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 1)]
struct OrderSettled;

impl Apply<OrderPaid> for Money {
    fn apply(&mut self, _event: &OrderPaid) {}
}

impl Apply<OrderSettled> for Money {
    fn apply(&mut self, _event: &OrderSettled) {}
}

fn main() {}
