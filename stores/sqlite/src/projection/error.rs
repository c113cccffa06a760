//! What stops a projection.

use statewright::projection::Unapplied;
use statewright::store::StoreError;
use statewright::subscription::SubscriptionError;

/// A projection that does not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectionError {
    /// A name that cannot be part of a table's.
    #[error("`{name}` is no name of a projection: it is a letter, then letters and digits, all lower case")]
    Name {
        /// The name.
        name: String,
    },
    /// The records do not come.
    #[error(transparent)]
    Subscription(#[from] SubscriptionError),
    /// The store does not take the change.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its tables cannot be made.
    #[error(
        "the tables of projection `{name}` cannot be made: its schema makes tables and indexes with names in braces"
    )]
    Schema {
        /// The projection.
        name: String,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
    /// A record cannot be applied. It is not passed over.
    #[error(transparent)]
    Apply(#[from] Unapplied),
    /// A newer build of the projection serves.
    #[error("build {build} of projection `{name}` is not built any more: build {serving} serves")]
    Superseded {
        /// The projection.
        name: String,
        /// The build that was asked for.
        build: u32,
        /// The one that serves.
        serving: u32,
    },
}

impl ProjectionError {
    /// Whether asking again may help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Subscription(cause) => cause.is_retryable(),
            Self::Store(cause) => cause.is_retryable(),
            _ => false,
        }
    }
}
