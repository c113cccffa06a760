//! The server's errors in the words of the store contract. They name hosts, database and schema, never a password.

use statewright::store::StoreError;
use std::error::Error;
use tokio_postgres::error::SqlState;

/// What this store says by itself; it is the source of a [`StoreError::Unavailable`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// The address does not parse.
    #[error("the address of the store cannot be used")]
    Address {
        /// Why; the address is not repeated, it may hold a password.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// There is no store in the schema.
    #[error("there is no store in the schema `{schema}`: make it with `Options::create`")]
    NoStore {
        /// Where it was looked for.
        schema: String,
    },
    /// An older version of this crate made the store.
    #[error(
        "the schema `{schema}` has version {found} and this program writes {known}: migrate it with `Options::create`"
    )]
    Older {
        /// Which schema.
        schema: String,
        /// Its version.
        found: u32,
        /// The version that is written here.
        known: u32,
    },
    /// The store was made with another number of shards.
    #[error("the store has {found} shards, fixed when it was made, and {asked} were asked for")]
    Shards {
        /// As made.
        found: u16,
        /// As asked for.
        asked: u16,
    },
    /// The database cannot hold every text.
    #[error("the database has the encoding `{found}`, and a store needs `UTF8`")]
    Encoding {
        /// What it has.
        found: String,
    },
    /// The parts of an address, or the name of a cell, are too long for an index.
    #[error("a key has {bytes} bytes and this store takes {max}: use a shorter id")]
    LongKey {
        /// Its size as written.
        bytes: usize,
        /// The most there can be.
        max: usize,
    },
    /// A cell is too large.
    #[error("a cell has {bytes} bytes and this store takes {max}")]
    LargeCell {
        /// Its size.
        bytes: usize,
        /// The most there can be.
        max: usize,
    },
    /// There is no such role at the server.
    #[error("there is no role `{role}`: make it first")]
    NoRole {
        /// As asked for.
        role: String,
    },
    /// Row-level security would show everything to the role.
    #[error(
        "row-level security does not bind the role `{role}`: it is a superuser, has BYPASSRLS, or is or may become a role \
         that writes the store; name one that is none of this"
    )]
    Unbound {
        /// As asked for.
        role: String,
    },
    /// The server answered with an error. Its details are left out: they quote what was sent.
    #[error("the server said: {message} ({code})")]
    Server {
        /// The SQLSTATE.
        code: Box<str>,
        /// What it said.
        message: Box<str>,
    },
    /// No answer in time.
    #[error("there was no answer in {millis} ms")]
    Timeout {
        /// How long was waited.
        millis: u128,
    },
}

/// What became of what was sent.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was not carried out, and the same may go well in a moment.
    Again(StoreError),
    /// It was not carried out, whatever was sent.
    Down(StoreError),
    /// It was not carried out, because of what was sent.
    Refused(StoreError),
    /// Somebody else stands behind the head: the unique key said so.
    Taken(StoreError),
    /// Nobody knows.
    Lost(StoreError),
}

impl Failure {
    /// The same again, for every call that waited for it.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Again(error) => Self::Again(again(error)),
            Self::Down(error) => Self::Down(again(error)),
            Self::Refused(error) => Self::Refused(again(error)),
            Self::Taken(error) => Self::Taken(again(error)),
            Self::Lost(error) => Self::Lost(again(error)),
        }
    }

    pub(crate) fn error(self) -> StoreError {
        match self {
            Self::Again(error)
            | Self::Down(error)
            | Self::Refused(error)
            | Self::Taken(error)
            | Self::Lost(error) => error,
        }
    }
}

/// Which store, in errors.
#[derive(Clone, Debug)]
pub(crate) struct Name(pub(crate) std::sync::Arc<str>);

impl Name {
    /// An error that this crate found by itself.
    pub(crate) fn own(&self, doing: &'static str, error: PostgresError) -> StoreError {
        let retryable = matches!(error, PostgresError::Timeout { .. });
        self.unavailable(doing, retryable, error)
    }

    pub(crate) fn unavailable(
        &self,
        doing: &'static str,
        retryable: bool,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> StoreError {
        StoreError::Unavailable { store: self.0.to_string(), doing, retryable, source: source.into() }
    }

    pub(crate) fn corrupt(&self, what: impl Into<String>) -> StoreError {
        StoreError::Corrupt { store: self.0.to_string(), what: what.into() }
    }

    pub(crate) fn closed(&self) -> StoreError {
        StoreError::Closed { store: self.0.to_string() }
    }

    /// An error of the server or of the way to it, and what it means for what was sent.
    pub(crate) fn failure(&self, doing: &'static str, error: tokio_postgres::Error) -> Failure {
        let Some(told) = error.as_db_error() else {
            return Failure::Lost(self.unavailable(doing, true, error));
        };
        let code = told.code().clone();
        let said = PostgresError::Server { code: code.code().into(), message: told.message().into() };
        let stored = |retryable| self.unavailable(doing, retryable, said);
        match (&code.code()[..2], &code) {
            (_, &SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED) => {
                Failure::Again(stored(true))
            }
            (_, &SqlState::UNIQUE_VIOLATION) => Failure::Taken(stored(false)),
            // Cancelled or locked before the commit; read-only is a server that is no primary any more.
            ("53", _)
            | (
                _,
                &SqlState::QUERY_CANCELED
                | &SqlState::LOCK_NOT_AVAILABLE
                | &SqlState::READ_ONLY_SQL_TRANSACTION,
            ) => Failure::Down(stored(true)),
            // The server shuts down, lost the way, or failed by itself: it may have been behind the commit.
            ("08" | "57" | "58" | "XX", _) | (_, &SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN) => {
                Failure::Lost(stored(true))
            }
            _ => Failure::Refused(stored(false)),
        }
    }
}

/// What the server said of it, if it said anything.
pub(crate) fn code(error: &StoreError) -> Option<SqlState> {
    let StoreError::Unavailable { source, .. } = error else { return None };
    match source.downcast_ref()? {
        PostgresError::Server { code, .. } => Some(SqlState::from_code(code)),
        _ => None,
    }
}

fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Unavailable { store, doing, retryable, source } => StoreError::Unavailable {
            store: store.clone(),
            doing,
            retryable: *retryable,
            source: said(&**source).into(),
        },
        StoreError::Closed { store } => StoreError::Closed { store: store.clone() },
        other => StoreError::Corrupt { store: String::new(), what: other.to_string() },
    }
}

/// An error and its causes, in one line.
fn said(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
