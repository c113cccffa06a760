//! Recorded events that cannot be read.

use super::{Stored, UpcastContext};
use crate::personal::PersonalError;

/// What an upcast says that fails.
pub type UpcastError = Box<dyn std::error::Error + Send + Sync>;

/// A recorded event that cannot be read. It stops its instance only, and is never skipped.
#[derive(Debug, thiserror::Error)]
#[error(
    "event `{event}` version {version} of record {revision} of `{instance}` ({machine}, tenant `{tenant}`) cannot be read"
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
    #[error(
        "the machine lists no event of this name; list its type in `events`, retire it there, or run the program that lists it"
    )]
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
    /// The chain ends behind it.
    #[error(
        "the oldest version that is read here is {oldest}; lift version {version} with `#[event(retired({version}, upcast = …))]`"
    )]
    TooOld {
        /// The recorded version.
        version: u32,
        /// The oldest version in this program.
        oldest: u32,
    },
    /// The events that stand in its place cannot be made of it.
    #[error("it cannot be split into the events that stand in its place")]
    Split(#[source] UpcastError),
    /// A newer version cannot be made of it.
    #[error("version {version} cannot be made of it")]
    Upcast {
        /// The version that was to be made.
        version: u32,
        /// What the upcast says.
        #[source]
        source: UpcastError,
    },
    /// Personal data does not open.
    #[error("the personal data in `{field}` does not open")]
    Personal {
        /// The field of the event.
        field: &'static str,
        /// Why.
        #[source]
        source: Box<PersonalError>,
    },
    /// The payload does not fit the type of its version.
    #[error("the payload does not fit the type of its version")]
    Payload(#[source] serde_json::Error),
}

impl DecodeError {
    /// The machine does not list the event.
    pub fn unknown_event(stored: &Stored<'_>, cx: &UpcastContext) -> Self {
        Self::new(stored, cx, DecodeReason::UnknownEvent)
    }

    pub(crate) fn new(stored: &Stored<'_>, cx: &UpcastContext, reason: DecodeReason) -> Self {
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
