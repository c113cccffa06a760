//! What code that runs to completion may seal and open: keys are fetched beforehand, by code that waits.
//!
//! `serde` hands no context to a value that is written or read, so it stands in the thread for as long as that takes. It
//! fetches nothing and knows no cell.

use super::cipher::{KeyId, Secret, joined};
use super::error::PersonalError;
use super::keys::{Held, Keys};
use crate::store::StreamId;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};
use zeroize::Zeroizing;

thread_local! {
    static DESK: RefCell<Option<Box<Desk>>> = const { RefCell::new(None) };
}

/// The keys at hand for a while, of a machine that has personal data; of another one there is nothing in it.
#[derive(Default)]
pub(crate) struct Seals(Option<Box<Desk>>);

struct Desk {
    keys: Result<Arc<Keys>, PersonalError>,
    held: HashMap<KeyId, Held>,
    /// Keys that were asked for and are not at hand: of whom, and which.
    wanted: BTreeSet<Want>,
    mode: Mode,
    failure: Option<PersonalError>,
    /// Values that were read and wait for their field to open them.
    unopened: usize,
}

/// A key, and the tenant whose subject has it.
pub(crate) type Want = (Arc<str>, KeyId);

/// What becomes of a value that is written or read.
pub(super) enum Mode {
    /// Nothing: it is an error.
    None,
    /// It is sealed and opened at this place.
    Sealed(Place),
    /// Its form is written without its content.
    Hollow,
    /// Its digest is written.
    Compared,
    /// It is written in the clear, to be read again at once.
    Copied,
}

/// Where something stands: a ciphertext opens nowhere else.
pub(super) struct Place {
    stream: StreamId,
    kind: Kind,
    name: Box<str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Event,
    Effect,
    Data,
}

/// A sealed value as JSON. That of a forgotten one is empty.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) key: KeyId,
    /// Nonce and ciphertext.
    pub(super) sealed: String,
}

/// Whose a value is, as far as it is known.
#[derive(Clone, Copy)]
pub(super) struct Mark<'a> {
    /// The key that it was sealed with before.
    pub(super) key: Option<KeyId>,
    pub(super) subject: Option<&'a str>,
    /// The marked field that it stands in.
    pub(super) field: &'static str,
}

impl Seals {
    pub(super) fn new(keys: Result<Arc<Keys>, PersonalError>) -> Self {
        Self(Some(Box::new(Desk {
            keys,
            held: HashMap::new(),
            wanted: BTreeSet::new(),
            mode: Mode::None,
            failure: None,
            unopened: 0,
        })))
    }

    /// Runs something that may seal and open with them.
    pub(crate) fn enter<R>(&mut self, run: impl FnOnce() -> R) -> R {
        let Some(desk) = self.0.take() else { return run() };
        let mut visit = Visit { seals: self, before: DESK.replace(Some(desk)) };
        let done = run();
        visit.end();
        done
    }

    /// Whether a key was missing: what was sealed is not to be recorded.
    pub(crate) fn lacks_keys(&self) -> bool {
        self.0.as_ref().is_some_and(|desk| !desk.wanted.is_empty())
    }

    pub(super) fn take_wanted(&mut self) -> BTreeSet<Want> {
        self.0.as_mut().map(|desk| std::mem::take(&mut desk.wanted)).unwrap_or_default()
    }

    pub(super) fn keys(&self) -> Option<Result<Arc<Keys>, PersonalError>> {
        self.0.as_ref().map(|desk| desk.keys.clone())
    }

    pub(super) fn hold(&mut self, key: KeyId, held: Held) {
        if let Some(desk) = &mut self.0 {
            desk.held.insert(key, held);
        }
    }
}

/// Gives the desk back, whatever happens to what runs.
struct Visit<'a> {
    seals: &'a mut Seals,
    before: Option<Box<Desk>>,
}

