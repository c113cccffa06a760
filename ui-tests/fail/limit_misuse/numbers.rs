use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Go }
        initial A;
        state A { on Go => B; }
        final B;
        limit 0 per 1s;
        limit 100 per 1s burst 50;
        limit 5 per 0s;
        limit 99999999999 per 1s;
        limit 5 per (data.pace());
    }
}

fn main() {}
