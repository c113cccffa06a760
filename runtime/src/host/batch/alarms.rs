//! When a batch is to look up, though nothing has come in.

use crate::clock::Clock;
use crate::store::StreamId;
use futures_core::future::BoxFuture;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Whose time has come.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alarm {
    /// The batch's.
    End,
    /// Of what is under way with this number.
    Flight(u64),
    /// Of an atomic batch that pauses.
    Whole,
    /// Of a lane that pauses.
    Lane(StreamId),
}

pub(super) struct Alarms {
    clock: Arc<dyn Clock>,
    set: BTreeSet<(Duration, Alarm)>,
    /// One sleep for all: never later than the first alarm.
    sleep: Option<(Duration, BoxFuture<'static, ()>)>,
}

impl Alarms {
    pub(super) fn new(clock: &Arc<dyn Clock>) -> Self {
        Self { clock: Arc::clone(clock), set: BTreeSet::new(), sleep: None }
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    /// Returns the time at which it rings.
    pub(super) fn set(&mut self, delay: Duration, alarm: Alarm) -> Duration {
        let at = self.now().saturating_add(delay);
        self.set.insert((at, alarm));
        at
    }

    pub(super) fn remove(&mut self, at: Duration, alarm: Alarm) {
        self.set.remove(&(at, alarm));
    }

    /// The next alarm that rings.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Alarm> {
        loop {
            let Some((first, _)) = self.set.first() else {
                self.sleep = None;
                return Poll::Pending;
            };
            let (now, first) = (self.now(), *first);
            if first <= now
                && let Some((_, alarm)) = self.set.pop_first()
            {
                return Poll::Ready(alarm);
            }
            if self.sleep.as_ref().is_none_or(|(at, _)| *at > first) {
                self.sleep = Some((first, self.clock.sleep(first.saturating_sub(now))));
            }
            let Some((_, sleep)) = &mut self.sleep else { return Poll::Pending };
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.sleep = None;
        }
    }
}
