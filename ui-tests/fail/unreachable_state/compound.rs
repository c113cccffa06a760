use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit, Ship }
        initial Draft;
        state Draft { on Submit => Done; }
        state Lost {
            initial A;
            state A { on Ship => B; }
            state B { on Ship => Done; }
        }
        final Done;
    }
}

fn main() {}
