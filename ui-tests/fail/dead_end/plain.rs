use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit }
        initial Draft;
        state Draft { on Submit => Stuck; }
        state Stuck { on Submit => stay; }
    }
}

fn main() {}
