use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit, Cancel }
        initial Draft;
        state Draft { on Submit => Open; }
        state Open {
            initial Waiting;
            state Waiting { on Cancle => Draft; on Cancel => Draft; }
        }
    }
}

fn main() {}
