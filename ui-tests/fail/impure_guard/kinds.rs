use statewright::prelude::*;

state_machine! {
    machine Order {
        data Vec<u8>;
        triggers { Submit { n: u8 } }
        initial Draft;
        state Draft {
            on Submit { n } if ask(n).await => Done;
            on Submit { n } if check(n)? => Done;
            on Submit { n } if { println!("{n}"); true } => Done;
            on Submit { n } if { let mut m = n; m += 1; m > 1 } => Done;
            on Submit { n } if { return n > 1 } => Done;
        }
        final Done;
    }
}

fn main() {}
