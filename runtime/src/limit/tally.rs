//! What a limiter has done, counted; what follows from it is computed when somebody asks.

use super::time::TICKS_PER_NANO;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How a limiter stands, as of now.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct LimitStats {
    /// Whole tokens in the bucket; of many buckets, in the emptiest.
    pub available: u32,
    /// Tokens that a full bucket holds.
    pub capacity: u32,
    /// Triggers that were let through, those that waited and those whose tokens were given back among them.
    pub allowed: u64,
    /// Triggers that were refused.
    pub rejected: u64,
    /// Triggers that were let through after a wait.
    pub waited: u64,
    /// Triggers whose tokens were given back.
    pub refunded: u64,
    /// Triggers that wait now.
    pub waiting: u64,
    /// How long ago the last one was let through.
    pub last_acquired: Option<Duration>,
    /// Share of the bucket that is taken, in per cent; of many buckets, of the emptiest.
    pub utilisation: f64,
    /// Share of the triggers that were refused, in per cent.
    pub rejection: f64,
    /// Tokens per second that were taken and not given back, since the limiter was made.
    pub effective_rate: f64,
    /// Hosts that share the rate; 1 for a limit that is not shared.
    pub hosts: u32,
    /// Buckets that are not full; 1 for a limiter that has one.
    pub keys: u64,
    /// Triggers that were refused since there was no room for another bucket; they count as rejected too.
    pub crowded: u64,
    /// Bytes that buckets and keys take.
    pub bytes: u64,
}

#[derive(Debug)]
pub(super) struct Tally {
    began: u64,
    allowed: AtomicU64,
    /// By the clock, in ticks, and one more; 0: never.
    last: AtomicU64,
    rejected: AtomicU64,
    waited: AtomicU64,
    refunded: AtomicU64,
    crowded: AtomicU64,
}

/// How the buckets stand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stand {
    pub(super) available: u32,
    pub(super) waiting: u64,
    pub(super) keys: u64,
    pub(super) bytes: u64,
    /// What was counted beside the [`Tally`].
    pub(super) passed: Passed,
}

/// Triggers that were let through, counted by whoever holds a lock anyway.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Passed {
    allowed: u64,
    /// By the clock, in ticks, and one more; 0: never.
    last: u64,
}

impl Passed {
    pub(super) fn count(&mut self, clock: u64) {
        self.add(&Self { allowed: 1, last: clock.saturating_add(1) });
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.allowed = self.allowed.saturating_add(other.allowed);
        self.last = self.last.max(other.last);
    }
}

impl Tally {
    pub(super) fn new(now: u64) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            began: now,
            allowed: zero(),
            last: zero(),
            rejected: zero(),
            waited: zero(),
            refunded: zero(),
            crowded: zero(),
        }
    }

    pub(super) fn allow(&self, clock: u64) {
        self.allowed.fetch_add(1, Ordering::Relaxed);
        self.last.store(clock.saturating_add(1), Ordering::Relaxed);
    }

    pub(super) fn reject(&self) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn wait(&self) {
        self.waited.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refund(&self) {
        self.refunded.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn crowd(&self) {
        self.crowded.fetch_add(1, Ordering::Relaxed);
    }

    /// `tokens`: what a full bucket holds, and what each trigger takes.
    pub(super) fn stats(&self, now: u64, tokens: (u32, u32), stand: Stand) -> LimitStats {
        let (capacity, cost) = tokens;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let mut passed = stand.passed;
        passed.add(&Passed { allowed: read(&self.allowed), last: read(&self.last) });
        let Passed { allowed, last } = passed;
        let (rejected, refunded) = (read(&self.rejected), read(&self.refunded));
        let taken = allowed.saturating_sub(refunded).saturating_mul(cost.into());
        let ago = |last| Duration::from_nanos(now.saturating_add(1).saturating_sub(last) / TICKS_PER_NANO);
        LimitStats {
            available: stand.available,
            capacity,
            allowed,
            rejected,
            waited: read(&self.waited),
            refunded,
            waiting: stand.waiting,
            last_acquired: Some(last).filter(|last| *last > 0).map(ago),
            utilisation: percent(capacity.saturating_sub(stand.available).into(), capacity.into()),
            rejection: percent(rejected, allowed.saturating_add(rejected)),
            effective_rate: ratio(taken, now.saturating_sub(self.began)) * 1e9 * ratio(TICKS_PER_NANO, 1),
            hosts: 1,
            keys: stand.keys,
            crowded: read(&self.crowded),
            bytes: stand.bytes,
        }
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    ratio(part, whole) * 100.0
}

/// Nothing of nothing is nothing.
#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
