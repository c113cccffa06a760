use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Go, Stop }
        initial Both;
        parallel Both {
            region Goods { initial A; state A { always => B; always => stay; } state B { on Go => A; } }
            region Money { initial D; state D { on Stop => Off; } }
        }
        final Off;
    }
}

fn main() {}
