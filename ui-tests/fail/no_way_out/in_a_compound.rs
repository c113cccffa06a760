use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit, Ship }
        initial Draft;
        state Draft { on Submit => Ring; on Ship => Done; }
        state Ring {
            initial A;
            on Submit => A;
            state A { on Ship => B; }
            state B { }
        }
        final Done;
    }
}

fn main() {}
