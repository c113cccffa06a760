//! What the service says, in the words of the store contract.
//!
//! The one question that matters of a failed write is whether it may still land; [`CosmosFailure::is_refusal`] answers it.

use azure_data_cosmos::CosmosError;
use statewright::store::StoreError;
use std::time::Duration;

/// Why a call to the service failed: the `source` of the store's errors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CosmosFailure {
    /// The service, or the way to it, answered with an error.
    #[error("the service answered {status}, sub-status {sub_status}")]
    Answered {
        /// The HTTP status; of this client's own making where nothing came back.
        status: u16,
        /// The sub-status, 0 when there is none.
        sub_status: u16,
        /// What the SDK says.
        #[source]
        source: Box<CosmosError>,
    },
    /// One operation of a batch was refused.
    #[error("the service refused an operation of a batch with {status}, sub-status {sub_status}")]
    Operation {
        /// Its HTTP status.
        status: u16,
        /// Its sub-status, 0 when there is none.
        sub_status: u32,
    },
    /// No answer in time.
    #[error("there was no answer within {after:?}")]
    TimedOut {
        /// The bound of a call.
        after: Duration,
    },
    /// The answer does not hold what was asked for.
    #[error("the answer lacks {what}")]
    Incomplete {
        /// What is missing.
        what: &'static str,
    },
    /// The logical partition of a shard is full: the service takes 20 GB in each.
    #[error(
        "shard {shard} is full, the service keeps 20 GB in one: make a store with more shards and move over"
    )]
    ShardFull {
        /// Which.
        shard: u16,
    },
    /// A cell is too large.
    #[error("a cell of {bytes} bytes is too large, this store takes {max}")]
    CellTooLarge {
        /// Its size.
        bytes: usize,
        /// The store's limit.
        max: usize,
    },
    /// There is no such store.
    #[error("there is no store in container `{container}` of database `{database}`: call `create` once")]
    NotMade {
        /// The database that was named.
        database: String,
        /// The container that was named.
        container: String,
    },
    /// The store was made with another number of shards, which is for ever.
    #[error(
        "the store was made with {found} shards and {asked} were asked for: leave the number out, or say {found}"
    )]
    OtherShards {
        /// Those it has.
        found: u16,
        /// Those of the options.
        asked: u16,
    },
    /// The options do not say who asks.
    #[error("the options hold no key and no credential")]
    NoCredential,
    /// The options hold something that is not of its kind.
    #[error("the {what} cannot be read")]
    Unreadable {
        /// Which part.
        what: &'static str,
    },
    /// A write was tried as often as its bound says, and others were faster every time.
    #[error("others wrote first, {tries} times")]
    Contended {
        /// The bound.
        tries: u32,
    },
    /// Nobody is left who could answer: the runtime that worked for the store has ended.
    #[error("the runtime that worked for the store has ended")]
    Ended,
}

impl CosmosFailure {
    pub(crate) fn answered(error: CosmosError) -> Self {
        let status = error.status();
        Self::Answered {
            status: u16::from(status.status_code()),
            sub_status: status.sub_status().map_or(0, |sub| sub.value()),
            source: Box::new(error),
        }
    }

    /// The status, 0 where the service said none.
    pub(crate) fn status(&self) -> (u16, u32) {
        match self {
            Self::Answered { status, sub_status, .. } => (*status, u32::from(*sub_status)),
            Self::Operation { status, sub_status } => (*status, *sub_status),
            _ => (0, 0),
        }
    }

    /// Nothing of the call was carried out, and nothing will be.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self.status().0, 400 | 401 | 403 | 404 | 405 | 409 | 412 | 413 | 429 | 449)
    }

    /// What was named is not there: the item, and not the store around it.
    pub(crate) fn is_absent(&self) -> bool {
        self.status() == (404, 0)
    }

    /// Whether trying again may help.
    fn is_retryable(&self) -> bool {
        match self {
            Self::Answered { status, .. } => matches!(status, 408 | 410 | 429 | 449 | 500..),
            Self::Operation { status, .. } => matches!(status, 408 | 429 | 449 | 500..),
            Self::TimedOut { .. } | Self::Contended { .. } => true,
            _ => false,
        }
    }

    /// As an error of the store of that name.
    pub(crate) fn of(self, store: &str, doing: &'static str) -> StoreError {
        StoreError::Unavailable {
            store: store.to_owned(),
            doing,
            retryable: self.is_retryable(),
            source: Box::new(self),
        }
    }

    /// The same for another request that waited for the same call.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Answered { status, sub_status, .. } => {
                Self::Operation { status: *status, sub_status: u32::from(*sub_status) }
            }
            Self::Operation { status, sub_status } => {
                Self::Operation { status: *status, sub_status: *sub_status }
            }
            Self::TimedOut { after } => Self::TimedOut { after: *after },
            Self::Incomplete { what } => Self::Incomplete { what },
            Self::ShardFull { shard } => Self::ShardFull { shard: *shard },
            Self::Contended { tries } => Self::Contended { tries: *tries },
            _ => Self::Ended,
        }
    }
}

/// An item that is not what this store writes.
pub(crate) fn corrupt(store: &str, what: String) -> StoreError {
    StoreError::Corrupt { store: store.to_owned(), what }
}