impl Visit<'_> {
    fn end(&mut self) {
        if self.seals.0.is_none() {
            self.seals.0 = DESK.replace(self.before.take());
        }
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

/// Personal data in here is an event's.
pub(crate) fn in_event<R>(stream: &StreamId, name: &str, run: impl FnOnce() -> R) -> R {
    in_mode(|| Mode::Sealed(Place { stream: stream.clone(), kind: Kind::Event, name: name.into() }), run)
}

/// Personal data in here is an effect's.
pub(crate) fn in_effect<R>(stream: &StreamId, name: &str, run: impl FnOnce() -> R) -> R {
    in_mode(|| Mode::Sealed(Place { stream: stream.clone(), kind: Kind::Effect, name: name.into() }), run)
}

/// Personal data in here is that of a snapshot.
pub(crate) fn in_data<R>(stream: &StreamId, run: impl FnOnce() -> R) -> R {
    in_mode(|| Mode::Sealed(Place { stream: stream.clone(), kind: Kind::Data, name: "".into() }), run)
}

/// Personal data in here is written without its content, to look at the form of what is around it.
pub(crate) fn hollow<R>(run: impl FnOnce() -> R) -> R {
    Seals::new(Err(PersonalError::NoMasterKey)).enter(|| in_mode(|| Mode::Hollow, run))
}

/// Personal data in here is written as a digest that is the same for the same value in this process, and tells nothing
/// elsewhere.
pub(crate) fn compared<R>(run: impl FnOnce() -> R) -> R {
    Seals::new(Err(PersonalError::NoMasterKey)).enter(|| in_mode(|| Mode::Compared, run))
}

/// Personal data in here is written in the clear: what is written must be read again in here, and go nowhere else.
pub(crate) fn copied<R>(run: impl FnOnce() -> R) -> R {
    Seals::new(Err(PersonalError::NoMasterKey)).enter(|| in_mode(|| Mode::Copied, run))
}

/// Where nothing is at hand nothing is changed: what is written or read in here then says so.
fn in_mode<R>(mode: impl FnOnce() -> Mode, run: impl FnOnce() -> R) -> R {
    let set = |mode: Mode| {
        DESK.with_borrow_mut(|desk| {
            if let Some(desk) = desk {
                desk.mode = mode;
                desk.unopened = 0;
            }
        });
    };
    if !DESK.with_borrow(Option::is_some) {
        return run();
    }
    set(mode());
    let done = run();
    set(Mode::None);
    done
}

/// Why the last value was not written or not read.
pub(crate) fn take_failure() -> Option<PersonalError> {
    DESK.with_borrow_mut(|desk| desk.as_mut()?.failure.take())
}

/// Whether something was read that no field has opened.
pub(crate) fn is_unopened() -> bool {
    DESK.with_borrow(|desk| desk.as_ref().is_some_and(|desk| desk.unopened > 0))
}

/// What is to be done here with a value.
pub(super) enum Ask {
    Seal,
    /// The field opens it.
    OpenLater,
    OpenNow,
    Hollow,
    Compare,
    Copy,
}

pub(super) fn ask() -> Result<Ask, PersonalError> {
    DESK.with_borrow(|desk| match desk.as_ref().map(|desk| &desk.mode) {
        Some(Mode::Sealed(_)) => Ok(Ask::Seal),
        Some(Mode::Hollow) => Ok(Ask::Hollow),
        Some(Mode::Compared) => Ok(Ask::Compare),
        Some(Mode::Copied) => Ok(Ask::Copy),
        None | Some(Mode::None) => Err(PersonalError::Outside),
    })
}

/// The same for a value that is read.
pub(super) fn ask_reader() -> Result<Ask, PersonalError> {
    match ask()? {
        Ask::Seal => DESK.with_borrow_mut(|desk| match desk.as_mut() {
            Some(desk) if desk.is_event() => {
                desk.unopened += 1;
                Ok(Ask::OpenLater)
            }
            _ => Ok(Ask::OpenNow),
        }),
        ask => Ok(ask),
    }
}

/// Seals a value, or with `None` one that is forgotten. What is wrong is kept for [`take_failure`].
pub(super) fn seal(mark: Mark<'_>, plain: Option<&[u8]>) -> Result<Written, PersonalError> {
    noting(|desk| desk.seal(mark, plain))
}

/// Opens a value; `None`: it is forgotten.
pub(super) fn open(
    field: &'static str,
    written: &Written,
) -> Result<Option<Zeroizing<Vec<u8>>>, PersonalError> {
    noting(|desk| desk.open(field, written))
}

/// The same, for a field that knows whose it is.
pub(super) fn open_of(
    subject: &str,
    field: &'static str,
    written: &Written,
) -> Result<Option<Zeroizing<Vec<u8>>>, PersonalError> {
    noting(|desk| {
        desk.unopened = desk.unopened.saturating_sub(1);
        if desk.key_of(subject)? != written.key {
            return Err(PersonalError::OtherSubject);
        }
        desk.open(field, written)
    })
}

fn noting<R>(run: impl FnOnce(&mut Desk) -> Result<R, PersonalError>) -> Result<R, PersonalError> {
    DESK.with_borrow_mut(|desk| {
        let Some(desk) = desk.as_mut() else { return Err(PersonalError::Outside) };
        let done = run(desk);
        if let Err(error) = &done {
            desk.failure = Some(error.clone());
        }
        done
    })
}

impl Desk {
    fn is_event(&self) -> bool {
        matches!(&self.mode, Mode::Sealed(place) if place.kind == Kind::Event)
    }

    fn place(&self) -> Result<&Place, PersonalError> {
        match &self.mode {
            Mode::Sealed(place) => Ok(place),
            _ => Err(PersonalError::Outside),
        }
    }

    fn key_of(&self, subject: &str) -> Result<KeyId, PersonalError> {
        let keys = self.keys.as_ref().map_err(Clone::clone)?;
        keys.id(&self.place()?.stream.tenant, subject)
    }

    fn seal(&mut self, mark: Mark<'_>, plain: Option<&[u8]>) -> Result<Written, PersonalError> {
        if self.is_event() && mark.field.is_empty() {
            return Err(PersonalError::Unmarked);
        }
        let named = mark.subject.map(|subject| self.key_of(subject)).transpose()?;
        let key = match (mark.key, named) {
            (Some(key), Some(named)) if key != named => return Err(PersonalError::OtherSubject),
            (key, named) => key.or(named).ok_or(PersonalError::NoSubject)?,
        };
        let empty = Written { key, sealed: String::new() };
        let Some(plain) = plain else { return Ok(empty) };
        match self.find(key)? {
            Some(Held::Key(secret)) => {
                let sealed = secret.seal(&self.place()?.bytes(mark.field, key), plain)?;
                Ok(Written { key, sealed })
            }
            Some(Held::Forgotten) => Err(PersonalError::Forgotten),
            Some(Held::Broken(error)) => Err(error),
            None => {
                let tenant = Arc::clone(&self.place()?.stream.tenant);
                self.wanted.insert((tenant, key));
                Ok(empty)
            }
        }
    }

    fn open(
        &mut self,
        field: &'static str,
        written: &Written,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, PersonalError> {
        match self.find(written.key)? {
            Some(Held::Key(secret)) => {
                let place = self.place()?.bytes(field, written.key);
                secret.open(&place, &written.sealed).map(Some).ok_or(PersonalError::Tampered)
            }
            Some(Held::Forgotten) => Ok(None),
            Some(Held::Broken(error)) => Err(error),
            None => {
                let keys = self.keys.as_ref().map_err(Clone::clone)?;
                let cell = keys.cell(&self.place()?.stream.tenant, written.key);
                Err(PersonalError::KeyMissing { cell: cell.name.into() })
            }
        }
    }

    fn find(&self, key: KeyId) -> Result<Option<Held>, PersonalError> {
        let keys = self.keys.as_ref().map_err(Clone::clone)?;
        Ok(self.held.get(&key).cloned().or_else(|| keys.cached(key)))
    }
}

impl Place {
    /// What is authenticated beside the value: neither the revision, which is not known when it is sealed, nor the
    /// version of the event, which changes no meaning.
    fn bytes(&self, field: &str, key: KeyId) -> Vec<u8> {
        let StreamId { tenant, machine, instance } = &self.stream;
        let (kind, field) = match self.kind {
            Kind::Event => ("event", field),
            Kind::Effect => ("effect", ""),
            Kind::Data => ("data", ""),
        };
        joined(&[
            "statewright personal",
            tenant,
            machine,
            instance,
            kind,
            &self.name,
            field,
            &key.to_string(),
        ])
    }
}

/// The same for the same value, in this process alone.
pub(super) fn digest(plain: &str) -> Result<String, PersonalError> {
    static SECRET: OnceLock<Result<Secret, PersonalError>> = OnceLock::new();
    let secret = SECRET.get_or_init(Secret::random).as_ref().map_err(Clone::clone)?;
    Ok(secret.name(&[plain]).to_string())
}
