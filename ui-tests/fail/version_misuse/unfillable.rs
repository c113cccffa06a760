use statewright::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 1)]
struct OrderPaidV1 {
    cents: u32,
    by: String,
}

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 2, from = OrderPaidV1, auto)]
struct OrderPaid {
    cents: u64,
    at: u64,
    by: Vec<u16>,
}

fn main() {}
