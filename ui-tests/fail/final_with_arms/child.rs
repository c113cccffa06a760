use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit }
        initial Open;
        state Open {
            initial Draft;
            state Draft { on Submit => Done; }
            final Done { state Inner { on Submit => Draft; } }
        }
    }
}

fn main() {}
