use serde::{Deserialize, Serialize};
use statewright::prelude::*;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(nam = "order.paid", version = 1)]
struct A;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.paid", version = 2, auto)]
struct B;

#[derive(EventVersion, Serialize, Deserialize, Clone)]
#[event(name = "order.paid", version = 1)]
struct C<T>(T);

fn main() {}
