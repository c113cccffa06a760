//! What a store has done since it was opened.
//!
//! Plain counts: who watches them over time asks again.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the store was opened, of this handle alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct CosmosStatistics {
    /// Appends that were recorded.
    pub appends: u64,
    /// Transactional batches that wrote them.
    pub batches: u64,
    /// Appends that found somebody else behind their head, or no such head.
    pub conflicts: u64,
    /// Batches that were made again because another process had written in the shard.
    pub moved: u64,
    /// Writes whose answer was lost, each of which was looked for.
    pub looks: u64,
    /// Queries for what others have appended, asked for those who wait.
    pub polls: u64,
    /// Calls that failed.
    pub failures: u64,
    /// What the service charged, in thousandths of a request unit.
    pub milli_request_units: u64,
}

/// The counts while they count.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) appends: AtomicU64,
    pub(crate) batches: AtomicU64,
    pub(crate) conflicts: AtomicU64,
    pub(crate) moved: AtomicU64,
    pub(crate) looks: AtomicU64,
    pub(crate) polls: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) milli_request_units: AtomicU64,
}

/// Adds to a count.
pub(crate) fn add(count: &AtomicU64, n: u64) {
    count.fetch_add(n, Ordering::Relaxed);
}

impl Counts {
    pub(crate) fn now(&self) -> CosmosStatistics {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        CosmosStatistics {
            appends: of(&self.appends),
            batches: of(&self.batches),
            conflicts: of(&self.conflicts),
            moved: of(&self.moved),
            looks: of(&self.looks),
            polls: of(&self.polls),
            failures: of(&self.failures),
            milli_request_units: of(&self.milli_request_units),
        }
    }
}
