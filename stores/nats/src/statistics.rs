//! What one handle has counted since it was opened.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of one handle; they begin at 0 when it is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// Appends that were recorded.
    pub appends: u64,
    /// Atomic batches that were recorded: appends of several steps, and several appends as one.
    pub batches: u64,
    /// Appends that somebody else was faster than.
    pub conflicts: u64,
    /// Wrong last sequences that were none: the stream stood where it was expected.
    pub spurious: u64,
    /// Answers that were lost and found again by looking.
    pub resolved: u64,
    /// Answers that stayed lost.
    pub unknown: u64,
    /// Calls, or parts of one, that were tried again.
    pub retries: u64,
    /// Times that the connection was made anew.
    pub reconnects: u64,
    /// Times that another server was asked for because nobody answered.
    pub moves: u64,
}

/// The counters behind it.
#[derive(Default)]
pub(crate) struct Counters {
    appends: AtomicU64,
    batches: AtomicU64,
    conflicts: AtomicU64,
    spurious: AtomicU64,
    resolved: AtomicU64,
    unknown: AtomicU64,
    retries: AtomicU64,
    moves: AtomicU64,
}

fn count(counter: &AtomicU64, n: usize) {
    counter.fetch_add(n as u64, Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn appended(&self, appends: usize, messages: usize) {
        count(&self.appends, appends);
        count(&self.batches, usize::from(messages > 1));
    }

    pub(crate) fn conflicted(&self) {
        count(&self.conflicts, 1);
    }

    pub(crate) fn spurious(&self) {
        count(&self.spurious, 1);
    }

    pub(crate) fn resolved(&self) {
        count(&self.resolved, 1);
    }

    pub(crate) fn unknown(&self) {
        count(&self.unknown, 1);
    }

    pub(crate) fn retried(&self) {
        count(&self.retries, 1);
    }

    pub(crate) fn moved(&self) {
        count(&self.moves, 1);
    }

    /// The counts as they stand; the connection counts how often it was made.
    pub(crate) fn read(&self, connects: u64) -> Statistics {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Statistics {
            appends: of(&self.appends),
            batches: of(&self.batches),
            conflicts: of(&self.conflicts),
            spurious: of(&self.spurious),
            resolved: of(&self.resolved),
            unknown: of(&self.unknown),
            retries: of(&self.retries),
            reconnects: connects.saturating_sub(1),
            moves: of(&self.moves),
        }
    }
}
