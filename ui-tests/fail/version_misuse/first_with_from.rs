use serde::{Deserialize, Serialize};
use statewright::prelude::*;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 1)]
struct OrderPaidV1;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 1, from = OrderPaidV1)]
struct OrderPaid;

fn main() {}
