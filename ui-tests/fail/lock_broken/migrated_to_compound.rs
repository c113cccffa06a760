use statewright::prelude::*;

state_machine! {
    machine Order {
        lock "migrated_to_compound.lock";
        triggers { Pay, Price }
        initial Draft;
        state Draft {
            initial Empty;
            state Empty { on Price => Priced; }
            state Priced { on Pay => Paid; }
        }
        final Paid;
        migrate { Basket => Draft; }
    }
}

fn main() {}
