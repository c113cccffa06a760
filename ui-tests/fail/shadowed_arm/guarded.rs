use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit { n: u8 } }
        initial Draft;
        state Draft {
            on Submit { .. } => Done;
            on Submit { n } if n > 1 => stay;
        }
        final Done;
    }
}

fn main() {}
