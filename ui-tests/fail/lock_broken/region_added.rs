use statewright::prelude::*;

state_machine! {
    machine Order {
        lock "region_added.lock";
        triggers { Pack, Pay, Post }
        initial Both;
        parallel Both {
            done => Sent;
            region Goods { initial Packing; state Packing { on Pack => Packed; } final Packed; }
            region Money { initial Due; state Due { on Pay => Paid; } final Paid; }
            region Mail { initial Unsent; state Unsent { on Post => Posted; } final Posted; }
        }
        final Sent;
    }
}

fn main() {}
