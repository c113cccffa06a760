use statewright::prelude::*;

state_machine! {
    machine Order {
        lock "state_gone.lock";
        triggers { Submit }
        effects { Mail }
        initial Draft;
        state Draft { on Submit => Reviewed do Mail; }
        state Reviewed { on Submit => Done; }
        final Done;
        migrate { Waiting => Draft; }
    }
}

fn main() {}
