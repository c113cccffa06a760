use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Go }
        initial Both;
        parallel Both {
            region Goods { initial A; state A { on Go => B; } state B { on Go => A; } }
            region GOODS { initial C; state C { on Go => D; } state D { on Go => C; } }
        }
    }
}

fn main() {}
