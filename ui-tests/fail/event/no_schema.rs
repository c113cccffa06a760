use serde::{Deserialize, Serialize};
use statewright::prelude::*;

#[derive(Serialize, Deserialize, Clone, Debug)]
struct Line {
    sku: String,
}

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.submitted", version = 1)]
struct OrderSubmitted {
    at: u64,
    lines: Vec<Line>,
}

fn main() {}
