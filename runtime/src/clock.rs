//! Time, from outside: a clock of the system and one that tests turn by hand.
//!
//! Nothing else in this crate asks what time it is.

use futures_core::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Tells the time and waits. Shared by all tasks of a host.
pub trait Clock: Send + Sync + 'static {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;

    /// Time since some moment of this process's own: never runs backwards, whatever becomes of [`now`](Self::now).
    fn monotonic(&self) -> Duration;

    /// Returns when `duration` has passed on this clock. Cancel safe.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The clock of the operating system and of the `tokio` runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        static BEGINNING: OnceLock<Instant> = OnceLock::new();
        BEGINNING.get_or_init(Instant::now).elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A clock that stands still until it is turned. Clones show the same time.
#[derive(Clone, Debug)]
pub struct FakeClock {
    time: watch::Sender<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Time {
    now: Timestamp,
    monotonic: Duration,
}

impl FakeClock {
    /// Stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self { time: watch::Sender::new(Time { now, monotonic: Duration::ZERO }) }
    }

    /// Turns the clock forward and wakes whoever has slept long enough.
    pub fn advance(&self, duration: Duration) {
        let by = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
        self.time.send_modify(|time| {
            time.now = time.now.saturating_add(by).unwrap_or(Timestamp::MAX);
            time.monotonic = time.monotonic.saturating_add(duration);
        });
    }

    /// Sets the time of day, backwards too: clocks do that. Nobody has slept any longer for it.
    pub fn set(&self, now: Timestamp) {
        self.time.send_modify(|time| time.now = now);
    }
}

impl Default for FakeClock {
    /// Stands at 1970-01-01T00:00:00Z.
    fn default() -> Self {
        Self::at(Timestamp::UNIX_EPOCH)
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        self.time.borrow().now
    }

    fn monotonic(&self) -> Duration {
        self.time.borrow().monotonic
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let until = self.monotonic().saturating_add(duration);
        let mut time = self.time.subscribe();
        Box::pin(async move {
            // The sender is gone with the last clock: nobody is left who could turn it.
            if time.wait_for(|time| time.monotonic >= until).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}
