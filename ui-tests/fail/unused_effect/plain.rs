use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit }
        effects { Mail, Call }
        initial Draft;
        state Draft { on Submit => Done do Mail; }
        final Done;
    }
}

fn main() {}
