//! A rate limiter: a token bucket that starts full, with costs, refunds, and waiters that are served in their order.
//!
//! It is the generic cell rate algorithm (ATM Forum, Traffic Management 4.0, section 4.4.2) over one atomic: the moment at
//! which the bucket will be full again. What it has admitted in any span of time is never more than
//! `burst + rate × span`, whatever was refunded in between. It asks the monotonic clock alone, so the time of day may jump.
//!
//! The crate `governor` is the same algorithm and carries costs, but neither refunds nor a reset, and whoever waits there
//! is in no queue; here it is the yardstick. Limits count in this process: no host asks another.

mod bucket;
mod core;
mod keyed;
mod limiter;
mod queue;
mod tally;
mod time;

pub use bucket::Pass;
pub use keyed::{Key, KeyedLimiter};
pub use limiter::Limiter;
pub use tally::LimitStats;

use crate::hook::Hook;
use std::sync::Arc;
use std::time::Duration;

/// How much may happen in which time. Made into a [`Limiter`], a [`KeyedLimiter`], or given to a
/// [`HostBuilder`](crate::host::HostBuilder::limit).
#[derive(Clone, Debug)]
#[must_use = "a limit does nothing until it is enforced"]
pub struct RateLimit {
    name: Arc<str>,
    count: u32,
    period: Duration,
    burst: u32,
    cost: u32,
    triggers: Option<Arc<[Arc<str>]>>,
    wait: Duration,
    waiters_max: usize,
    keys_max: usize,
    shared: bool,
    on_exceeded: Hook<Refusal>,
}

impl RateLimit {
    /// `count` tokens in each `period`; as many at once after a pause.
    pub fn new(count: u32, period: Duration) -> Self {
        Self {
            name: format!("{count} per {period:?}").into(),
            count,
            period,
            burst: count,
            cost: 1,
            triggers: None,
            wait: Duration::ZERO,
            waiters_max: 1_024,
            keys_max: 1_000_000,
            shared: false,
            on_exceeded: Hook::default(),
        }
    }

    /// How errors and logs call it; `100 per 1s` unless said otherwise.
    pub fn name(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// What the bucket holds: tokens that may be taken at once after a pause. `count` unless said otherwise. Who comes in
    /// intervals gets the whole rate when it holds one token more than come in within an interval.
    pub fn burst(mut self, tokens: u32) -> Self {
        self.burst = tokens;
        self
    }

    /// Tokens that each trigger takes, 1 unless said otherwise.
    pub fn cost(mut self, tokens: u32) -> Self {
        self.cost = tokens;
        self
    }

    /// Only these triggers; others are free and not counted. All unless said otherwise.
    pub fn triggers<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.triggers = Some(names.into_iter().map(Arc::from).collect());
        self
    }

    /// How long a trigger may wait for its tokens, not at all unless said otherwise. One that would have to wait longer is
    /// refused at once.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Triggers that may wait for one bucket, 1,024 unless said otherwise; one more is refused.
    pub fn waiters_max(mut self, triggers: usize) -> Self {
        self.waiters_max = triggers;
        self
    }

    /// Buckets that are kept, 1,000,000 unless said otherwise; full ones leave when room is needed. When none is full, a
    /// key that has no bucket is refused: a limit is never lifted for want of memory. Each takes at most 128 bytes and
    /// its key's text. For a limit that has a bucket for each key.
    pub fn keys_max(mut self, keys: usize) -> Self {
        self.keys_max = keys;
        self
    }

    /// Divides the rate by the number of live hosts. The burst stays: each host holds one.
    pub fn shared(mut self) -> Self {
        self.shared = true;
        self
    }

    /// Is told of every refusal, outside all locks.
    pub fn on_exceeded(mut self, hook: impl Fn(&Refusal) + Send + Sync + 'static) -> Self {
        self.on_exceeded = Hook::new(hook);
        self
    }

    /// The triggers that it counts; `None`: all.
    pub(crate) fn counted(&self) -> Option<&[Arc<str>]> {
        self.triggers.as_deref()
    }

    /// How errors and logs call it.
    pub(crate) fn called(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.shared
    }

    fn counts(&self, trigger: &str) -> bool {
        self.triggers.as_ref().is_none_or(|names| names.iter().any(|name| **name == *trigger))
    }
}

/// A limit that means nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// A bound that lets nothing through.
    #[error("`{option}` of limit `{limit}` must be more than nothing")]
    Zero {
        /// Which limit.
        limit: Arc<str>,
        /// The option.
        option: &'static str,
    },
    /// A trigger costs more than the bucket ever holds.
    #[error(
        "a trigger costs {cost} and the bucket of limit `{limit}` holds {burst}: raise the burst to {cost}"
    )]
    CostAboveBurst {
        /// Which limit.
        limit: Arc<str>,
        /// What each trigger takes.
        cost: u32,
        /// What the bucket holds.
        burst: u32,
    },
    /// More than one token in ten nanoseconds: nothing is that fast.
    #[error("limit `{limit}` is above 100,000,000 tokens per second, which limits nothing: leave it out")]
    TooFast {
        /// Which limit.
        limit: Arc<str>,
    },
    /// An empty bucket would take more than nine years to fill.
    #[error("the bucket of limit `{limit}` would take more than nine years to fill: lower the burst")]
    TooSlow {
        /// Which limit.
        limit: Arc<str>,
    },
    /// The machine has no trigger of this name.
    #[error("limit `{limit}` counts trigger `{trigger}`, which machine `{machine}` does not have")]
    UnknownTrigger {
        /// Which limit.
        limit: Arc<str>,
        /// The trigger.
        trigger: Arc<str>,
        /// The machine.
        machine: &'static str,
    },
}

/// There are not enough tokens. Nothing was taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("limit `{limit}` is exceeded: {required} needed, {available} there, try again in {retry_after:?}")]
#[non_exhaustive]
pub struct Exceeded {
    /// Which limit.
    pub limit: Arc<str>,
    /// Tokens in the bucket; those that wait may be meant for others who came before.
    pub available: u32,
    /// Tokens that the trigger takes.
    pub required: u32,
    /// When there will be enough, if nobody else comes.
    pub retry_after: Duration,
}

/// Who was refused, as [`on_exceeded`](RateLimit::on_exceeded) is told.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// The trigger.
    pub trigger: Arc<str>,
    /// The tenant whose bucket it is; empty where there is none.
    pub tenant: Arc<str>,
    /// The instance whose bucket it is; empty where several share it.
    pub instance: Arc<str>,
    /// Which limit, and when there will be room.
    pub exceeded: Exceeded,
}
