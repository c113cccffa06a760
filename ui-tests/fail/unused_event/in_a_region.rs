use serde::{Deserialize, Serialize};
use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Go }
        events { Packed, Lost }
        initial Both;
        parallel Both {
            region Goods { initial A; state A { on Go => B emit Packed; } state B { on Go => A; } }
            region Money { initial C; state C { on Go => D; } state D { on Go => C; } }
        }
    }
}

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.packed", version = 1)]
struct Packed;

#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "order.lost", version = 1)]
struct Lost;

impl Apply<Packed> for () {
    fn apply(&mut self, _event: &Packed) {}
}

impl Apply<Lost> for () {
    fn apply(&mut self, _event: &Lost) {}
}

fn main() {}
