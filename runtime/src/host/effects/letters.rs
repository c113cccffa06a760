//! Dead letters: effects that failed for good, one cell each; listed, done again or put away.
//!
//! Doing one again makes it work that waits in its shard, and whoever has the shard finds it: nothing is done here.

use super::parked::{self, Parked, Spot};
use crate::effect::{EffectCx, EffectError};
use crate::error::chain;
use crate::host::Host;
use crate::machine::Machine;
use crate::store::{Cell, CellKey, Put, RecordedEffect, Revision, Shard, Store, StoreError};
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An effect that failed for good.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeadLetter {
    /// Its idempotency key.
    pub key: String,
    /// The tenant of the instance; empty where there are none.
    pub tenant: String,
    /// The instance whose step asked for it.
    pub instance: String,
    /// The effect as recorded.
    pub effect: RecordedEffect,
    /// What the handler said last, cause by cause.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it failed last.
    pub at: Timestamp,
}

impl DeadLetter {
    pub(super) fn new(cx: &EffectCx, effect: &RecordedEffect, failure: (&EffectError, Timestamp)) -> Self {
        Self {
            key: cx.key(),
            tenant: cx.tenant().to_owned(),
            instance: cx.instance().to_owned(),
            effect: effect.clone(),
            error: chain(failure.0),
            attempts: cx.attempt(),
            at: failure.1,
        }
    }

    /// What to write. An older letter of the same effect gives way.
    pub(super) fn put(&self, shard: Shard, machine: &str) -> Put {
        // Strings, numbers and JSON that was read: nothing of it can fail to be written.
        let value = Some(Bytes::from(serde_json::to_vec(self).unwrap_or_default()));
        Put { key: CellKey { shard, name: name(machine, &self.key) }, version: None, value }
    }
}

/// What cannot be done with a dead letter.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeadLetterError {
    /// No effect of the machine has such a key.
    #[error("`{key}` is not the key of an effect of `{machine}`")]
    NotAKey {
        /// What was given.
        key: String,
        /// The machine.
        machine: &'static str,
    },
    /// It was done again or put away, or never there.
    #[error("there is no dead letter with the key `{key}`")]
    NotFound {
        /// The key.
        key: String,
    },
    /// The store does not answer, or a cell is no dead letter.
    #[error("the dead letters cannot be reached")]
    Store(#[from] StoreError),
}

/// The dead letters of a host's machine, those of all hosts on its store; see [`Host::dead_letters`].
pub struct DeadLetters<M: Machine>(Host<M>);

impl<M: Machine> DeadLetters<M> {
    pub(in crate::host) fn new(host: Host<M>) -> Self {
        Self(host)
    }

    /// At most `limit` of them, by shard and key, behind the one with the key `after`. Fewer than `limit` are the last.
    ///
    /// # Errors
    /// `after` is no key, the store does not answer, or a cell that is no dead letter stands among them.
    pub async fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<DeadLetter>, DeadLetterError> {
        let (store, prefix) = (self.store(), name(M::DEFINITION.machine, ""));
        let (first, mut behind) = match after {
            Some(key) => (self.cell(key)?.shard.0, Some(name(M::DEFINITION.machine, key))),
            None => (0, None),
        };
        let mut letters = Vec::new();
        for shard in (first..store.limits().shards).map(Shard) {
            let room = limit.saturating_sub(letters.len());
            if room == 0 {
                break;
            }
            for cell in store.list(shard, &prefix, behind.take().as_deref(), room).await? {
                letters.push(read(&cell)?);
            }
        }
        Ok(letters)
    }

    /// Has it done again, from its first try on and with the same key, by whoever has its shard: at once or within ten
    /// seconds. It waits for no other effect of its instance, and none waits for it. When it fails for good again it is
    /// a dead letter again.
    ///
    /// # Errors
    /// There is no such dead letter, or the store does not answer; then asking again is safe.
    pub async fn retry(&self, key: &str) -> Result<(), DeadLetterError> {
        let (store, place) = (self.store(), place::<M>(key)?);
        let letter = self.find(key).await?;
        let spot = Spot { revision: Revision(place.revision()), index: place.index() };
        let due = self.0.0.repository.clock.now();
        let parked = Parked { spot, attempts: 0, due, through: spot.revision };
        let name = parked::name_of_one(place.stream(), spot);
        let work = parked::put((letter.key.shard, &name), None, Some(&parked));
        // In this order: killed in between, it is done and still a dead letter.
        store.put(vec![work]).await?;
        store.put(vec![removal(letter)]).await?;
        Ok(())
    }

    /// Puts it away: it will not be done.
    ///
    /// # Errors
    /// There is no such dead letter, or the store does not answer.
    pub async fn discard(&self, key: &str) -> Result<(), DeadLetterError> {
        let letter = self.find(key).await?;
        let removed = self.store().put(vec![removal(letter)]).await?;
        if removed.contains(&None) {
            return Err(DeadLetterError::NotFound { key: key.to_owned() });
        }
        Ok(())
    }

    async fn find(&self, key: &str) -> Result<Cell, DeadLetterError> {
        let cell = self.store().get(&[self.cell(key)?]).await?.pop();
        cell.ok_or_else(|| DeadLetterError::NotFound { key: key.to_owned() })
    }

    fn cell(&self, key: &str) -> Result<CellKey, DeadLetterError> {
        let shard = self.store().shard(place::<M>(key)?.stream());
        Ok(CellKey { shard, name: name(M::DEFINITION.machine, key) })
    }

    fn store(&self) -> &dyn Store {
        &*self.0.0.repository.store
    }
}

fn place<M: Machine>(key: &str) -> Result<EffectCx, DeadLetterError> {
    let machine = M::DEFINITION.machine;
    let place = EffectCx::of_key(key).filter(|place| *place.stream().machine == *machine);
    place.ok_or_else(|| DeadLetterError::NotAKey { key: key.to_owned(), machine })
}

fn name(machine: &str, key: &str) -> Box<str> {
    format!("dead/{machine}/{key}").into()
}

fn removal(cell: Cell) -> Put {
    Put { key: cell.key, version: Some(cell.version), value: None }
}

fn read(cell: &Cell) -> Result<DeadLetter, StoreError> {
    serde_json::from_slice(&cell.value).map_err(|_| {
        let what = format!("the cell `{}` is no dead letter: remove it", cell.key.name);
        StoreError::Corrupt { store: "the shelf".to_owned(), what }
    })
}

impl<M: Machine> fmt::Debug for DeadLetters<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DeadLetters").field(&M::DEFINITION.machine).finish()
    }
}
