use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit { n: u8 } }
        initial Open;
        state Open {
            initial Draft;
            on Submit { n } if dbg!(n) > 1 => Done;
            state Draft { }
        }
        final Done;
    }
}

fn main() {}
