//! SQLite's errors in the words of the store contract; every one names the file.

use rusqlite::ErrorCode;
use statewright::store::StoreError;
use std::path::Path;

/// An error of SQLite while `doing` something.
pub(crate) fn sqlite(path: &Path, doing: &'static str, error: rusqlite::Error) -> StoreError {
    let store = path.display().to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            StoreError::Corrupt { store, what: "the file is no SQLite database".to_owned() }
        }
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Corrupt { store, what: error.to_string() },
        code => {
            let retryable = matches!(
                code,
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull)
            );
            StoreError::Unavailable { store, doing, retryable, source: Box::new(error) }
        }
    }
}

/// An error of the file system, or of a thread that is gone.
pub(crate) fn other(
    path: &Path,
    doing: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Unavailable {
        store: path.display().to_string(),
        doing,
        retryable: false,
        source: source.into(),
    }
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
        other => StoreError::Corrupt { store: String::new(), what: other.to_string() },
    }
}
