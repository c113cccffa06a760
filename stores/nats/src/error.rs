//! What goes wrong between this store and its servers, and how the store contract says it. Every error names servers and
//! store, and none a password.

use async_nats::RequestErrorKind;
use async_nats::jetstream::ErrorCode;
use statewright::store::StoreError;
use std::error::Error;
use std::time::Duration;

/// Why a call was not carried out: the source of a [`StoreError::Unavailable`] of this store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NatsError {
    /// The server is older than what this store is sound on.
    #[error("the server runs version {found}, and this store needs {needed} or newer")]
    TooOld {
        /// Its version.
        found: String,
        /// The oldest that will do.
        needed: &'static str,
    },
    /// The server has no JetStream, or the account has none.
    #[error("JetStream is not enabled there")]
    NoJetStream,
    /// There is no store of this name.
    #[error("there is no store `{name}`: make it with `Options::create`")]
    NotMade {
        /// Its name.
        name: String,
    },
    /// A stream is there that is not one of this store, or that was changed behind its back.
    #[error("the stream `{stream}` has `{setting}` {found}, and this store needs {wanted}")]
    Setting {
        /// Which stream.
        stream: String,
        /// The name of the setting.
        setting: &'static str,
        /// As it is.
        found: String,
        /// As it must be.
        wanted: String,
    },
    /// The number of shards is fixed when a store is made.
    #[error("the store was made with {found} shards, and {asked} were asked for: they never change")]
    Shards {
        /// As made.
        found: u16,
        /// As asked for.
        asked: u16,
    },
    /// The address of an instance or the name of a cell is too long for a subject.
    #[error("its subject would have {bytes} bytes, and NATS takes {max}: use shorter ids")]
    LongName {
        /// Bytes of the subject.
        bytes: usize,
        /// Most bytes of a subject.
        max: usize,
    },
    /// A cell holds more than the server takes in one message.
    #[error("a cell has {bytes} bytes, and this store takes {max}")]
    LargeCell {
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The server keeps overwritten values in its files until it compacts them, and has no call that destroys them.
    #[error(
        "NATS keeps what was overwritten in its files for a while: say `Options::overwritten_values_stay_a_while` if that may be"
    )]
    Kept,
    /// The server said no.
    #[error("the server answered with error {code}: {description}")]
    Answer {
        /// Its code, `err_code`.
        code: u64,
        /// Its kind, as in HTTP.
        kind: usize,
        /// In its words.
        description: String,
    },
    /// There was no answer in time.
    #[error("there was no answer within {after:?}")]
    TimedOut {
        /// How long was waited.
        after: Duration,
    },
    /// Nobody is there to answer: the stream has no leader now, or is gone.
    #[error("nobody answers for the stream: it has no leader, or it is gone")]
    NoLeader,
    /// Whoever answers for the stream is cut off from its peers, and may lead it no more.
    #[error("the leader of the stream hears nothing of most of its peers, and may lead no more")]
    Unled,
    /// Messages of an answer were lost.
    #[error("a part of the answer was lost")]
    Torn,
    /// The connection failed.
    #[error("the connection failed")]
    Connection(#[source] Box<dyn Error + Send + Sync>),
    /// What the server sent is no answer to what was asked.
    #[error("the answer is not understood")]
    Answered(#[source] serde_json::Error),
}

/// Wrong last sequence, the second of them also while another message of the subject is under way.
pub(crate) const STALE: [ErrorCode; 2] =
    [ErrorCode::STREAM_WRONG_LAST_SEQUENCE, ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT];

const PASSING: [ErrorCode; 5] = [
    ErrorCode::CLUSTER_NOT_AVAILABLE,
    ErrorCode::CLUSTER_NOT_LEADER,
    ErrorCode::ATOMIC_PUBLISH_INCOMPLETE_BATCH,
    ErrorCode::ATOMIC_PUBLISH_TOO_MANY_INFLIGHT,
    ErrorCode::BATCH_PUBLISH_TOO_MANY_INFLIGHT,
];

impl NatsError {
    /// An error that the server answered with.
    pub(crate) fn answered(error: &async_nats::jetstream::Error) -> Self {
        Self::Answer { code: error.error_code().0, kind: error.code(), description: error.to_string() }
    }

    /// Of a request.
    pub(crate) fn requested(error: async_nats::RequestError, after: Duration) -> Self {
        match error.kind() {
            RequestErrorKind::TimedOut => Self::TimedOut { after },
            RequestErrorKind::NoResponders => Self::NoLeader,
            _ => Self::Connection(Box::new(error)),
        }
    }

    /// Whether it may be gone the next time.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::TimedOut { .. } | Self::NoLeader | Self::Unled | Self::Torn | Self::Connection(_) => true,
            Self::Answer { code, kind, .. } => {
                *kind == 503 || PASSING.contains(&ErrorCode(*code)) || STALE.contains(&ErrorCode(*code))
            }
            _ => false,
        }
    }

    /// Whether nobody was there to answer: not in time, or not for the stream.
    pub(crate) fn is_silence(&self) -> bool {
        matches!(self, Self::TimedOut { .. } | Self::NoLeader | Self::Unled | Self::Answer { kind: 503, .. })
    }

    /// Whether what was asked may have been done, or may still be.
    pub(crate) fn is_ambiguous(&self) -> bool {
        matches!(self, Self::TimedOut { .. } | Self::Torn | Self::Connection(_) | Self::Answered(_))
    }

    /// As the contract says it.
    pub(crate) fn store(self, store: &str, doing: &'static str) -> StoreError {
        let retryable = self.is_passing();
        StoreError::Unavailable { store: store.to_owned(), doing, retryable, source: Box::new(self) }
    }
}
