use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit, Cancel }
        initial Draft;
        state Draft {
            on Submit =>;
            on Cancel
        }
        state { }
        stat Open { }
        on => Done;
        on Submit => Done emit;
        final Done;
    }
}

fn main() {}
