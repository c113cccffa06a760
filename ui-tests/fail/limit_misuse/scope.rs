use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Go }
        initial Both;
        parallel Both {
            region Goods { initial A; state A { on Go => B; } }
            region Money { initial C; state C { } }
        }
        final B;
        limit 10 per 1m on Go burst 5;
        limit 10 per 1m per world;
        limit 10 1m;
        limit 10 per 1m on Come;
    }
}

fn main() {}
