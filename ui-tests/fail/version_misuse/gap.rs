use serde::{Deserialize, Serialize};
use statewright::prelude::*;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 1)]
struct OrderPaidV1;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 3, from = OrderPaidV1)]
struct OrderPaid;

impl Upcast<OrderPaidV1> for OrderPaid {
    fn upcast(_old: OrderPaidV1, _cx: &UpcastContext) -> Self {
        Self
    }
}

fn main() {}
