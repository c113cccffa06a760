use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Cancel, Go, Pay }
        initial Both;
        parallel Both {
            region Goods {
                initial Inner;
                parallel Inner {
                    region Left { initial L; state L { on Cancel => Off; } }
                    region Right { initial R; state R { on Go => Off; } }
                }
            }
            region Money {
                initial Due;
                state Due { on Cancel | Pay => Paid; }
                final Paid;
            }
        }
        final Off;
    }
}

fn main() {}
