use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Go }
        effects { Mail }
        #[cfg(never)]
        version 2;
        /// A comment can stand anywhere.
        initial Draft;
        #[allow(dead_end)]
        prove { always ends; }
        state Draft {
            #[inline]
            exit do Mail;
            #[must_use]
            on Go => Done;
        }
        final Done;
    }
}

fn main() {}
