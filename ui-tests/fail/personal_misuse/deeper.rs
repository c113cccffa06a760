use serde::{Deserialize, Serialize};
use statewright::prelude::*;

#[derive(EventData, Serialize, Deserialize, Clone, Debug)]
struct Address {
    street: Personal<String>,
}

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.named", version = 1)]
struct OrderNamed {
    customer: String,
    #[event(personal = customer)]
    name: Personal<String>,
    addresses: Vec<Address>,
}

fn main() {}
