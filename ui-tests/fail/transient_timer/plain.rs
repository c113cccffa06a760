use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Go }
        initial A;
        state A { on Go => B; }
        state B { after 5m => A; always => C; }
        state C { on Go => A; }
    }
}

fn main() {}
