//! The smallest machine: a coin opens, a push lets one person through.

use statewright::prelude::*;

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

#[cfg(test)]
mod tests {
    use super::*;
    use statewright::testing::given;

    #[test]
    fn a_coin_opens_and_a_push_locks() {
        given::<Turnstile>()
            .when(TurnstileTrigger::Coin)
            .then_state(TurnstileState::Open)
            .and_when(TurnstileTrigger::Push)
            .then_state(TurnstileState::Locked)
            .and_when(TurnstileTrigger::Push)
            .then_refused("a coin first, please");
    }

    #[test]
    fn a_second_coin_changes_nothing() {
        given::<Turnstile>()
            .state(TurnstileState::Open)
            .when(TurnstileTrigger::Coin)
            .then_state(TurnstileState::Open)
            .then_no_more();
    }
}
