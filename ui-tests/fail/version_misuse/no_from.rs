use serde::{Deserialize, Serialize};
use statewright::prelude::*;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 2)]
struct OrderPaid;

fn main() {}
