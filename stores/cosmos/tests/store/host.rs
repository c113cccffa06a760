//! A machine that runs on the store, on two hosts at once.

use crate::account::Account;
use statewright::prelude::*;
use statewright::store::conformance::Place;

state_machine! {
    /// A turnstile at the entrance of a station.
    pub machine Turnstile {
        triggers { Coin, Push }
        initial Locked;
        state Locked {
            on Coin => Open;
            on Push => reject "a coin first, please";
        }
        state Open {
            on Push => Locked;
            on Coin => stay;
        }
    }
}

/// Two hosts ask the same instance in turn: each decides on what the other has recorded, and a command is recorded once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hosts_run_one_machine() {
    let account = Account::fresh().await;
    let mut hosts = Vec::new();
    for _ in 0..2 {
        hosts.push(Host::<Turnstile>::builder(account.open().await).build().await.expect("it starts"));
    }
    for turn in 0..6 {
        let trigger = || if turn % 2 == 0 { TurnstileTrigger::Coin } else { TurnstileTrigger::Push };
        for (host, is_repeat) in hosts.iter().zip([false, true]) {
            let command = host.instance("gate-7").command(&format!("c{turn}"));
            let fired = command.fire(trigger()).await.expect("it fires");
            assert_eq!((fired.revision.0, fired.duplicate), (turn + 1, is_repeat), "turn {turn}");
        }
        hosts.reverse();
    }
    let refused = hosts[1].instance("gate-7").fire(TurnstileTrigger::Push).await;
    assert!(refused.is_err(), "it stands locked");
    account.remove().await;
}
