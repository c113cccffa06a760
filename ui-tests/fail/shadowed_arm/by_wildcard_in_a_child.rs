use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit, Cancel }
        initial Open;
        state Open {
            initial Draft;
            state Draft { on _ => Done; on Submit => stay; }
        }
        final Done;
    }
}

fn main() {}
