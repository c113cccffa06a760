use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Go }
        initial A;
        state A { after 0s => B; on Go => B; }
        state B { after 400000000000d => A; }
    }
}

fn main() {}
