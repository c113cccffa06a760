use statewright::prelude::*;

state_machine! {
    machine Order {
        lock "order.lock";
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
