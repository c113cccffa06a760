use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit { n: u8 }, Pay(u8) }
        initial Draft;
        state Draft { on Submit => Done; on Pay => Done; }
        final Done;
    }
}

fn main() {}
