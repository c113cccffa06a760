use statewright::prelude::*;

state_machine! {
    machine Order {
        lock "regions_swapped.lock";
        triggers { Pack, Pay }
        initial Both;
        parallel Both {
            done => Sent;
            region Goods { initial Packing; state Packing { on Pack => Packed; } final Packed; }
            region Money { initial Due; state Due { on Pay => Paid; } final Paid; }
        }
        final Sent;
    }
}

fn main() {}
