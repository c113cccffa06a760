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

    /// What comes of it when it is due.
    pub(crate) fn turn(self, now: Timestamp, policy: Missed) -> Turn {
        let Some(every) = self.every else { return Turn { next: None, missed: 0, skipped: false } };
        let period = every.as_micros().max(1);
        let due = i128::from(self.due.as_microsecond());
        let behind = (i128::from(now.as_microsecond()) - due).max(0) / period;
        // Turns behind which the next one stands; how many are left out.
        let (turns, missed, skipped) = match policy {
            Missed::FireOnce => (behind + 1, behind, false),
            Missed::Skip if behind > 0 => (behind + 1, behind + 1, true),
            Missed::FireAll | Missed::Skip => (1, 0, false),
        };
        let next = i64::try_from(due + turns * period).ok();
        let next = next.and_then(|next| Timestamp::from_microsecond(next).ok());
        let next = Some(Self { due: next.unwrap_or(Timestamp::MAX), ..self });
        Turn { next, missed: u64::try_from(missed).unwrap_or(u64::MAX), skipped }
    }
}

/// What a host does about turns of a repeating timer that are due together, because no host ran in between. The timer
/// keeps its phase either way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Missed {
    /// They are run as one, and [`cx.missed()`](crate::Cx::missed) says how many others that stands for.
    #[default]
    FireOnce,
    /// Each is run, one behind the other.
    FireAll,
    /// None is run: the arm waits for its next turn.
    Skip,
}

/// What comes of a timer that is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Turn {
    /// It is set to this; `None`: it ran once.
    pub(crate) next: Option<Timer>,
    /// Turns that are left out.
    pub(crate) missed: u64,
    /// The arm is not asked.
    pub(crate) skipped: bool,
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

    /// Its next turn, or none.
    pub(crate) fn replace(&mut self, arm: ArmId, next: Option<Timer>) {
        self.clear(|other| other == arm);
        if let Some(next) = next {
            self.set(next);
        }
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
        let cases = [
            (Missed::FireOnce, 100, 110, 0, false),
            (Missed::FireOnce, 109, 110, 0, false),
            (Missed::FireOnce, 110, 120, 1, false),
            (Missed::FireOnce, 157, 160, 5, false),
            (Missed::FireAll, 157, 110, 0, false),
            (Missed::Skip, 109, 110, 0, false),
            (Missed::Skip, 110, 120, 2, true),
            (Missed::Skip, 157, 160, 6, true),
        ];
        for (policy, now, due, missed, skipped) in cases {
            let next = Some(Timer { due: at(due), ..timer });
            assert_eq!(timer.turn(at(now), policy), Turn { next, missed, skipped }, "{policy:?} at {now}");
        }
        let once = Timer { every: None, ..timer };
        assert_eq!(once.turn(at(900), Missed::Skip), Turn { next: None, missed: 0, skipped: false });
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
