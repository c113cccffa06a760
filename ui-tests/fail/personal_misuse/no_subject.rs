use serde::{Deserialize, Serialize};
use statewright::prelude::*;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.named", version = 1)]
struct OrderNamed {
    customer: String,
    #[event(personal = custmer)]
    name: Personal<String>,
    #[event(personal = whoever)]
    street: Personal<String>,
    #[event(personal)]
    town: Personal<String>,
}

fn main() {}
