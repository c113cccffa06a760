use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Go }
        initial A;
        state A {
            always => reject "no";
            done => B;
            always if => B;
            on Go => B raise Nothing;
            on Go => B raise 5;
        }
        final B;
    }
}

fn main() {}
