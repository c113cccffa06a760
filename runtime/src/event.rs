//! Versioned events: how what was recorded in any version is read into the newest.
//!
//! It decodes; what a machine makes of an event is its `Apply`, and where records come from is the store's.

mod auto;
mod context;
mod decode;
mod error;
mod lock;
mod proof;
pub mod schema;

pub use auto::*;
pub use context::UpcastContext;
pub use decode::{Lifted, Retired, decode_next, decode_oldest, split};
pub use error::{DecodeError, DecodeReason, UpcastError};
pub use lock::{Chain, Listed, Lockable, Message, Released, check_effect, check_event, check_gone};
pub use proof::*;
pub use schema::{EventData, Schema};

use crate::personal::PersonalError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::convert::Infallible;

/// One version of an event. Implemented by `#[derive(EventVersion)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a version of an event",
    note = "derive it: `#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]` with `#[event(name = \"…\", version = 1)]`"
)]
pub trait EventVersion: EventData + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name under which every version is recorded.
    const NAME: &'static str;
    /// The number of this version, from 1.
    const VERSION: u32;
    /// The oldest version that is still read.
    const OLDEST: u32;
    /// The canonical text of what is written of this version; see [`schema`].
    const SCHEMA_TEXT: &'static str;
    /// This version and all before it that have types.
    const CHAIN: Chain =
        Chain { version: Self::VERSION, schema: Self::SCHEMA_TEXT, compatible: false, before: None };

    /// A field of this version, or of one before it, that holds personal data.
    const PERSONAL: Option<&'static str> = None;

    /// Says of each field that holds personal data whose it is.
    fn mark_personal(&mut self) {}

    /// Opens each field that holds personal data.
    ///
    /// # Errors
    /// The field that does not open, and why.
    fn open_personal(&mut self) -> Result<(), (&'static str, PersonalError)> {
        Ok(())
    }

    /// Reads a recorded event of this version or an older one, step by step through the chain.
    ///
    /// # Errors
    /// A version from the future, or a payload that does not decode.
    fn decode(stored: &Stored<'_>, cx: &UpcastContext) -> Result<Self, DecodeError>;
}

/// How version N of an event is made from version N - 1. Where that can fail it is [`TryUpcast`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how it is made from `{Old}`",
    note = "write `impl Upcast<{Old}> for {Self} {{ fn upcast(old: {Old}, cx: &UpcastContext) -> Self {{ … }} }}`, or add `auto` to `#[event(…)]`"
)]
pub trait Upcast<Old> {
    /// Makes the newer version. Must not fail and must not look at the world: it runs at every load.
    fn upcast(old: Old, cx: &UpcastContext) -> Self;
}

/// How version N of an event is made from version N - 1, where not every old one can be lifted. What fails stops its
/// instance, as an event that does not decode.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how it is made from `{Old}`",
    note = "write `impl Upcast<{Old}> for {Self} {{ fn upcast(old: {Old}, cx: &UpcastContext) -> Self {{ … }} }}`, or add `auto` to `#[event(…)]`"
)]
pub trait TryUpcast<Old>: Sized {
    /// Why it cannot be made.
    type Error: Into<UpcastError>;

    /// Makes the newer version. Must not look at the world: it runs at every load.
    ///
    /// # Errors
    /// This old one cannot be lifted.
    fn try_upcast(old: Old, cx: &UpcastContext) -> Result<Self, Self::Error>;
}

impl<Old, New: Upcast<Old>> TryUpcast<Old> for New {
    type Error = Infallible;

    fn try_upcast(old: Old, cx: &UpcastContext) -> Result<Self, Infallible> {
        Ok(Self::upcast(old, cx))
    }
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
