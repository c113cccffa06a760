use statewright::prelude::*;

state_machine! {
    machine Order {
        lock "became_sequence.lock";
        triggers { Pack, Pay }
        initial Both;
        state Both {
            initial Packing;
            state Packing { on Pack => Due; }
            state Due { on Pay => Sent; }
        }
        final Sent;
        migrate { Packed => Due; Paid => Sent; }
    }
}

fn main() {}
