//! What a store has done since it was opened, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the store was opened, of this handle alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// Appends that were recorded.
    pub appends: u64,
    /// Transactions that recorded them.
    pub batches: u64,
    /// Transactions that looked at no head, since this handle knew them all.
    pub known: u64,
    /// Appends that met another head.
    pub conflicts: u64,
    /// Transactions that were tried again.
    pub retries: u64,
    /// Transactions that were cut in two because of one request in them.
    pub bisections: u64,
    /// Connections that were made.
    pub connects: u64,
    /// Times that other handles were woken.
    pub wakes: u64,
    /// Times that the server was asked whether there is something new.
    pub polls: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) appends: AtomicU64,
    pub(crate) batches: AtomicU64,
    pub(crate) known: AtomicU64,
    pub(crate) conflicts: AtomicU64,
    pub(crate) retries: AtomicU64,
    pub(crate) bisections: AtomicU64,
    pub(crate) connects: AtomicU64,
    pub(crate) wakes: AtomicU64,
    pub(crate) polls: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64, n: usize) {
    counter.fetch_add(n as u64, Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn connects(&self) -> u64 {
        self.connects.load(Ordering::Relaxed)
    }

    pub(crate) fn read(&self) -> Statistics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Statistics {
            appends: read(&self.appends),
            batches: read(&self.batches),
            known: read(&self.known),
            conflicts: read(&self.conflicts),
            retries: read(&self.retries),
            bisections: read(&self.bisections),
            connects: read(&self.connects),
            wakes: read(&self.wakes),
            polls: read(&self.polls),
        }
    }
}
