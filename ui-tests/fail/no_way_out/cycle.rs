use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit, Ship }
        initial Draft;
        state Draft { on Submit => A; on Ship => Done; }
        state A { on Ship => B; }
        state B { on Ship => A; }
        final Done;
    }
}

fn main() {}
