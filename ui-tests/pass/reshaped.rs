//! What the lock asks for: a compound under a new name, and a new parallel state beside the one that was released.

use statewright::prelude::*;

state_machine! {
    machine Order {
        lock "reshaped.lock";
        triggers { Price, Submit, Pack, Pay, Post }
        initial Drafting;
        state Drafting {
            initial Empty;
            state Empty { on Price => Priced; }
            state Priced { on Submit => All; }
        }
        #[allow(unreachable_state)]
        parallel Both {
            done => Sent;
            region Goods { initial Packing; state Packing { on Pack => Packed; } final Packed; }
            region Money { initial Due; state Due { on Pay => Paid; } final Paid; }
        }
        parallel All {
            done => Sent;
            region Wares { initial Wrapping; state Wrapping { on Pack => Wrapped; } final Wrapped; }
            region Price { initial Owed; state Owed { on Pay => Settled; } final Settled; }
            region Mail { initial Unsent; state Unsent { on Post => Posted; } final Posted; }
        }
        final Sent;
        migrate { Draft => Empty; }
    }
}

fn main() {}
