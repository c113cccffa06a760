use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit, Cancel }
        initial Draft;
        state Draft {
            on Submit => Done
            on Cancel => Done;
        }
        final Done;
    }
}

fn main() {}
