use statewright::prelude::*;

state_machine! {
    machine Order {
        lock "order.lock";
        triggers { Submit }
        initial Draft;
        limit 100 per 1s burst 150;
        prove { always ends; }
        migrate { Old => Draft; }
        parallel Both { region A { initial B; state B { } } }
        history Last => Draft;
        state Draft {
            always if data.is_ready() => Done;
            after 30m => Done;
            every 1h => stay;
            done => Done;
            on Submit => Done raise Submit;
            on Submit => (A, B);
        }
        final Done;
    }
}

fn main() {}
