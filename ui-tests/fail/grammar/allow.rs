use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit }
        initial Draft;
        #[allow(dead_ends)]
        state Draft { on Submit => Done; }
        #[allow(unknown_name)]
        #[derive(Clone)]
        final Done;
    }
}

fn main() {}
