use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit }
        state Draft { on Submit => Done; }
        final Done;
    }
}

fn main() {}
