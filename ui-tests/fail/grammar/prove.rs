use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Go }
        initial A;
        state A { on Go => B; }
        final B;
        migrate { Old => Nowhere; A => B; Old B; }
        prove { A needs B; never A -> B; C reaches B; handled Come; always; }
    }
}

fn main() {}
