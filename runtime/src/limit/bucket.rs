//! One token bucket: two atomics and no clock.
//!
//! Tokens are time: the bucket knows when it will be full again, and each token taken puts that off by the time in which
//! one comes in.

use super::time::TICKS_PER_NANO;
use super::{LimitError, RateLimit};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most ticks that a bucket may take to fill: nine years.
const CAPACITY_MAX: u64 = 1 << 62;

/// Fewest ticks between two tokens: ten nanoseconds.
const SPACING_MIN: u64 = 10 * TICKS_PER_NANO;

/// The numbers of a limit, in ticks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// In which one token comes in; rounded up, so that never more comes in than was said.
    pub(super) spacing: u64,
    /// In which an empty bucket fills.
    pub(super) capacity: u64,
    /// What each pass takes.
    pub(super) cost: u64,
}

impl Rule {
    pub(super) fn new(limit: &RateLimit) -> Result<Self, LimitError> {
        let name = || Arc::clone(&limit.name);
        let bounds = [
            ("count", limit.count == 0),
            ("period", limit.period.is_zero()),
            ("burst", limit.burst == 0),
            ("cost", limit.cost == 0),
            ("waiters_max", limit.waiters_max == 0),
            ("keys_max", limit.keys_max == 0),
        ];
        if let Some((option, _)) = bounds.into_iter().find(|(_, zero)| *zero) {
            return Err(LimitError::Zero { limit: name(), option });
        }
        let (cost, burst) = (limit.cost, limit.burst);
        if cost > burst {
            return Err(LimitError::CostAboveBurst { limit: name(), cost, burst });
        }
        let ticks = limit.period.as_nanos().saturating_mul(u128::from(TICKS_PER_NANO));
        let spacing = u64::try_from(ticks.div_ceil(u128::from(limit.count)));
        let spacing = spacing.map_err(|_| LimitError::TooSlow { limit: name() })?;
        if spacing < SPACING_MIN {
            return Err(LimitError::TooFast { limit: name() });
        }
        let capacity = spacing.checked_mul(burst.into()).filter(|capacity| *capacity <= CAPACITY_MAX);
        let capacity = capacity.ok_or_else(|| LimitError::TooSlow { limit: name() })?;
        Ok(Self { spacing, capacity, cost: spacing * u64::from(cost) })
    }

    /// When a bucket is full again behind a pass, or how many ticks are missing for it.
    fn pass(&self, full_at: u64, now: u64) -> Result<u64, u64> {
        let full_at = full_at.max(now).saturating_add(self.cost);
        let missing = full_at.saturating_sub(now.saturating_add(self.capacity));
        if missing > 0 { Err(missing) } else { Ok(full_at) }
    }
}

/// Tokens that were taken. Dropped, they stay taken; a limiter takes them back once.
#[derive(Debug)]
#[must_use = "give it back if what it was taken for did not happen"]
pub struct Pass(pub(super) Option<Receipt>);

impl Pass {
    /// Of a trigger that is not counted.
    pub(super) const FREE: Self = Self(None);

    /// Whether nothing was taken, since the trigger is not counted.
    pub fn is_free(&self) -> bool {
        self.0.is_none()
    }
}

/// How the bucket stood behind a pass.
#[derive(Debug)]
pub(super) struct Receipt {
    full_at: u64,
    given_back: u64,
}

#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// When it is full again.
    full_at: AtomicU64,
    /// Sum of all that was given back, so that a receipt knows how much of it came after.
    given_back: AtomicU64,
}

impl Bucket {
    /// Takes tokens, or tells how many ticks are missing.
    pub(super) fn take(&self, rule: &Rule, now: u64) -> Result<Receipt, u64> {
        // Before the swap: what is given back between the two counts as given back after.
        let given_back = self.given_back.load(Ordering::Acquire);
        let mut seen = self.full_at.load(Ordering::Acquire);
        loop {
            let full_at = rule.pass(seen, now)?;
            match self.full_at.compare_exchange_weak(seen, full_at, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(Receipt { full_at, given_back }),
                Err(newer) => seen = newer,
            }
        }
    }

    /// [`take`](Self::take) where nobody else can: an atomic operation costs as much as all the rest of it.
    pub(super) fn take_alone(&mut self, rule: &Rule, now: u64) -> Result<Receipt, u64> {
        let full_at = rule.pass(*self.full_at.get_mut(), now)?;
        *self.full_at.get_mut() = full_at;
        Ok(Receipt { full_at, given_back: *self.given_back.get_mut() })
    }

    /// Takes tokens whether they are there or not.
    pub(super) fn charge(&self, rule: &Rule, now: u64, tokens: u64) {
        let cost = rule.spacing.saturating_mul(tokens);
        let charged = |seen: u64| Some(seen.max(now).saturating_add(cost));
        // Never refused, so there is nothing to tell.
        let _ = self.full_at.fetch_update(Ordering::AcqRel, Ordering::Acquire, charged);
    }

    /// Gives tokens back: as many as would be there now had they never been taken, which is none when the bucket has been
    /// full since. The caller holds the lock under which everything is given back.
    ///
    /// A bucket that has been full would have spilled them. Since the pass nothing but what was given back has brought
    /// `full_at` below the receipt's, so the bucket was never nearer to full than that.
    pub(super) fn give_back(&self, receipt: &Receipt, rule: &Rule, now: impl Fn() -> u64) {
        let since = self.given_back.load(Ordering::Acquire).wrapping_sub(receipt.given_back);
        self.lower(now, |now| {
            let owed = receipt.full_at.saturating_sub(since).saturating_sub(now);
            rule.cost.min(owed)
        });
    }

    /// Fills the bucket. The caller holds the lock under which everything is given back.
    pub(super) fn fill(&self, now: impl Fn() -> u64) {
        self.lower(now, |_| u64::MAX);
    }

    fn lower(&self, now: impl Fn() -> u64, most: impl Fn(u64) -> u64) {
        loop {
            let seen = self.full_at.load(Ordering::Acquire);
            // Behind the look: if nobody takes until the swap, it is as if both had happened at this moment.
            let now = now();
            let by = most(now).min(seen.saturating_sub(now));
            let (order, lost) = (Ordering::AcqRel, Ordering::Acquire);
            if self.full_at.compare_exchange(seen, seen.saturating_sub(by), order, lost).is_ok() {
                self.given_back.fetch_add(by, Ordering::AcqRel);
                return;
            }
        }
    }

    /// Ticks until the last of so many passes, one behind the other, would find its tokens.
    pub(super) fn due(&self, rule: &Rule, now: u64, passes: usize) -> u64 {
        let cost = rule.cost.saturating_mul(passes as u64);
        let full_at = self.full_at.load(Ordering::Acquire).max(now).saturating_add(cost);
        full_at.saturating_sub(now.saturating_add(rule.capacity))
    }

    /// Whole tokens in it.
    pub(super) fn available(&self, rule: &Rule, now: u64) -> u32 {
        let missing = self.full_at().saturating_sub(now);
        u32::try_from(rule.capacity.saturating_sub(missing) / rule.spacing).unwrap_or(u32::MAX)
    }

    pub(super) fn full_at(&self) -> u64 {
        self.full_at.load(Ordering::Acquire)
    }
}
