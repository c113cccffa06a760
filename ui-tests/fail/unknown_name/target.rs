use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit, Cancel }
        initial Draft;
        state Draft { on Submit => Submited; }
        state Submitted { on Cancel => Draft; }
    }
}

fn main() {}
