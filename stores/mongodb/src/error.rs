//! The driver's errors in the words of the store contract; every one names the hosts and the database.
//!
//! What a server answers is not carried along whole: it can hold more than a log should have.

use mongodb::error::{
    Error, ErrorKind, RETRYABLE_ERROR, RETRYABLE_WRITE_ERROR, TRANSIENT_TRANSACTION_ERROR,
    UNKNOWN_TRANSACTION_COMMIT_RESULT, WriteFailure,
};
use statewright::store::StoreError;

/// A key that is there already.
pub(crate) const DUPLICATE: i32 = 11_000;

/// A collection that is there already.
pub(crate) const NAMESPACE_EXISTS: i32 = 48;

/// What the driver or the server said, without the server's whole answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Said {
    text: String,
}

/// Why the store refuses what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("there is none in this database: make it with `Options::create`")]
    Missing,
    #[error("it has {found} shards, which are fixed when a store is made, and {asked} were asked for")]
    Shards { found: u16, asked: u16 },
    #[error("the URL is not a MongoDB connection string{why}")]
    Url { why: String },
    #[error("the URL names no database: write it behind the hosts, or call `Options::database`")]
    NoDatabase,
    #[error("`{name}` is no name of a database")]
    Database { name: String },
    #[error("a cell of {bytes} bytes; this store takes {max}")]
    CellBytes { bytes: usize, max: usize },
}

/// The server did not answer in time.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
pub(crate) struct Late(pub(crate) std::time::Duration);

/// The code of a server's error.
pub(crate) fn code(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => Some(concern.code),
        ErrorKind::InsertMany(many) => many.write_errors.as_ref()?.first().map(|write| write.code),
        _ => None,
    }
}

impl From<&Error> for Said {
    fn from(error: &Error) -> Self {
        let text = match &*error.kind {
            ErrorKind::Command(command) => format!("{} ({})", command.message, command.code),
            ErrorKind::Write(WriteFailure::WriteError(write)) => {
                format!("{} ({})", write.message, write.code)
            }
            ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => {
                format!("{} ({})", concern.message, concern.code)
            }
            ErrorKind::InsertMany(many) => {
                let first = many.write_errors.iter().flatten().next();
                first.map_or_else(
                    || "records were not inserted".to_owned(),
                    |write| format!("{} ({})", write.message, write.code),
                )
            }
            kind => kind.to_string(),
        };
        Self { text }
    }
}

/// Whether trying again may help.
pub(crate) fn is_retryable(error: &Error) -> bool {
    let lost = matches!(
        &*error.kind,
        ErrorKind::Io(_) | ErrorKind::ServerSelection { .. } | ErrorKind::ConnectionPoolCleared { .. }
    );
    let labels = [
        RETRYABLE_ERROR,
        RETRYABLE_WRITE_ERROR,
        TRANSIENT_TRANSACTION_ERROR,
        UNKNOWN_TRANSACTION_COMMIT_RESULT,
    ];
    lost || labels.iter().any(|label| error.contains_label(label))
}

/// The same again, for every request that waited for it.
pub(crate) fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Unavailable { store, doing, retryable, source } => StoreError::Unavailable {
            store: store.clone(),
            doing,
            retryable: *retryable,
            source: source.to_string().into(),
        },
        StoreError::Corrupt { store, what } => {
            StoreError::Corrupt { store: store.clone(), what: what.clone() }
        }
        StoreError::Closed { store } => StoreError::Closed { store: store.clone() },
        other => StoreError::Corrupt { store: String::new(), what: other.to_string() },
    }
}
