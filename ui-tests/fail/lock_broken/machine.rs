use statewright::prelude::*;

state_machine! {
    machine Order {
        lock "machine.lock";
        triggers { Submit }
        effects { Mail }
        initial Draft;
        state Draft { on Submit => Reviewed do Mail; }
        state Reviewed { on Submit => Done; }
        final Done;
    }
}

fn main() {}
