use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit { n: u8 } }
        initial Draft;
        state Draft { on Submit { n } if n => Done; on Submit { .. } => reject 5; }
        final Done;
    }
}

fn main() {}
