use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Pack, Pay, Ship, Break }
        initial Both;
        parallel Both {
            region Goods {
                initial Packing;
                state Packing { on Pack => Packed; on Break => Broken; }
                state Packed { on Ship => Shipped; }
                #[allow(dead_end)]
                state Broken { }
            }
            region Money { initial Due; state Due { on Pay => Paid; } #[allow(dead_end)] state Paid { } }
        }
        final Shipped;
        prove {
            Shipped requires Paid;
            never Broken ~> Shipped;
            always ends;
        }
    }
}

fn main() {}
