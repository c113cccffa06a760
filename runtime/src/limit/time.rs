//! Time in ticks, and the slower time of a limit that hosts share.
//!
//! A tick is a sixteenth of a nanosecond: fine enough for 100,000,000 tokens per second within one per cent, and 36 years
//! in 64 bits.

use crate::clock::Clock;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub(super) const TICKS_PER_NANO: u64 = 16;

/// 18 years after the clock's beginning time stands still; a bucket takes at most half of that to fill.
const NOW_MAX: u64 = 1 << 63;

/// A moment, in ticks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// As buckets see it.
    pub(super) bucket: u64,
    /// By the clock.
    pub(super) clock: u64,
}

pub(super) struct Time {
    clock: Arc<dyn Clock>,
    shared: Option<Mutex<Slowed>>,
}

/// Time that passes more slowly the more hosts there are. A bucket fills by time, so it fills more slowly, and what is in
/// it stays what it is when their number changes.
#[derive(Debug)]
struct Slowed {
    hosts: u32,
    /// Since when there are so many, by the clock.
    since: u64,
    /// What had passed then.
    passed: u64,
}

impl Slowed {
    fn at(&self, clock: u64) -> u64 {
        self.passed.saturating_add(clock.saturating_sub(self.since) / u64::from(self.hosts))
    }
}

impl Time {
    pub(super) fn new(clock: Arc<dyn Clock>, shared: bool) -> Self {
        let since = ticks(clock.monotonic());
        let slowed = Slowed { hosts: 1, since, passed: since };
        Self { clock, shared: shared.then(|| Mutex::new(slowed)) }
    }

    pub(super) fn now(&self) -> Moment {
        let Some(shared) = &self.shared else {
            let clock = ticks(self.clock.monotonic());
            return Moment { bucket: clock, clock };
        };
        let slowed = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let clock = ticks(self.clock.monotonic());
        Moment { bucket: slowed.at(clock), clock }
    }

    /// How long a bucket's ticks take by the clock, to the next nanosecond.
    pub(super) fn lasts(&self, ticks: u64) -> Duration {
        let nanos = ticks.saturating_mul(u64::from(self.hosts())).div_ceil(TICKS_PER_NANO);
        Duration::from_nanos(nanos)
    }

    pub(super) fn hosts(&self) -> u32 {
        let hosts = |shared: &Mutex<Slowed>| shared.lock().unwrap_or_else(PoisonError::into_inner).hosts;
        self.shared.as_ref().map_or(1, hosts)
    }

    /// From now on this many hosts share the rate. `false`: that is nothing new, or nothing is shared.
    pub(super) fn set_hosts(&self, hosts: u32) -> bool {
        let Some(shared) = &self.shared else { return false };
        let mut slowed = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let hosts = hosts.max(1);
        if slowed.hosts == hosts {
            return false;
        }
        let since = ticks(self.clock.monotonic());
        *slowed = Slowed { hosts, since, passed: slowed.at(since) };
        true
    }

    pub(super) async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Time").field(&self.shared).finish()
    }
}

pub(super) fn ticks(duration: Duration) -> u64 {
    let nanos =
        duration.as_secs().saturating_mul(1_000_000_000).saturating_add(duration.subsec_nanos().into());
    nanos.saturating_mul(TICKS_PER_NANO).min(NOW_MAX)
}
