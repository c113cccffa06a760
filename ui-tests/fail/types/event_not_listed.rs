use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    machine Order {
        data Money;
        triggers { Pay }
        events { OrderPaid, OrderSent }
        initial Draft;
        state Draft { on Pay => Done emit OrderPaid emit OrderSent emit Stranger; }
        final Done;
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Money;

struct Stranger;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 1)]
struct OrderPaid;

impl Apply<OrderPaid> for Money {
    fn apply(&mut self, _event: &OrderPaid) {}
}

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.sent", version = 1)]
struct OrderSent;

impl Apply<OrderSent> for Money {
    fn apply(&mut self, _event: &OrderSent) {}
}

fn main() {}
