use statewright::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 3, oldest = 2)]
struct OrderPaidV3;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.sent", version = 3, oldest = 3, retired(1, upcast = lift))]
struct OrderSentV3;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.sent", version = 4, from = OrderSentV3, retired(3, upcast = lift))]
struct OrderSent;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.gone", version = 1, auto)]
struct OrderGone {
    #[event(default)]
    at: u64,
}

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.seen", version = 1)]
struct OrderSeen {
    #[event(renamed_from = "when")]
    at: u64,
}

fn main() {}
