//! How a batch is fired.

use super::report::BatchCounts;
use backon::{BackoffBuilder, ExponentialBuilder};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a request that was not accepted means for the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnFailure {
    /// Nothing: they are fired.
    #[default]
    Continue,
    /// Nothing more is handed over. What was handed over comes to its end.
    Stop,
}

/// How often a request is tried whose error is [retryable](crate::FireError::is_retryable), and with which pauses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retry {
    attempts: u32,
    first: Duration,
    longest: Duration,
}

impl Retry {
    /// Tries in all, the first one counted. The pauses between them begin with 50 ms and double up to 5 s.
    pub fn attempts(attempts: u32) -> Self {
        Self { attempts, first: Duration::from_millis(50), longest: Duration::from_secs(5) }
    }

    /// The first pause. Each is drawn at random between its length and twice that, and the next is twice as long.
    #[must_use]
    pub fn first_pause(mut self, pause: Duration) -> Self {
        self.first = pause;
        self
    }

    /// No pause is longer.
    #[must_use]
    pub fn longest_pause(mut self, pause: Duration) -> Self {
        self.longest = pause;
        self
    }

    pub(super) fn allows(&self, tries: u32) -> bool {
        tries < self.attempts
    }

    /// The pause behind this try.
    pub(super) fn pause(&self, tries: u32) -> Duration {
        let times = ExponentialBuilder::new()
            .with_min_delay(self.first)
            .with_max_delay(self.longest)
            .with_jitter()
            .without_max_times();
        let place = usize::try_from(tries.saturating_sub(1)).unwrap_or(usize::MAX);
        // Behind these doublings any pause is the longest.
        let pause = times.build().nth(place.min(64)).unwrap_or(self.longest);
        pause.min(self.longest)
    }
}

/// How a batch is fired; [`default`](Self::default) is what is meant unless said otherwise.
#[derive(Clone)]
#[must_use = "options do nothing until a batch is made with them"]
pub struct BatchOptions {
    pub(super) parallelism: usize,
    pub(super) on_failure: OnFailure,
    pub(super) timeout: Duration,
    pub(super) step_timeout: Duration,
    pub(super) retry: Retry,
    pub(super) atomic: bool,
    pub(super) ahead_max: usize,
    pub(super) progress: Option<Progress>,
}

/// Told of the counts.
pub(super) type Progress = Arc<dyn Fn(&BatchCounts) + Send + Sync>;

impl Default for BatchOptions {
    fn default() -> Self {
        Self {
            parallelism: 64,
            on_failure: OnFailure::Continue,
            timeout: Duration::from_mins(5),
            step_timeout: Duration::from_secs(30),
            retry: Retry::attempts(1),
            atomic: false,
            ahead_max: 16_384,
            progress: None,
        }
    }
}

impl BatchOptions {
    /// Instances that are worked on at once, 64 unless said otherwise, at least 1. What waits for one of them goes
    /// together.
    pub fn parallelism(mut self, instances: usize) -> Self {
        self.parallelism = instances.max(1);
        self
    }

    /// What a request that was not accepted means for the others, [`OnFailure::Continue`] unless said otherwise.
    pub fn on_failure(mut self, policy: OnFailure) -> Self {
        self.on_failure = policy;
        self
    }

    /// How long the whole batch may take, 5 minutes unless said otherwise. What is in commit then has one hundredth of it
    /// more to tell its fate.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// How long a request may take from the moment it is handed over to its answer, waiting for limits and for room in a
    /// queue included, 30 s unless said otherwise. What is in commit then has one hundredth of it more.
    pub fn step_timeout(mut self, time: Duration) -> Self {
        self.step_timeout = time;
        self
    }

    /// Tries requests again whose error is retryable. Off unless said otherwise. The instance's later requests wait.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// All requests are recorded, or none. Off unless said otherwise. They are decided when the input has ended, each instance
    /// held from its turn on until the append; the step timeout is for all of them together. One that is not accepted fails,
    /// and all others are [skipped](super::Skip::Atomic). At most as many requests as the store takes steps in one append.
    ///
    /// A store that cannot write so many instances as one fails every request with
    /// [`StoreError::NotAtomic`](crate::store::StoreError::NotAtomic), which says what it can.
    pub fn atomic(mut self, atomic: bool) -> Self {
        self.atomic = atomic;
        self
    }

    /// Requests of a stream or an iterator that are taken before their results were, 16,384 unless said otherwise, at least
    /// 1. The more there are, the more of one instance go together.
    pub fn ahead_max(mut self, requests: usize) -> Self {
        self.ahead_max = requests.max(1);
        self
    }

    /// Told of the counts whenever they have changed, from within the batch: it must not block.
    pub fn progress(mut self, told: impl Fn(&BatchCounts) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(told));
        self
    }
}

impl fmt::Debug for BatchOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchOptions")
            .field("parallelism", &self.parallelism)
            .field("on_failure", &self.on_failure)
            .field("timeout", &self.timeout)
            .field("step_timeout", &self.step_timeout)
            .field("retry", &self.retry)
            .field("atomic", &self.atomic)
            .field("ahead_max", &self.ahead_max)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_with_jitter_up_to_the_longest() {
        let milliseconds = Duration::from_millis;
        let retry = Retry::attempts(9).first_pause(milliseconds(10)).longest_pause(milliseconds(100));
        for (tries, least) in [(1, 10), (2, 20), (3, 40), (4, 80), (5, 100), (u32::MAX, 100)] {
            let pause = retry.pause(tries);
            let most = milliseconds(least * 2).min(milliseconds(100));
            assert!(milliseconds(least) <= pause && pause <= most, "{tries}: {pause:?}");
        }
        assert!(retry.allows(8) && !retry.allows(9));
    }
}
