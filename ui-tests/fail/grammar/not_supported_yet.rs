use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit }
        initial Draft;
        spawn Child;
        state Draft {
            on Submit => Done;
        }
        final Done;
    }
}

fn main() {}
