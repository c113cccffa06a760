use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Go, Stop }
        initial Both;
        parallel Both {
            region Goods { initial A; state A { on Stop => Off; on Go => B; } state B { on Go => C; } state C { on Go => B; } }
            region Money { initial D; state D { on Go => E; } state E { on Go => D; } }
        }
        final Off;
    }
}

fn main() {}
