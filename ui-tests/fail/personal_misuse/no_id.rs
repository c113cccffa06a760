use serde::{Deserialize, Serialize};
use statewright::prelude::*;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.named", version = 1)]
struct OrderNamed {
    customer: Vec<u8>,
    #[event(personal = customer)]
    name: Personal<String>,
}

fn main() {}
