use statewright::prelude::*;

state_machine! {
    machine Order {
        triggers { Ping, Pong, Stop }
        initial Table;
        parallel Table {
            region Left { initial L; state L { on Ping => stay raise Pong; on Pong => stay raise Ping; } }
            region Right { initial R; state R { on Stop => Off; } }
        }
        final Off;
    }
}

fn main() {}
