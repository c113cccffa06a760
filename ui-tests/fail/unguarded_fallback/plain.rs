use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Pay { cents: u64 }, Cancel }
        initial Open;
        #[deny(unguarded_fallback)]
        state Open {
            on Pay { cents } if cents > 100 => Paid;
            on Cancel => Paid;
        }
        final Paid;
    }
}

fn main() {}
