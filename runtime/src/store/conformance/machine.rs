//! The machines that hosts run in the cases: a till for what callers ask, an alarm for what time brings.
//!
//! They know nothing of stores. What they go through is small on purpose: what machines can do is tested elsewhere.

use crate::prelude::*;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

state_machine! {
    /// A till: takes money, prints receipts, and is counted in the evening.
    pub(super) machine Till {
        data Sum;

        triggers {
            /// Takes money.
            Take { cents: u64 },
            /// Takes money and counts it, in one step.
            Settle { cents: u64 },
            #[internal]
            Count,
            /// Opens it again.
            Reopen,
            /// Prints a receipt.
            Receipt { number: u64 },
            /// Says that it is printed.
            Printed,
        }

        events { Taken, Counted }

        effects {
            /// Prints it outside.
            Print { number: u64 },
        }

        initial Serving;

        on Printed => stay;

        state Serving {
            on Take { cents } if cents > 0 => stay emit Taken { cents };
            on Settle { cents } => Counting emit Taken { cents } raise Count;
            on Receipt { number } => stay do Print { number };
        }

        state Counting { on Count => Settled emit Counted { cents: data.cents }; }

        state Settled {
            on Reopen => Serving;
            on Take { cents } if cents > 0 => reject "it is settled";
        }
    }
}

/// What the till has taken.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) cents: u64,
    pub(super) counted: Vec<u64>,
}

/// Money was taken.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "till.taken", version = 1)]
pub(super) struct Taken {
    cents: u64,
}

/// The money was counted.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "till.counted", version = 1)]
pub(super) struct Counted {
    cents: u64,
}

impl Apply<Taken> for Sum {
    fn apply(&mut self, event: &Taken) {
        self.cents += event.cents;
    }
}

impl Apply<Counted> for Sum {
    fn apply(&mut self, event: &Counted) {
        self.counted.push(event.cents);
    }
}

state_machine! {
    /// An alarm: rings once when it is set, and ticks while it is watched.
    pub(super) machine Alarm {
        data Heard;

        triggers { Set, Watch, Stop }

        events { Rang, Ticked }

        initial Idle;

        state Idle {
            on Set => Waiting;
            on Watch => Ticking;
        }

        state Waiting {
            after 10s => Idle emit Rang { due: cx.deadline() };
            on Stop => Idle;
        }

        state Ticking {
            every 10s => stay emit Ticked { due: cx.deadline(), missed: cx.missed() };
            on Stop => Idle;
        }
    }
}

/// What was heard of the alarm.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// When it was to ring.
    pub(super) rings: Vec<Option<Timestamp>>,
    /// When it was to tick, and for how many ticks that stands besides.
    pub(super) ticks: Vec<(Option<Timestamp>, u64)>,
}

/// It rang.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "alarm.rang", version = 1)]
pub(super) struct Rang {
    due: Option<Timestamp>,
}

/// It ticked.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "alarm.ticked", version = 1)]
pub(super) struct Ticked {
    due: Option<Timestamp>,
    missed: u64,
}

impl Apply<Rang> for Heard {
    fn apply(&mut self, event: &Rang) {
        self.rings.push(event.due);
    }
}

impl Apply<Ticked> for Heard {
    fn apply(&mut self, event: &Ticked) {
        self.ticks.push((event.due, event.missed));
    }
}
