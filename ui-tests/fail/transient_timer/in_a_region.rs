use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Go, Stop }
        initial Both;
        parallel Both {
            region Goods {
                initial Packing;
                state Packing { on Go => Checked; }
                state Checked { always => Packing; every 1h => stay; }
            }
            region Money { initial Due; state Due { on Stop => Off; } }
        }
        final Off;
    }
}

fn main() {}
