use statewright::prelude::*;

state_machine! {
    machine Order {
        version;
        triggers { Submit { n: u8 }, Cancel, Ship }
        initial Draft;
        state Draft {
            on Submit { n: 1..=9 } -> Open;
            on Cancel = Draft;
            on Ship => Open;
            after () => Open;
            every => stay;
            on Ship if => stay;
        }
        final Open;
    }
}

fn main() {}
