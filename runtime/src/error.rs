//! What can go wrong when an instance is loaded or driven. Everything names its instance.

use crate::event::{DecodeError, DecodeReason};
use crate::explain::Rejection;
use crate::host::{QuotaExceeded, Tenancy, TenancyError};
use crate::limit::{Exceeded, LimitError};
use crate::personal::{KeysError, PersonalError};
use crate::store::{Revision, StoreError, StreamId};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Who wrote a record: a host whose version of the machine is newer than this program's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewerHost {
    /// The machine's version there, as the record says.
    pub there: u32,
    /// The machine's version in this program.
    pub here: u32,
}

impl fmt::Display for NewerHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { there, here } = self;
        write!(f, "a newer host wrote it (machine version {there} there, {here} here), run the newer program")
    }
}

/// An instance that cannot be loaded. Others go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The store did not deliver.
    #[error("instance `{stream}` cannot be read")]
    Store {
        /// Which instance.
        stream: StreamId,
        /// What the store says.
        #[source]
        source: StoreError,
    },
    /// A recorded event cannot be read.
    #[error("instance `{stream}` cannot be loaded{}", .newer.map(|newer| format!(": {newer}")).unwrap_or_default())]
    Decode {
        /// Which instance.
        stream: StreamId,
        /// Who wrote the record, if that is a newer host.
        newer: Option<NewerHost>,
        /// Which event, and why.
        #[source]
        source: Box<DecodeError>,
    },
    /// A record names a state that the machine does not have.
    #[error(
        "record {revision} of `{stream}` entered state `{state}`, which the machine does not have: {}", advice(*.newer)
    )]
    UnknownState {
        /// Which instance.
        stream: StreamId,
        /// The record.
        revision: Revision,
        /// The recorded state.
        state: String,
        /// Who wrote the record, if that is a newer host.
        newer: Option<NewerHost>,
    },
    /// Records are missing between two pages, or a revision stands twice.
    #[error("record {expected} of `{stream}` is missing: the store delivered {found} in its place")]
    Gap {
        /// Which instance.
        stream: StreamId,
        /// The record that should come next.
        expected: Revision,
        /// The one that came.
        found: Revision,
    },
    /// An `Upcast` or an `Apply` panicked.
    #[error(
        "the code that reads record {revision} of `{stream}` panicked: mend the event's `Upcast` or `Apply`"
    )]
    Panicked {
        /// Which instance.
        stream: StreamId,
        /// The record.
        revision: Revision,
    },
    /// Its tenant was erased, or is about to be; a tenant's id is never used twice.
    #[error("the tenant of `{stream}` was erased")]
    TenantErased {
        /// Which instance.
        stream: StreamId,
    },
    /// It was deleted; an id is never used twice.
    #[error("instance `{stream}` was deleted")]
    Deleted {
        /// Which instance.
        stream: StreamId,
    },
}

impl LoadError {
    /// Whether trying again may help.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Store { source, .. } if source.is_retryable())
    }

    /// Whether it was deleted or erased: it never comes back.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Deleted { .. } | Self::TenantErased { .. })
    }
}

/// What to do about a state that the machine does not have.
fn advice(newer: Option<NewerHost>) -> Cow<'static, str> {
    newer
        .map_or("keep the state, or say in `migrate` what it became".into(), |newer| newer.to_string().into())
}

