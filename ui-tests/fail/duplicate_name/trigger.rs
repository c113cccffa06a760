use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit, Submit }
        initial Draft;
        state Draft { on Submit => Done; }
        final Done;
    }
}

fn main() {}
