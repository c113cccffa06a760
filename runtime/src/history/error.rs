//! What a history cannot answer.

use crate::error::LoadError;
use crate::store::{Revision, StoreError, StreamId};
use jiff::Timestamp;

/// A question about the past without an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// An instance's records cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The store did not deliver.
    #[error("the history of `{machine}` cannot be read")]
    Store {
        /// Which machine's.
        machine: String,
        /// What the store says.
        #[source]
        source: StoreError,
    },
    /// A record of the future.
    #[error("`{stream}` has no record {asked}: its last one is {head}")]
    NoRecord {
        /// Which instance.
        stream: StreamId,
        /// The record that was asked for.
        asked: Revision,
        /// The last one there is.
        head: Revision,
    },
    /// A span that ends before it begins.
    #[error("the span ends at {to}, before it begins at {from}: give the earlier time first")]
    Backwards {
        /// Its beginning.
        from: Timestamp,
        /// Its end.
        to: Timestamp,
    },
    /// Records name a state that the machine does not have.
    #[error(
        "records of `{machine}` name state `{state}`, which it does not have: say in `migrate` what it became, or run the newer program"
    )]
    UnknownState {
        /// Which machine's.
        machine: String,
        /// The recorded state.
        state: String,
    },
}

impl HistoryError {
    /// Whether asking again may help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Load(cause) => cause.is_retryable(),
            Self::Store { source, .. } => source.is_retryable(),
            _ => false,
        }
    }
}