/// A trigger that was not recorded. Unless it says otherwise, nothing was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FireError {
    /// The machine does not accept it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The instance is not at the revision that the command expects.
    #[error(
        "`{stream}` is at revision {found}, and the command expects {expected}: read it again and decide anew"
    )]
    Conflict {
        /// Which instance.
        stream: StreamId,
        /// What the command expects.
        expected: Revision,
        /// Where the instance is.
        found: Revision,
    },
    /// Other hosts were faster, every time.
    #[error("`{stream}` is written by other hosts: {tries} tries were not enough, try again later")]
    Contended {
        /// Which instance.
        stream: StreamId,
        /// How often it was tried.
        tries: u32,
    },
    /// A command id was used before, for another trigger.
    #[error(
        "command id `{command}` of `{stream}` stands for `{recorded}` in record {revision}: give `{asked}` an id of its own"
    )]
    CommandIdReused {
        /// Which instance.
        stream: StreamId,
        /// The id.
        command: Arc<str>,
        /// The record that has it.
        revision: Revision,
        /// The trigger that was recorded.
        recorded: String,
        /// The trigger that was asked now.
        asked: String,
    },
    /// A queue is full.
    #[error("the queue `{queue}` is full: try again in {retry_after:?}")]
    Busy {
        /// Which queue.
        queue: &'static str,
        /// When there may be room.
        retry_after: Duration,
    },
    /// A limit of the host or of the machine's block is exceeded. Nothing was decided.
    #[error(transparent)]
    RateLimited(#[from] Exceeded),
    /// The tenant has used what it may. Nothing was recorded.
    #[error(transparent)]
    QuotaExceeded(#[from] QuotaExceeded),
    /// The tenant is not let in.
    #[error(transparent)]
    Tenancy(#[from] TenancyError),
    /// The host is shutting down.
    #[error("the host is shutting down and takes no triggers")]
    Closed,
    /// The instance cannot be loaded.
    #[error("the trigger was not decided")]
    Load(#[source] Arc<LoadError>),
    /// The store does not take the step.
    #[error("the step of `{stream}` was not recorded")]
    Store {
        /// Which instance.
        stream: StreamId,
        /// What the store says.
        #[source]
        source: Arc<StoreError>,
    },
    /// The store's answer was lost, and it could not be learned whether the step was recorded. Asking again with the
    /// same command id is safe.
    #[error("whether the step of `{stream}` was recorded is unknown: ask again with the same command id")]
    Unknown {
        /// Which instance.
        stream: StreamId,
        /// What the store says.
        #[source]
        source: Arc<StoreError>,
    },
    /// Personal data of an event or effect cannot be sealed.
    #[error("personal data of `{stream}` cannot be recorded")]
    Personal {
        /// Which instance.
        stream: StreamId,
        /// Why.
        #[source]
        source: PersonalError,
    },
    /// An event or effect cannot be written as JSON.
    #[error("an event or effect of `{stream}` cannot be written as JSON")]
    Encode {
        /// Which instance.
        stream: StreamId,
        /// What `serde_json` says.
        #[source]
        source: serde_json::Error,
    },
    /// An expression of the machine panicked.
    #[error("the machine of `{stream}` panicked while it decided `{trigger}`; the instance is as it was")]
    Panicked {
        /// Which instance.
        stream: StreamId,
        /// The trigger.
        trigger: &'static str,
    },
}

impl FireError {
    /// Whether the same command may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Contended { .. } | Self::Busy { .. } | Self::RateLimited(_) | Self::Unknown { .. } => true,
            Self::QuotaExceeded(exceeded) => exceeded.retry_after.is_some(),
            Self::Load(cause) => cause.is_retryable(),
            Self::Store { source, .. } => source.is_retryable(),
            Self::Personal { source, .. } => matches!(source, PersonalError::Contended { .. }),
            _ => false,
        }
    }

    /// The rejection, if that is what it is.
    pub fn rejection(&self) -> Option<&Rejection> {
        match self {
            Self::Rejected(rejection) => Some(rejection),
            _ => None,
        }
    }
}

/// A host that cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The machine has effects and nobody does them.
    #[error(
        "machine `{machine}` has effects: give the builder `.effects(handlers)`, or say `.effects_elsewhere()` if another host does them"
    )]
    NoHandlers {
        /// The machine.
        machine: &'static str,
    },
    /// What the machine records holds personal data, and there is no key for it.
    #[error(
        "`{name}` of machine `{machine}` holds personal data in `{field}`: give the builder `.personal_key(key_ring)`"
    )]
    NoPersonalKey {
        /// The machine.
        machine: &'static str,
        /// The event or effect.
        name: &'static str,
        /// Its field.
        field: &'static str,
    },
    /// The keys of personal data cannot be used.
    #[error("the host cannot be built with this key ring")]
    Personal(#[from] KeysError),
    /// A bound that lets nothing through.
    #[error("`{option}` must be at least 1")]
    Zero {
        /// The option.
        option: &'static str,
    },
    /// Options for an effect that the machine does not have.
    #[error("machine `{machine}` has no effect `{effect}`")]
    UnknownEffect {
        /// The machine.
        machine: &'static str,
        /// The name that was given.
        effect: String,
    },
    /// A limit means nothing.
    #[error("the host cannot be built with this limit")]
    Limit(#[from] LimitError),
    /// A quota of a tenant that cannot be.
    #[error("the host cannot be built with a quota of this tenant")]
    Quota(#[source] TenancyError),
    /// A tenancy that is not that of this host.
    #[error(
        "`{tenancy:?}` is not the tenancy of this host: a host with `Required` begins with `TenantHost::builder`, all others with `Host::builder`"
    )]
    Tenancy {
        /// What was asked for.
        tenancy: Tenancy,
    },
    /// There is no runtime to run on.
    #[error("a host runs on tokio: build it inside a tokio runtime")]
    NoRuntime(#[source] tokio::runtime::TryCurrentError),
}

/// The same for logs: without what may quote a payload, as `serde_json` and an upcast of the user's do.
pub(crate) fn logged(error: &(dyn std::error::Error + 'static)) -> String {
    let mut quotes = false;
    let causes = std::iter::successors(Some(error), |error| error.source()).take_while(|error| {
        let before = quotes;
        quotes |= error.is::<DecodeReason>();
        !before && !error.is::<serde_json::Error>()
    });
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// An error and what caused it, in one text. It may quote a payload.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
