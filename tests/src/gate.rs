//! A gate with a limit of every scope.

use statewright::prelude::*;

state_machine! {
    /// A gate that lets through only so many.
    pub machine Gate {
        triggers { Pass, Ring, Rest, Shut, Remove }

        initial Open;

        state Open {
            on Pass => stay;
            on Ring => stay;
            ignore Rest;
            on Shut => reject "the lock is broken";
            on Remove => Gone;
        }

        final Gone;

        limit 3 per 1s on Pass, Rest, Shut;
        limit 4 per 1s on Ring per tenant;
        limit 8 per 1s burst 10 on Pass per machine;
    }
}
