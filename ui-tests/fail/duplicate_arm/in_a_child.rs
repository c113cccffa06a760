use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit { n: u8 }, Cancel }
        initial Open;
        on Submit { .. } => Done;
        state Open {
            initial Draft;
            state Draft { on Submit { .. } => Done; on Cancel | Submit { .. } => Done; }
        }
        final Done;
    }
}

fn main() {}
