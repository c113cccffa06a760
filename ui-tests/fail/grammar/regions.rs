use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Go }
        initial A;
        region Lost { initial A; state A { on Go => B; } }
        parallel Empty { }
        parallel Flat { initial X; state X { on Go => B; } }
        parallel Twice {
            region One { initial P; parallel P { region Two { initial Q; state Q { on Go => B; } } } }
            parallel Inner { region Three { initial R; state R { } } }
        }
        final B;
    }
}

fn main() {}
