use serde::{Deserialize, Serialize};
use statewright::prelude::*;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid")]
struct OrderPaid;

fn main() {}
