use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Go }
        initial A;
        history Top => A;
        state A { history Mine; }
        state B {
            initial Back;
            history Back;
            deep history All => Elsewhere;
            deep Nothing;
            state C { on Go => Back; }
        }
        state Elsewhere { on Go => B; }
    }
}

fn main() {}
