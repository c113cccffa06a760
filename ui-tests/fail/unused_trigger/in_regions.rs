use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Go, Stop, #[internal] Never }
        initial Both;
        parallel Both {
            region Goods { initial A; state A { on Go => B; } state B { on Go => A; } }
            region Money { initial C; state C { on Go => D; } state D { on Go => C; } }
        }
    }
}

fn main() {}
