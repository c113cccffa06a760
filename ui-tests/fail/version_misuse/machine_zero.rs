use statewright::prelude::*;

state_machine! {
    machine Order {
        version 0;
        triggers { Submit }
        initial Draft;
        state Draft { on Submit => Done; }
        final Done;
    }
}

fn main() {}
