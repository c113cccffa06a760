use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit }
        initial Draft;
        state Draft { on Submit => Done; }
        state Box { initial Draft; state Draft { on Submit => Done; } }
        final Done;
    }
}

fn main() {}
