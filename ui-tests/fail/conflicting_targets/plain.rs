use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Go }
        initial A;
        state A { on Go => (B, C); }
        #[allow(dead_end)]
        state B { }
        #[allow(dead_end)]
        state C { }
    }
}

fn main() {}
