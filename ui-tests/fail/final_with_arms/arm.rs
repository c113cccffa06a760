use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit }
        initial Draft;
        state Draft { on Submit => Done; }
        final Done { on Submit => Draft; }
    }
}

fn main() {}
