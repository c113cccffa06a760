//! A circuit breaker: what fails again and again is left alone for a while, then tried with care.
//!
//! It opens when [`failures`](BreakerOptions::failures) calls failed within [`window`](BreakerOptions::window); a call
//! that succeeds forgives none of them, only time does. While it is open nothing gets through. When
//! [`pause`](BreakerOptions::pause) has passed it is half-open: [`probes`](BreakerOptions::probes) calls get through, and
//! when all of them have succeeded it closes; the first that fails opens it for another pause.
//!
//! It calls nothing and knows no errors: the caller says what failed, and what never enters is never blocked.

mod circuit;

use crate::clock::Clock;
use crate::hook::Hook;
use circuit::Circuit;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Whether calls get through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BreakerState {
    /// All of them.
    Closed,
    /// A few, to see.
    HalfOpen,
    /// None.
    Open,
}

/// When a breaker opens and closes.
#[derive(Clone, Debug)]
#[must_use = "options do nothing until a breaker is made of them"]
pub struct BreakerOptions {
    name: Arc<str>,
    failures: u32,
    window: Duration,
    pause: Duration,
    probes: u32,
    on_change: Hook<BreakerChange>,
}

impl BreakerOptions {
    /// For something with this name; it stands in errors and logs.
    pub fn new(name: &str) -> Self {
        let (window, pause) = (Duration::from_secs(10), Duration::from_secs(30));
        Self { name: name.into(), failures: 5, window, pause, probes: 1, on_change: Hook::default() }
    }

    /// Failures within the window that open it, 5 unless said otherwise. Each takes 16 bytes for as long as the window.
    pub fn failures(mut self, failures: u32) -> Self {
        self.failures = failures;
        self
    }

    /// How long a failure counts, 10 s unless said otherwise.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// How long it stays open, 30 s unless said otherwise.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Calls that get through while it is half-open, and that must succeed for it to close; 1 unless said otherwise.
    pub fn probes(mut self, probes: u32) -> Self {
        self.probes = probes;
        self
    }

    /// Is told of every change of state, outside all locks: two changes in quick succession may be told by two threads
    /// at once.
    pub fn on_change(mut self, hook: impl Fn(&BreakerChange) + Send + Sync + 'static) -> Self {
        self.on_change = Hook::new(hook);
        self
    }
}

/// A change of state.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct BreakerChange {
    /// Whose.
    pub name: Arc<str>,
    /// What it was.
    pub from: BreakerState,
    /// What it is.
    pub to: BreakerState,
    /// When, by [`Clock::monotonic`].
    pub at: Duration,
}

/// Options of which no breaker can be made.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BreakerError {
    /// A bound that means nothing.
    #[error("`{option}` of breaker `{name}` must be more than nothing")]
    Zero {
        /// The breaker.
        name: Arc<str>,
        /// The option.
        option: &'static str,
    },
}

/// A call does not get through. It was not made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{name}` failed too often and is left alone: try again in {retry_after:?}")]
#[non_exhaustive]
pub struct Open {
    /// What is left alone.
    pub name: Arc<str>,
    /// When the next call may get through.
    pub retry_after: Duration,
}

/// What a breaker has seen, as of now.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct BreakerStats {
    /// Whether calls get through.
    pub state: BreakerState,
    /// Since when, by [`Clock::monotonic`].
    pub since: Duration,
    /// Failures that count now; at most as many as open it.
    pub failures: u32,
    /// Calls that got through and are not settled.
    pub running: u64,
    /// Calls that succeeded.
    pub succeeded: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Calls of which it was not said what became of them.
    pub abandoned: u64,
    /// Calls that did not get through.
    pub refused: u64,
    /// How often it opened.
    pub opened: u64,
}

/// Lets calls through, or not. Clones are the same breaker.
#[derive(Clone)]
pub struct Breaker(Arc<Inner>);

struct Inner {
    options: BreakerOptions,
    clock: Arc<dyn Clock>,
    circuit: Mutex<Circuit>,
}

impl Breaker {
    /// A breaker, closed.
    ///
    /// # Errors
    /// `failures`, `window`, `pause` or `probes` is zero.
    pub fn new(options: BreakerOptions, clock: Arc<dyn Clock>) -> Result<Self, BreakerError> {
        let bounds = [
            ("failures", options.failures == 0),
            ("window", options.window.is_zero()),
            ("pause", options.pause.is_zero()),
            ("probes", options.probes == 0),
        ];
        if let Some((option, _)) = bounds.into_iter().find(|(_, zero)| *zero) {
            return Err(BreakerError::Zero { name: options.name, option });
        }
        let circuit = Mutex::new(Circuit::new(clock.monotonic()));
        Ok(Self(Arc::new(Inner { options, clock, circuit })))
    }

    /// What it guards.
    pub fn name(&self) -> &str {
        &self.0.options.name
    }

    /// Lets a call through. Say with the permit what became of it.
    ///
    /// # Errors
    /// It is open, or half-open and all probes are out.
    pub fn try_enter(&self) -> Result<Permit, Open> {
        let entered = self.0.change(Circuit::enter);
        match entered {
            Ok(epoch) => Ok(Permit { inner: Arc::clone(&self.0), epoch, settled: false }),
            Err(retry_after) => Err(Open { name: Arc::clone(&self.0.options.name), retry_after }),
        }
    }

    /// Whether calls get through now.
    pub fn state(&self) -> BreakerState {
        self.0.change(|circuit, _, _| circuit.state())
    }

    /// What it has seen until now.
    pub fn stats(&self) -> BreakerStats {
        self.0.change(Circuit::stats)
    }
}

impl Inner {
    /// Does something as of now, and tells of the changes that time or it has made.
    fn change<T>(&self, act: impl FnOnce(&mut Circuit, &BreakerOptions, Duration) -> T) -> T {
        let (done, changes) = {
            let mut circuit = self.lock();
            // Read under the lock: what is done to the circuit is done in the order of time.
            let now = self.clock.monotonic();
            let before = circuit.state();
            circuit.wait_over(&self.options, now);
            let between = circuit.state();
            let done = act(&mut circuit, &self.options, now);
            (done, [(before, between, now), (between, circuit.state(), now)])
        };
        for (from, to, at) in changes.into_iter().filter(|(from, to, _)| from != to) {
            tracing::warn!(breaker = &*self.options.name, ?from, ?to, "the breaker changed");
            crate::observe::breaker(&self.options.name, to);
            let name = Arc::clone(&self.options.name);
            self.options.on_change.tell(&BreakerChange { name, from, to, at }, "on_change");
        }
        done
    }

    fn lock(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that got through. Dropped, it says nothing about what it guards and leaves room for another probe.
#[derive(Debug)]
#[must_use = "say what became of the call"]
pub struct Permit {
    inner: Arc<Inner>,
    epoch: u64,
    settled: bool,
}

/// What became of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    Succeeded,
    Failed,
    Abandoned,
}

impl Permit {
    /// The call was answered, or failed in a way that says nothing against what is guarded.
    pub fn succeed(self) {
        self.settle(Outcome::Succeeded);
    }

    /// The call failed in a way that counts.
    pub fn fail(self) {
        self.settle(Outcome::Failed);
    }

    fn settle(mut self, outcome: Outcome) {
        self.settled = true;
        self.inner.change(|circuit, options, now| circuit.settle((self.epoch, outcome), options, now));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.settled {
            let left = (self.epoch, Outcome::Abandoned);
            self.inner.change(|circuit, options, now| circuit.settle(left, options, now));
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Breaker").field(&self.options).field(&*self.lock()).finish()
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
