use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit }
        effects { Mail }
        initial Drat;
        state Draft { on Submit => Done do Mial; }
        final Done;
    }
}

fn main() {}
