//! Personal data: values that are recorded under a key of their subject, and read as forgotten once that key is destroyed.
//!
//! A field of an event is marked `#[event(personal = subject)]` and has the type [`Personal`]; the subject is the field
//! beside it that says whose it is. From events the value goes on into data and effects, and is sealed there as well. It does
//! not hide a value from code that has it, and it does not look for personal data that nobody marked.

mod cipher;
mod error;
mod form;
mod keys;
mod ring;
mod scope;

pub use error::{KeysError, PersonalError};
pub use keys::FORGOTTEN_SEEN_MAX;
pub use ring::KeyRing;

pub(crate) use keys::{Keys, OWN_CELLS, PREFIX, SECRET, Wanted, tenant_prefix};
pub(crate) use scope::{
    Seals, compared, copied, hollow, in_data, in_effect, in_event, is_unopened, take_failure,
};

use crate::store::{Record, StoreError};
use cipher::KeyId;
use form::keys_in;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;

/// A value that is sealed with a key of its subject wherever it is recorded: in events, snapshots and effects. After the
/// subject was forgotten it has no value any more.
///
/// It has no JSON form outside of records: writing it elsewhere fails, so that it leaks nowhere by itself. Whoever is to
/// give it away takes the value with [`known`](Self::known).
#[derive(Clone)]
pub struct Personal<T> {
    content: Content<T>,
    key: Option<KeyId>,
    subject: Option<Arc<str>>,
    /// The marked field that it stands in; empty outside of events.
    field: &'static str,
}

#[derive(Clone)]
enum Content<T> {
    Known(T),
    Forgotten,
    /// As it was read, until its field opens it.
    Sealed(Box<str>),
}

impl<T> Personal<T> {
    /// A value for a field that says whose it is.
    pub fn new(value: T) -> Self {
        Self { content: Content::Known(value), key: None, subject: None, field: "" }
    }

    /// A value of this subject: for effects and data that do not have it from an event.
    #[allow(clippy::needless_pass_by_value, reason = "an id is taken as it is at hand")]
    pub fn of(subject: impl Subject, value: T) -> Self {
        Self { subject: Some(subject.subject()), ..Self::new(value) }
    }

    /// The value; `None` when its subject is forgotten.
    pub fn known(&self) -> Option<&T> {
        match &self.content {
            Content::Known(value) => Some(value),
            Content::Forgotten | Content::Sealed(_) => None,
        }
    }

    /// The value itself; `None` when its subject is forgotten.
    pub fn into_known(self) -> Option<T> {
        match self.content {
            Content::Known(value) => Some(value),
            Content::Forgotten | Content::Sealed(_) => None,
        }
    }

    /// Whether its subject is forgotten.
    pub fn is_forgotten(&self) -> bool {
        matches!(self.content, Content::Forgotten)
    }

    /// Another value of the same subject.
    #[must_use]
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Personal<U> {
        let Self { content, key, subject, field } = self;
        let content = match content {
            Content::Known(value) => Content::Known(change(value)),
            Content::Forgotten => Content::Forgotten,
            Content::Sealed(text) => Content::Sealed(text),
        };
        Personal { content, key, subject, field }
    }

    /// Takes note of whose it is and where it stands.
    #[doc(hidden)]
    pub fn mark(&mut self, subject: &Arc<str>, field: &'static str) {
        self.subject = Some(Arc::clone(subject));
        self.field = field;
    }
}

impl<T: DeserializeOwned> Personal<T> {
    /// Opens what was read, where it stands.
    #[doc(hidden)]
    pub fn open(&mut self, subject: &Arc<str>, field: &'static str) -> Result<(), PersonalError> {
        self.mark(subject, field);
        let (Content::Sealed(sealed), Some(key), Some(subject)) = (&self.content, self.key, &self.subject)
        else {
            return Ok(());
        };
        let written = scope::Written { key, sealed: sealed.to_string() };
        self.content = form::read(scope::open_of(subject, field, &written)?)?;
        Ok(())
    }
}

/// What was recorded in the clear, by a version of an event in which the field was not marked.
impl<T> From<T> for Personal<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

/// Two values are compared, not their subjects; what is forgotten is like nothing but what is forgotten.
impl<T: PartialEq> PartialEq for Personal<T> {
    fn eq(&self, other: &Self) -> bool {
        match (&self.content, &other.content) {
            (Content::Known(one), Content::Known(other)) => one == other,
            (Content::Forgotten, Content::Forgotten) => true,
            _ => false,
        }
    }
}

impl<T: Eq> Eq for Personal<T> {}

/// Personal data does not reach logs: only whether it is there is shown.
impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.content {
            Content::Known(_) => "Personal(known)",
            Content::Forgotten => "Personal(forgotten)",
            Content::Sealed(_) => "Personal(sealed)",
        })
    }
}

/// Says whose personal data is: an id, as text. It stands in the clear in the record, so it is no name and no address.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whose personal data it is",
    label = "no id",
    note = "the subject is a field that can be written as text: a `String`, a number, or a type that implements `Display`"
)]
pub trait Subject {
    /// The id.
    fn subject(&self) -> Arc<str>;
}

impl<T: fmt::Display + ?Sized> Subject for T {
    fn subject(&self) -> Arc<str> {
        self.to_string().into()
    }
}

/// Whose personal data is, for generated code.
#[doc(hidden)]
pub fn subject_of(subject: &(impl Subject + ?Sized)) -> Arc<str> {
    subject.subject()
}

/// The keys that payloads of tenants name.
pub(crate) fn wanted<'a>(payloads: impl Iterator<Item = (&'a Arc<str>, &'a str)>) -> Wanted {
    payloads.flat_map(|(tenant, json)| keys_in(json).map(|key| (Arc::clone(tenant), key))).collect()
}

/// These keys, as far as they are there.
pub(crate) async fn seals_for(keys: Option<&Arc<Keys>>, wanted: Wanted) -> Result<Seals, StoreError> {
    let Some(keys) = keys else { return Ok(Seals::new(Err(PersonalError::NoMasterKey))) };
    let mut seals = match keys.refresh().await {
        Ok(()) => Seals::new(Ok(Arc::clone(keys))),
        Err(KeysError::Store(error)) => return Err(error),
        Err(KeysError::Personal(error)) => return Ok(Seals::new(Err(error))),
    };
    keys.fetch(&mut seals, wanted).await?;
    Ok(seals)
}

/// What opens the records of a machine; of one without personal data there is nothing in it.
#[derive(Clone, Default)]
pub(crate) struct Opener(Option<Result<Arc<Keys>, PersonalError>>);

impl Opener {
    /// With these keys, if there are any.
    pub(crate) fn new(keys: Option<Arc<Keys>>) -> Self {
        Self(Some(keys.ok_or(PersonalError::NoMasterKey)))
    }

    /// The keys that open the events of these records.
    pub(crate) async fn seals<'a>(
        &self,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> Result<Seals, StoreError> {
        let Some(keys) = &self.0 else { return Ok(Seals::default()) };
        let payloads = records.into_iter().flat_map(|record| {
            let events = record.step.body.events.iter();
            events.map(|event| (&record.stream.tenant, event.payload.get()))
        });
        let wanted = wanted(payloads);
        seals_for(keys.as_ref().ok(), wanted).await
    }
}

/// Makes the keys that were asked for and not there.
pub(crate) async fn provide(seals: &mut Seals) -> Result<(), KeysError> {
    match seals.keys() {
        Some(Ok(keys)) => keys.provide(seals).await,
        Some(Err(error)) => Err(error.into()),
        None => Ok(()),
    }
}
