//! Personal data that cannot be sealed or opened.

use crate::store::StoreError;

/// Why a value of personal data was neither written nor read. It holds no payload and no key.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PersonalError {
    /// Nobody said which key wraps the keys.
    #[error("there is no master key: give the builder `.personal_key(key_ring)`")]
    NoMasterKey,
    /// The key ring lacks a key that was used once.
    #[error(
        "its key is wrapped by master key `{id}`, which is not in the key ring: add it with `.and_old(…)`"
    )]
    UnknownMasterKey {
        /// The id of the missing key.
        id: String,
    },
    /// The master key is another one, or the cell was changed.
    #[error(
        "master key `{id}` does not open cell `{cell}`: it is another key than the one that wrapped it, or the cell was changed"
    )]
    WrongMasterKey {
        /// The id of the master key.
        id: String,
        /// The cell of the wrapped key.
        cell: String,
    },
    /// A cell does not hold what belongs there.
    #[error("cell `{cell}` holds no key")]
    NoKey {
        /// The cell.
        cell: String,
    },
    /// The key is gone, and nobody has forgotten its subject.
    #[error("its key is neither there nor forgotten: cell `{cell}` is missing")]
    KeyMissing {
        /// The cell that is not there.
        cell: String,
    },
    /// It does not open with the key of its subject at this place.
    #[error("it was changed, or moved here from another place")]
    Tampered,
    /// A value of one subject in a field of another.
    #[error("it belongs to another subject than the one that its field names")]
    OtherSubject,
    /// Nothing is recorded of a subject that is forgotten.
    #[error(
        "its subject is forgotten, and nothing is recorded of it any more: a new beginning is a new subject"
    )]
    Forgotten,
    /// Nobody said whose it is.
    #[error(
        "it has no subject: write `Personal::of(subject, value)`, or put it into a field marked `#[event(personal = subject)]`"
    )]
    NoSubject,
    /// It was to be written outside of records, snapshots and effects.
    #[error("personal data is written to records, snapshots and effects only: take the value with `known()`")]
    Outside,
    /// It was read where no field is marked.
    #[error("it stands in a field that is not marked `#[event(personal = subject)]`")]
    Unmarked,
    /// The opened value does not fit the type of the field.
    #[error("what was sealed does not fit the type of the field")]
    Misfit,
    /// The system has no random bytes for a key or a nonce.
    #[error("the system gives no random bytes")]
    NoRandomness,
    /// Other hosts were faster, every time.
    #[error("cell `{cell}` is written by other hosts: {tries} tries were not enough, try again later")]
    Contended {
        /// The cell.
        cell: String,
        /// How often it was tried.
        tries: u32,
    },
}

/// Keys that could not be read, made, wrapped or destroyed. Asking again is safe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// The store did not deliver or did not take them.
    #[error("the keys of personal data are out of reach")]
    Store(#[from] StoreError),
    /// They cannot be used.
    #[error("the keys of personal data cannot be used")]
    Personal(#[from] PersonalError),
}

impl KeysError {
    /// Whether asking again may help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Store(cause) => cause.is_retryable(),
            Self::Personal(cause) => matches!(cause, PersonalError::Contended { .. }),
        }
    }
}
