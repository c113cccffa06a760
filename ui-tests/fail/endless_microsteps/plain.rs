use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit }
        initial Draft;
        state Draft { on Submit => Checked; }
        state Checked { always => Priced; }
        state Priced { always => Checked; }
    }
}

fn main() {}
