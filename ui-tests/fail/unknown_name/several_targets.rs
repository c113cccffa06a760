use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Go, Stop }
        initial Idle;
        on Stop => Idle;
        state Idle { on Go => (Packed, Payed); }
        parallel Both {
            region Goods { initial Packing; state Packing { on Go => Packed; } state Packed { } }
            region Money { initial Due; state Due { on Go => Paid; } state Paid { } }
        }
    }
}

fn main() {}
