use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Go }
        initial Both;
        parallel Both {
            done => Off;
            region Goods { initial Packing; state Packing { on Go => Packed; } final Packed { after 5m => Packing; } }
            region Money { initial Due; state Due { on Go => Paid; } final Paid; }
        }
        final Off;
    }
}

fn main() {}
