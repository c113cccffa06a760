use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Go, Stop }
        initial Idle;
        on Stop => Off;
        state Idle { on Go => Job; }
        state Job {
            initial Work;
            done => Job;
            state Work { always => Over; }
            final Over;
        }
        final Off;
    }
}

fn main() {}
