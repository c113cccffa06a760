//! What stops a subscription.

use crate::error::LoadError;
use crate::store::{Shard, StoreError};

/// A subscription that does not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// The store does not deliver.
    #[error("the records of a subscription cannot be read")]
    Store {
        /// What the store says.
        #[from]
        source: StoreError,
    },
    /// A record cannot be read by this program. It is not passed over: the subscription stands before it until the
    /// program can read it.
    #[error("a subscription stops before a record that cannot be read")]
    Unreadable {
        /// Which record, and why.
        #[source]
        source: Box<LoadError>,
    },
    /// A name that is no event of the machine.
    #[error("machine `{machine}` has no event `{name}`: give the name under which it is recorded")]
    UnknownEvent {
        /// The machine.
        machine: &'static str,
        /// The name.
        name: String,
    },
    /// A position that says nothing of a shard: it is of another store, or of a subscription to something else.
    #[error("the position says nothing of shard {}: it is of another store or subscription", .shard.0)]
    ForeignPosition {
        /// The shard.
        shard: Shard,
    },
    /// A checkpoint that was not written by a subscription.
    #[error("the cell `{name}` of shard {} is no checkpoint: reset the subscription", .shard.0)]
    NoCheckpoint {
        /// The cell.
        name: String,
        /// Its shard.
        shard: Shard,
    },
}

impl SubscriptionError {
    /// Whether asking again may help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Store { source } => source.is_retryable(),
            _ => false,
        }
    }
}
