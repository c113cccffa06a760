use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Cancel, Go }
        initial Both;
        parallel Both {
            region Goods { initial Packing; state Packing { on Cancel => Returned; } }
            region Money { initial Due; state Due { on Cancel => Refunded; on Go => Returned; } }
        }
        final Returned;
        #[allow(unreachable_state)]
        final Refunded;
    }
}

fn main() {}
