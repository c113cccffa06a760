use statewright::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 1)]
enum OrderPaidV1 {
    Cash(u32),
    Card { number: String },
    Barter,
}

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 2, from = OrderPaidV1, auto)]
enum OrderPaid {
    Cash(u64),
    Card { number: String },
    Later,
}

fn main() {}
