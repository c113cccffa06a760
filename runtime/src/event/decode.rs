//! From a recorded payload to the newest version, step by step: static calls, one comparison for each older version
//! and none for the newest.

use super::{DecodeError, DecodeReason, EventVersion, Stored, TryUpcast, UpcastContext, UpcastError};
use crate::personal::PersonalError;
use serde_json::Value;

/// What can be made of something old: a value, or a `Result` of one.
pub trait Lifted<T> {
    /// The value, or why there is none.
    ///
    /// # Errors
    /// What the function said that was to make it.
    fn lifted(self) -> Result<T, UpcastError>;
}

impl<T> Lifted<T> for T {
    fn lifted(self) -> Result<T, UpcastError> {
        Ok(self)
    }
}

impl<T, E: Into<UpcastError>> Lifted<T> for Result<T, E> {
    fn lifted(self) -> Result<T, UpcastError> {
        self.map_err(Into::into)
    }
}

/// A version that has no type any more: its JSON becomes that of the next one.
#[derive(Clone, Copy, Debug)]
pub struct Retired {
    /// Its number.
    pub version: u32,
    /// Makes the JSON of version `version + 1` of it.
    pub lift: fn(Value, &UpcastContext) -> Result<Value, UpcastError>,
}

/// Reads the oldest version of an event that has a type, or through `retired` one that has none: the end of every
/// chain.
///
/// # Errors
/// See [`EventVersion::decode`].
#[inline]
pub fn decode_oldest<E: EventVersion>(
    stored: &Stored<'_>,
    cx: &UpcastContext,
    retired: &[Retired],
) -> Result<E, DecodeError> {
    if stored.version == E::VERSION {
        return decode_own(stored, cx);
    }
    lift(stored, cx, retired)
}

/// Reads version N of an event, or an older one through `Old`.
///
/// # Errors
/// See [`EventVersion::decode`].
#[inline]
pub fn decode_next<E: EventVersion + TryUpcast<Old>, Old: EventVersion>(
    stored: &Stored<'_>,
    cx: &UpcastContext,
) -> Result<E, DecodeError> {
    if stored.version == E::VERSION {
        return decode_own(stored, cx);
    }
    upcast::<E, Old>(stored, cx)
}

#[inline]
fn decode_own<E: EventVersion>(stored: &Stored<'_>, cx: &UpcastContext) -> Result<E, DecodeError> {
    // What `from_str` does, but for one move of the event, which is the whole cost of a chain to its newest version.
    let mut json = serde_json::Deserializer::from_str(stored.payload);
    match E::deserialize(&mut json) {
        Ok(mut event) => match json.end() {
            Ok(()) if E::PERSONAL.is_none() => Ok(event),
            Ok(()) => match event.open_personal() {
                Ok(()) => Ok(event),
                Err(failure) => Err(unopened(stored, cx, failure)),
            },
            Err(cause) => Err(misfit(stored, cx, cause)),
        },
        Err(cause) => Err(misfit(stored, cx, cause)),
    }
}

#[cold]
fn misfit(stored: &Stored<'_>, cx: &UpcastContext, cause: serde_json::Error) -> DecodeError {
    DecodeError::new(stored, cx, DecodeReason::Payload(cause))
}

#[cold]
fn unopened(
    stored: &Stored<'_>,
    cx: &UpcastContext,
    (field, source): (&'static str, PersonalError),
) -> DecodeError {
    DecodeError::new(stored, cx, DecodeReason::Personal { field, source: Box::new(source) })
}

/// What is newer than `E` nobody here can read.
fn refuse_future<E: EventVersion>(stored: &Stored<'_>, cx: &UpcastContext) -> Result<(), DecodeError> {
    if stored.version > E::VERSION {
        return Err(DecodeError::new(stored, cx, DecodeReason::FutureVersion { newest: E::VERSION }));
    }
    Ok(())
}

#[inline(never)]
fn upcast<E: EventVersion + TryUpcast<Old>, Old: EventVersion>(
    stored: &Stored<'_>,
    cx: &UpcastContext,
) -> Result<E, DecodeError> {
    refuse_future::<E>(stored, cx)?;
    let old = Old::decode(stored, cx)?;
    let mut made = E::try_upcast(old, cx).map_err(|source| {
        let reason = DecodeReason::Upcast { version: E::VERSION, source: source.into() };
        DecodeError::new(stored, cx, reason)
    })?;
    made.mark_personal();
    Ok(made)
}

#[inline(never)]
fn lift<E: EventVersion>(
    stored: &Stored<'_>,
    cx: &UpcastContext,
    retired: &[Retired],
) -> Result<E, DecodeError> {
    refuse_future::<E>(stored, cx)?;
    let fail = |reason| DecodeError::new(stored, cx, reason);
    let oldest = E::VERSION.saturating_sub(u32::try_from(retired.len()).unwrap_or_default());
    if stored.version == 0 {
        return Err(fail(DecodeReason::NoSuchVersion));
    }
    if stored.version < oldest {
        return Err(fail(DecodeReason::TooOld { version: stored.version, oldest }));
    }
    let json = serde_json::from_str(stored.payload).map_err(|cause| fail(DecodeReason::Payload(cause)))?;
    let lifted = (stored.version..E::VERSION).try_fold(json, |json, version| {
        let step = retired.iter().find(|step| step.version == version);
        let lifted = step.map_or(Ok(Value::Null), |step| (step.lift)(json, cx));
        lifted.map_err(|source| fail(DecodeReason::Upcast { version: version + 1, source }))
    })?;
    let mut read: E = serde_json::from_value(lifted).map_err(|cause| fail(DecodeReason::Payload(cause)))?;
    read.open_personal().map_err(|failure| unopened(stored, cx, failure))?;
    Ok(read)
}

/// Makes events of one that is listed no more.
///
/// # Errors
/// The payload is no JSON, or what the function says that splits it.
pub fn split<E, L: Lifted<Vec<E>>>(
    stored: &Stored<'_>,
    cx: &UpcastContext,
    split: impl FnOnce(Value, &UpcastContext) -> L,
) -> Result<Vec<E>, DecodeError> {
    let fail = |reason| DecodeError::new(stored, cx, reason);
    let json = serde_json::from_str(stored.payload).map_err(|cause| fail(DecodeReason::Payload(cause)))?;
    split(json, cx).lifted().map_err(|source| fail(DecodeReason::Split(source)))
}
