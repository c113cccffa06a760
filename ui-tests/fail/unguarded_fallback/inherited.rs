use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Pay { cents: u64 }, Cancel }
        initial Open;
        state Open {
            initial Fresh;
            on Cancel => reject "too late";
            state Fresh {
                on Cancel if data.is_empty() => Paid;
                #[deny(unguarded_fallback)]
                on Pay { cents } if cents > 100 => Paid;
            }
        }
        data String;
        final Paid;
    }
}

fn main() {}
