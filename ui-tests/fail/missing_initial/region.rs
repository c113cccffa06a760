use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Go }
        initial Both;
        parallel Both {
            region Goods { state A { on Go => B; } }
            region Money { initial C; state C { on Go => B; } }
        }
        final B;
    }
}

fn main() {}
