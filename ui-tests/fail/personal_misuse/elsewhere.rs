use serde::{Deserialize, Serialize};
use statewright::prelude::*;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.named", version = 1)]
struct OrderNamed(String, #[event(personal = customer)] Personal<String>);

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 1)]
enum OrderPaid {
    Cash,
    Card {
        customer: String,
        #[event(personal = customer)]
        holder: Personal<String>,
    },
}

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.left", version = 1, personal = customer)]
struct OrderLeft {
    customer: String,
}

fn main() {}
