use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit }
        initial Draft;
        state Draft { on Submit => Done; }
        state Lost { on Submit => Done; }
        final Done;
    }
}

fn main() {}
