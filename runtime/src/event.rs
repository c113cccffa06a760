//! Versioned events: how what was recorded in any version is read into the newest.
//!
//! It decodes; what a machine makes of an event is its `Apply`, and where records come from is the store's.

mod proof;

pub use proof::*;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// One version of an event. Implemented by `#[derive(EventVersion)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a version of an event",
    note = "derive it: `#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]` with `#[event(name = \"…\", version = 1)]`"
)]
pub trait EventVersion: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name under which every version is recorded.
    const NAME: &'static str;
    /// The number of this version, from 1.
    const VERSION: u32;

    /// Reads a recorded event of this version or an older one, step by step through the chain.
    ///
    /// # Errors
    /// A version from the future, or a payload that does not decode.
    fn decode(stored: &Stored<'_>, cx: &UpcastContext) -> Result<Self, DecodeError>;
}

/// How version N of an event is made from version N - 1.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how it is made from `{Old}`",
    note = "write `impl Upcast<{Old}> for {Self} {{ fn upcast(old: {Old}, cx: &UpcastContext) -> Self {{ … }} }}`"
)]
pub trait Upcast<Old> {
    /// Makes the newer version. Must not fail and must not look at the world: it runs at every load.
    fn upcast(old: Old, cx: &UpcastContext) -> Self;
}

/// What an event does to the data of a machine.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what `{E}` does to it",
    label = "no `impl Apply<{E}> for {Self}`",
    note = "events build data: write `impl Apply<{E}> for {Self} {{ fn apply(&mut self, event: &{E}) {{ … }} }}`"
)]
pub trait Apply<E> {
    /// Builds up the data. Must be a pure function of both: it runs at every load.
    fn apply(&mut self, event: &E);
}

/// A recorded event, as written.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a> {
    /// The recorded name.
    pub name: &'a str,
    /// The recorded version.
    pub version: u32,
    /// The payload, JSON.
    pub payload: &'a str,
}

/// Where a recorded event comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpcastContext {
    /// The tenant; empty where there are none.
    pub(crate) tenant: Box<str>,
    pub(crate) machine: Box<str>,
    pub(crate) instance: Box<str>,
    pub(crate) revision: u64,
    pub(crate) recorded_at: Timestamp,
}

impl UpcastContext {
    /// The context of the records of one instance; [`at`](Self::at) moves it from record to record.
    pub fn new(tenant: &str, machine: &str, instance: &str) -> Self {
        let recorded_at = Timestamp::UNIX_EPOCH;
        Self {
            tenant: tenant.into(),
            machine: machine.into(),
            instance: instance.into(),
            revision: 0,
            recorded_at,
        }
    }

    /// Moves on to a record.
    #[must_use]
    pub fn at(mut self, revision: u64, recorded_at: Timestamp) -> Self {
        self.revision = revision;
        self.recorded_at = recorded_at;
        self
    }

    /// The tenant; empty where there are none.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The machine's name.
    pub fn machine(&self) -> &str {
        &self.machine
    }

    /// The instance's id.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The revision of the record.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The time of the step that emitted the event.
    pub fn recorded_at(&self) -> Timestamp {
        self.recorded_at
    }
}

/// A recorded event that cannot be read. It stops its instance only, and is never skipped.
#[derive(Debug, thiserror::Error)]
#[error(
    "event `{event}` version {version} of record {revision} of `{instance}` ({machine}, tenant `{tenant}`): {reason}"
)]
#[non_exhaustive]
pub struct DecodeError {
    /// The tenant; empty where there are none.
    pub tenant: Box<str>,
    /// The machine's name.
    pub machine: Box<str>,
    /// The instance's id.
    pub instance: Box<str>,
    /// The revision of the record.
    pub revision: u64,
    /// The recorded name.
    pub event: Box<str>,
    /// The recorded version.
    pub version: u32,
    /// What is wrong.
    #[source]
    pub reason: DecodeReason,
}

/// What is wrong with a recorded event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeReason {
    /// The machine does not list it.
    #[error("the machine lists no event of this name; list its type in `events`")]
    UnknownEvent,
    /// A newer program wrote it.
    #[error("the newest version known here is {newest}; a newer program wrote it, run that one")]
    FutureVersion {
        /// The newest version in this program.
        newest: u32,
    },
    /// No type of the chain has this version.
    #[error("versions are counted from 1")]
    NoSuchVersion,
    /// The payload does not fit the type of its version.
    #[error("the payload does not fit the type of its version")]
    Payload(#[source] serde_json::Error),
}

impl DecodeError {
    /// The machine does not list the event.
    pub fn unknown_event(stored: &Stored<'_>, cx: &UpcastContext) -> Self {
        Self::new(stored, cx, DecodeReason::UnknownEvent)
    }

    fn new(stored: &Stored<'_>, cx: &UpcastContext, reason: DecodeReason) -> Self {
        Self {
            tenant: cx.tenant.clone(),
            machine: cx.machine.clone(),
            instance: cx.instance.clone(),
            revision: cx.revision,
            event: stored.name.into(),
            version: stored.version,
            reason,
        }
    }
}

/// Reads the first version of an event: the end of every chain.
///
/// # Errors
/// See [`EventVersion::decode`].
pub fn decode_first<E: EventVersion>(stored: &Stored<'_>, cx: &UpcastContext) -> Result<E, DecodeError> {
    decode_own(stored, cx, |_| Err(DecodeError::new(stored, cx, DecodeReason::NoSuchVersion)))
}

/// Reads version N of an event, or an older one through `Old`.
///
/// # Errors
/// See [`EventVersion::decode`].
pub fn decode_next<E: EventVersion + Upcast<Old>, Old: EventVersion>(
    stored: &Stored<'_>,
    cx: &UpcastContext,
) -> Result<E, DecodeError> {
    decode_own(stored, cx, |cx| Ok(E::upcast(Old::decode(stored, cx)?, cx)))
}

fn decode_own<E: EventVersion>(
    stored: &Stored<'_>,
    cx: &UpcastContext,
    older: impl FnOnce(&UpcastContext) -> Result<E, DecodeError>,
) -> Result<E, DecodeError> {
    match stored.version {
        version if version == E::VERSION => serde_json::from_str(stored.payload)
            .map_err(|cause| DecodeError::new(stored, cx, DecodeReason::Payload(cause))),
        version if version > E::VERSION => {
            Err(DecodeError::new(stored, cx, DecodeReason::FutureVersion { newest: E::VERSION }))
        }
        _ => older(cx),
    }
}
