//! What an instance keeps besides state and data: what its histories stand for, and its timers.
//!
//! Nothing here waits: who drives the instance asks when the next timer is due.

use crate::definition::chart::Memory;
use crate::definition::{ArmId, Definition, On};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// A deadline that is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timer {
    /// The arm that is taken when it is due.
    pub arm: ArmId,
    /// When it is due.
    pub due: Timestamp,
    /// The time until its next turn, if it repeats.
    pub every: Option<SignedDuration>,
}

/// The time span of a timer. At least a microsecond, the grain of records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Period(SignedDuration);

/// What can stand in the parentheses behind `after` and `every`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no time span",
    label = "expected a duration",
    note = "`std::time::Duration` and `jiff::SignedDuration` are"
)]
pub trait Span {
    /// The same as a signed duration; the longest there is when it does not fit.
    fn span(self) -> SignedDuration;
}

impl Span for Duration {
    fn span(self) -> SignedDuration {
        SignedDuration::try_from(self).unwrap_or(SignedDuration::MAX)
    }
}

impl Span for SignedDuration {
    fn span(self) -> SignedDuration {
        self
    }
}

/// The period of a timer whose time span is computed. What is not positive is due at once.
pub fn period<S: Span>(span: S) -> Period {
    Period(span.span().max(SignedDuration::from_micros(1)))
}

impl Timer {
    /// Set now.
    pub(crate) fn new(definition: &Definition, arm: ArmId, set: (Timestamp, Period)) -> Self {
        let (now, Period(period)) = set;
        let repeats = definition.arm(arm).is_some_and(|arm| matches!(arm.on, On::Every(_)));
        Self { arm, due: after(now, period), every: repeats.then_some(period) }
    }

    /// Its next turn behind `now`, in the phase that it has, and how many turns are left out.
    pub(crate) fn next(self, now: Timestamp) -> Option<(Self, u64)> {
        let period = self.every?.as_micros().max(1);
        let late = i128::from(now.as_microsecond()) - i128::from(self.due.as_microsecond());
        let missed = late.max(0) / period;
        let due = i128::from(self.due.as_microsecond()) + (missed + 1) * period;
        let due = i64::try_from(due).ok().and_then(|due| Timestamp::from_microsecond(due).ok());
        Some((Self { due: due.unwrap_or(Timestamp::MAX), ..self }, u64::try_from(missed).unwrap_or(u64::MAX)))
    }
}

/// Deadlines are kept in microseconds, as they are recorded.
fn after(now: Timestamp, period: SignedDuration) -> Timestamp {
    let due = now.checked_add(period).unwrap_or(Timestamp::MAX);
    Timestamp::from_microsecond(due.as_microsecond()).unwrap_or(due)
}

/// The timers of an instance, by deadline, then source order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Timers(Vec<Timer>);

impl Timers {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one that is due first.
    pub(crate) fn first(&self) -> Option<Timer> {
        self.0.first().copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Timer> {
        self.0.iter()
    }

    pub(crate) fn get(&self, arm: ArmId) -> Option<Timer> {
        self.0.iter().find(|timer| timer.arm == arm).copied()
    }

    pub(crate) fn set(&mut self, timer: Timer) {
        self.0.retain(|other| other.arm != timer.arm);
        let place = self.0.partition_point(|other| (other.due, other.arm) < (timer.due, timer.arm));
        self.0.insert(place, timer);
    }

    pub(crate) fn clear(&mut self, which: impl Fn(ArmId) -> bool) {
        self.0.retain(|timer| !which(timer.arm));
    }
}

/// Histories and timers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) memory: Memory,
    pub(crate) timers: Timers,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_microsecond(micros).expect("in range")
    }

    #[test]
    fn a_repeating_timer_keeps_its_phase() {
        let timer = Timer { arm: ArmId(0), due: at(100), every: Some(SignedDuration::from_micros(10)) };
        for (now, due, missed) in [(100, 110, 0), (109, 110, 0), (110, 120, 1), (157, 160, 5)] {
            assert_eq!(timer.next(at(now)).map(|(next, missed)| (next.due, missed)), Some((at(due), missed)));
        }
    }

    #[test]
    fn timers_are_ordered_by_deadline_then_source() {
        let mut timers = Timers::default();
        for (arm, due) in [(3, 20), (1, 20), (2, 10), (3, 20)] {
            timers.set(Timer { arm: ArmId(arm), due: at(due), every: None });
        }
        assert_eq!(timers.iter().map(|timer| timer.arm.0).collect::<Vec<_>>(), [2, 1, 3]);
        timers.clear(|arm| arm == ArmId(1));
        assert_eq!((timers.first().map(|timer| timer.arm), timers.get(ArmId(1))), (Some(ArmId(2)), None));
    }

    #[test]
    fn a_deadline_out_of_range_is_the_last_moment() {
        assert_eq!(after(at(0), SignedDuration::MAX), Timestamp::MAX);
        assert_eq!(period(SignedDuration::ZERO), Period(SignedDuration::from_micros(1)));
    }
}
