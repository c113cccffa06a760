use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit, Ship }
        initial Draft;
        state Draft { on Submit => Open; }
        state Open {
            initial A;
            on Ship => B;
            state A { }
            state B { }
        }
    }
}

fn main() {}
