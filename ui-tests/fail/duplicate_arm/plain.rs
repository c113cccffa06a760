use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit, Cancel }
        initial Draft;
        state Draft { on Submit => Done; on Cancel => Done; on Submit => stay; }
        final Done;
    }
}

fn main() {}
