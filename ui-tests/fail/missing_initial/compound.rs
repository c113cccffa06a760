use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit }
        initial Draft;
        state Draft { on Submit => Open; }
        state Open { state Waiting { on Submit => Done; } }
        final Done;
    }
}

fn main() {}
