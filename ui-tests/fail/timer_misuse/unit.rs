use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Go }
        initial A;
        state A { after 5 => A; every 2w => A; on Go => B; }
        final B;
    }
}

fn main() {}
