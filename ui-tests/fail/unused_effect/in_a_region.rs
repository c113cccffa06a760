use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Go }
        effects { Mail, Call, Ring }
        initial Both;
        parallel Both {
            entry do Call;
            region Goods { initial A; state A { exit do Mail; on Go => B; } state B { on Go => A; } }
            region Money { initial C; state C { on Go => D; } state D { on Go => C; } }
        }
    }
}

fn main() {}
