//! What can go wrong in a store.

use super::{Atomic, StreamId};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// A call to a store that was not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A step is too large.
    #[error("a step of `{stream}` has {bytes} bytes and this store takes {max}: record less in its events")]
    TooLarge {
        /// Whose step.
        stream: StreamId,
        /// Its size.
        bytes: usize,
        /// The store's limit.
        max: usize,
    },
    /// An append without steps.
    #[error("an append to `{stream}` holds no step")]
    Empty {
        /// Whose append.
        stream: StreamId,
    },
    /// An append with too many steps.
    #[error("an append holds {steps} steps and this store takes {max} at once")]
    TooMany {
        /// How many.
        steps: usize,
        /// The store's limit.
        max: usize,
    },
    /// A batch spans more than the store can write as one.
    #[error("this store writes as one at most: {can:?}")]
    NotAtomic {
        /// What it can span.
        can: Atomic,
    },
    /// The batch stands or falls as one, and another part of it fell.
    #[error("another part of the batch failed, and it stands or falls as one")]
    Batch,
    /// The store did not answer, or answered with an error of its own.
    #[error("the store `{store}` failed to {doing}")]
    Unavailable {
        /// Which store: a file, an address.
        store: String,
        /// What it was doing.
        doing: &'static str,
        /// Whether trying again may help.
        retryable: bool,
        /// What it said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// What was read is not what a store of this kind writes.
    #[error("the store `{store}` holds something that was not written by it: {what}")]
    Corrupt {
        /// Which store: a file, an address.
        store: String,
        /// What was found, and where.
        what: String,
    },
    /// Another process has the store open for writing.
    #[error("the store `{store}` is in use by {holder}: stop it first, or open the store from there")]
    Locked {
        /// Which store.
        store: String,
        /// Who.
        holder: String,
    },
    /// A newer version of this crate made the store.
    #[error(
        "the store `{store}` has schema {found} and this program knows {known}: run the newer program that wrote it"
    )]
    Newer {
        /// Which store.
        store: String,
        /// Its schema.
        found: u32,
        /// The newest known here.
        known: u32,
    },
    /// The store failed too often and was not asked; see [`Guarded`](super::guarded::Guarded). Nothing was written.
    #[error("the store `{store}` failed too often and is left alone: try again in {retry_after:?}")]
    Open {
        /// Which store: the name of its breaker.
        store: Arc<str>,
        /// When it may be asked again.
        retry_after: Duration,
    },
    /// A question would be answered with more groups than are kept in memory.
    #[error("the answer has more than {max} groups: ask for a shorter span, or group by something coarser")]
    TooManyGroups {
        /// The most there can be.
        max: usize,
    },
    /// Others wrote a stream, every time.
    #[error("`{stream}` is written by others: {tries} tries were not enough, try again later")]
    Contended {
        /// Which stream.
        stream: StreamId,
        /// How often it was tried.
        tries: u32,
    },
    /// The store was closed.
    #[error("the store `{store}` is closed")]
    Closed {
        /// Which store.
        store: String,
    },
}

impl StoreError {
    /// Whether trying again may help.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { retryable: true, .. } | Self::Open { .. } | Self::Contended { .. })
    }
}
