//! The caller's master keys: they wrap the keys of subjects, and are never stored.

use super::cipher::{Secret, joined};
use super::error::PersonalError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Master keys with their ids. The first one wraps; older ones open what they have wrapped before.
#[derive(Clone)]
pub struct KeyRing {
    newest: (Box<str>, Secret),
    old: Vec<(Box<str>, Secret)>,
}

impl KeyRing {
    /// A ring with one key of 256 random bits. The id stands in the store beside what the key has wrapped: it is
    /// no secret, and never given to another key.
    pub fn new(id: &str, key: [u8; 32]) -> Self {
        Self { newest: (id.into(), Secret::new(key)), old: Vec::new() }
    }

    /// The ring with a key that wraps no more. It may go once
    /// [`Host::rewrap_personal_keys`](crate::Host::rewrap_personal_keys) has answered.
    #[must_use]
    pub fn and_old(mut self, id: &str, key: [u8; 32]) -> Self {
        self.old.push((id.into(), Secret::new(key)));
        self
    }

    /// A key as its cell holds it.
    pub(super) fn wrap(&self, cell: &str, key: &Secret) -> Result<Wrapped, PersonalError> {
        let (id, master) = &self.newest;
        let sealed = master.seal(&place(cell, id), key.bytes())?;
        Ok(Wrapped { master: id.clone(), wrapped: sealed })
    }

    pub(super) fn unwrap(&self, cell: &str, wrapped: &Wrapped) -> Result<Secret, PersonalError> {
        let Wrapped { master: id, wrapped } = wrapped;
        let mut masters = [&self.newest].into_iter().chain(&self.old);
        let Some((_, master)) = masters.find(|(own, _)| own == id) else {
            return Err(PersonalError::UnknownMasterKey { id: id.to_string() });
        };
        let key = master.open(&place(cell, id), wrapped).and_then(|bytes| Secret::read(&bytes));
        key.ok_or_else(|| PersonalError::WrongMasterKey { id: id.to_string(), cell: cell.to_owned() })
    }

    /// Whether the newest master key has wrapped it.
    pub(super) fn is_newest(&self, wrapped: &Wrapped) -> bool {
        wrapped.master == self.newest.0
    }
}

fn place(cell: &str, master: &str) -> Vec<u8> {
    joined(&["statewright key", cell, master])
}

/// A key in its cell.
#[derive(Serialize, Deserialize)]
pub(super) struct Wrapped {
    /// The id of the master key.
    master: Box<str>,
    /// Nonce and ciphertext.
    wrapped: String,
}

/// Keys do not reach logs: only their ids are shown.
impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = [&self.newest].into_iter().chain(&self.old).map(|(id, _)| id);
        f.debug_tuple("KeyRing").field(&ids.collect::<Vec<_>>()).finish()
    }
}
