use serde::{Deserialize, Serialize};
use statewright::prelude::*;

#[derive(EventData, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 1)]
struct Line {
    #[event(opaq)]
    sku: String,
}

#[derive(EventData, Serialize, Deserialize, Clone, Debug)]
enum Payment {
    #[event(opaque)]
    Cash(u32),
}

#[derive(EventData, Clone, Copy)]
union Either {
    a: u32,
    b: f32,
}

fn main() {}
