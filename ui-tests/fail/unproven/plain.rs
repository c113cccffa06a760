use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Submit, Pay, Cancel, Skip }
        initial Draft;
        state Draft { on Submit => Submitted; on Skip => Delivered; }
        state Submitted { on Pay => Delivered; on Cancel => Cancelled; }
        state Cancelled { on Submit => Submitted; }
        final Delivered;
        prove {
            Delivered requires Submitted;
            never Cancelled ~> Delivered;
            Draft reaches Cancelled;
            always ends;
            handled Cancel;
        }
    }
}

fn main() {}
