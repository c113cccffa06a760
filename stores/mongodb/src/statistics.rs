//! What a handle of a store counts about itself.
//!
//! Counts are of this handle alone and start at 0 when it is opened.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of one handle since it was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// Appends that were recorded.
    pub appends: u64,
    /// Appends that met a conflict or a deleted stream.
    pub conflicts: u64,
    /// Transactions that were committed, each with the appends that waited.
    pub transactions: u64,
    /// Transactions that were tried again: somebody else wrote the same shard, or a connection was lost.
    pub retries: u64,
    /// Commits whose answer was lost, and which were looked for.
    pub lost_commits: u64,
    /// Groups that were cut in two because something in them failed.
    pub bisections: u64,
    /// Change streams that were opened.
    pub change_streams: u64,
    /// Times the counters were read because there was no change stream, or to begin one.
    pub polls: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) appends: Count,
    pub(crate) conflicts: Count,
    pub(crate) transactions: Count,
    pub(crate) retries: Count,
    pub(crate) lost_commits: Count,
    pub(crate) bisections: Count,
    pub(crate) change_streams: Count,
    pub(crate) polls: Count,
}

#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counts {
    pub(crate) fn read(&self) -> Statistics {
        Statistics {
            appends: self.appends.get(),
            conflicts: self.conflicts.get(),
            transactions: self.transactions.get(),
            retries: self.retries.get(),
            lost_commits: self.lost_commits.get(),
            bisections: self.bisections.get(),
            change_streams: self.change_streams.get(),
            polls: self.polls.get(),
        }
    }
}
