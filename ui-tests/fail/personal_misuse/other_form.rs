use serde::{Deserialize, Serialize};
use statewright::prelude::*;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.named", version = 1)]
struct OrderNamed {
    customer: String,
    #[event(personal = customer)]
    #[serde(alias = "called")]
    name: Personal<String>,
    #[event(personal = customer, opaque)]
    street: Personal<String>,
}

fn main() {}
