//! Keys of subjects: cells, wrapped by the caller's master key, one for each tenant and subject. A destroyed key leaves a
//! mark in its place.
//!
//! What is sealed with them is not known here.

use super::cipher::{KeyId, Secret};
use super::error::{KeysError, PersonalError};
use super::ring::{KeyRing, Wrapped};
use super::scope::Seals;
use crate::clock::Clock;
use crate::store::{Cell, CellKey, Put, Shard, Store, StoreError, StreamId};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use lru::LruCache;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OnceCell;

/// Until all hosts have seen that a subject was forgotten on another one: a host looks that often, when it has something
/// to do.
pub const FORGOTTEN_SEEN_MAX: SignedDuration = SignedDuration::from_secs(10);

/// Keys in the clear, in memory.
const KEYS_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("more than nothing");

/// Cells that are read or written at once.
const PAGE_MAX: usize = 256;

/// How often a cell is written that other hosts write too.
const TRIES_MAX: u32 = 8;

/// In a cell of its own, made with the first key: it names the keys of subjects.
pub(crate) const SECRET: &str = "personal/secret";

/// A cell that changes whenever a subject is forgotten.
const FORGOTTEN: &str = "personal/forgotten";

pub(crate) const PREFIX: &str = "personal/key/";

/// Cells of the store's own, in its first shard.
pub(crate) const OWN_CELLS: [&str; 2] = [SECRET, FORGOTTEN];

/// The key of a subject, as far as there is one.
#[derive(Clone)]
pub(super) enum Held {
    Key(Secret),
    Forgotten,
    /// The cell does not hold what it should.
    Broken(PersonalError),
}

/// What the cell of a subject holds.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Content {
    Wrapped(Wrapped),
    Forgotten { forgotten: Timestamp },
}

pub(crate) struct Keys {
    ring: KeyRing,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    secret: OnceCell<Secret>,
    cache: Mutex<LruCache<KeyId, Held>>,
    seen: Mutex<Option<Seen>>,
    epoch: AtomicU64,
}

/// What was seen last of [`FORGOTTEN`].
#[derive(Clone, Copy)]
struct Seen {
    at: Timestamp,
    version: u64,
}

impl Keys {
    pub(crate) fn new(ring: KeyRing, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            ring,
            store,
            clock,
            secret: OnceCell::new(),
            cache: Mutex::new(LruCache::new(KEYS_MAX)),
            seen: Mutex::new(None),
            epoch: AtomicU64::new(0),
        }
    }

    /// Grows whenever a subject may have been forgotten: what was opened before is to be read again.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Looks whether subjects were forgotten elsewhere, if it has not done so for a while.
    pub(crate) async fn refresh(&self) -> Result<(), KeysError> {
        self.secret.get_or_try_init(|| self.read_secret()).await?;
        let now = self.clock.now();
        let seen = *self.seen();
        if seen.is_some_and(|seen| now.duration_since(seen.at) < FORGOTTEN_SEEN_MAX && now >= seen.at) {
            return Ok(());
        }
        let cells = self.store.get(&[own_cell(FORGOTTEN)]).await?;
        let version = cells.first().map_or(0, |cell| cell.version);
        if seen.is_none_or(|seen| seen.version != version) {
            let mut cache = self.cache();
            cache.clear();
            self.epoch.fetch_add(1, Ordering::SeqCst);
        }
        *self.seen() = Some(Seen { at: now, version });
        Ok(())
    }

    /// The keys with these ids, at hand.
    pub(super) async fn fetch(&self, seals: &mut Seals, wanted: Wanted) -> Result<(), StoreError> {
        let epoch = self.epoch();
        let mut missing = Vec::new();
        for (tenant, key) in wanted {
            match self.cached(key) {
                Some(held) => seals.hold(key, held),
                None => missing.push((self.cell(&tenant, key), key)),
            }
        }
        for page in missing.chunks(PAGE_MAX) {
            let names: Vec<_> = page.iter().map(|(cell, _)| cell.clone()).collect();
            let cells = self.store.get(&names).await?;
            let found: BTreeMap<_, _> = cells.into_iter().map(|cell| (cell.key.clone(), cell)).collect();
            for (name, key) in page {
                if let Some(cell) = found.get(name) {
                    let held = self.read(cell);
                    self.keep(*key, &held, epoch);
                    seals.hold(*key, held);
                }
            }
        }
        Ok(())
    }

    /// The same, and those that are not there are made.
    pub(super) async fn provide(&self, seals: &mut Seals) -> Result<(), KeysError> {
        for (tenant, key) in seals.take_wanted() {
            let (epoch, cell) = (self.epoch(), self.cell(&tenant, key));
            let held = match self.find_or_make(&cell).await {
                Ok(held) => held,
                Err(KeysError::Personal(error)) => Held::Broken(error),
                Err(error) => return Err(error),
            };
            self.keep(key, &held, epoch);
            seals.hold(key, held);
        }
        Ok(())
    }

    /// Two hosts make it: one wins, and both go on with the winner's.
    async fn find_or_make(&self, cell: &CellKey) -> Result<Held, KeysError> {
        for _ in 0..TRIES_MAX {
            if let Some(found) = self.store.get(std::slice::from_ref(cell)).await?.pop() {
                return Ok(self.read(&found));
            }
            let key = Secret::random()?;
            let content = Content::Wrapped(self.ring.wrap(&cell.name, &key)?);
            if self.put(cell, Some(0), &content).await? {
                return Ok(Held::Key(key));
            }
        }
        Err(contended(cell).into())
    }

    async fn read_secret(&self) -> Result<Secret, KeysError> {
        match self.find_or_make(&own_cell(SECRET)).await? {
            Held::Key(secret) => Ok(secret),
            Held::Broken(error) => Err(error.into()),
            Held::Forgotten => Err(PersonalError::NoKey { cell: SECRET.to_owned() }.into()),
        }
    }

    /// Destroys a subject's key. What was sealed with it opens nowhere any more, once this has answered; hosts that have
    /// it in memory let it go within [`FORGOTTEN_SEEN_MAX`].
    pub(crate) async fn forget(&self, tenant: &str, subject: &str) -> Result<(), KeysError> {
        self.refresh().await?;
        let cell = self.cell(tenant, self.id(tenant, subject)?);
        let content = Content::Forgotten { forgotten: self.clock.now() };
        self.put(&cell, None, &content).await?;
        // Behind the mark: who sees this change finds the mark.
        self.put(&own_cell(FORGOTTEN), None, &content).await?;
        *self.seen() = None;
        self.refresh().await
    }

    /// Wraps with the newest master key what an older one has wrapped. How many keys there were.
    pub(crate) async fn rewrap(&self) -> Result<u64, KeysError> {
        self.refresh().await?;
        let mut count = 0;
        let secrets = self.store.get(&[own_cell(SECRET)]).await?;
        for cell in secrets {
            count += u64::from(self.rewrap_cell(&cell).await?);
        }
        for shard in (0..self.store.limits().shards).map(Shard) {
            let mut after: Option<Box<str>> = None;
            loop {
                let cells = self.store.list(shard, PREFIX, after.as_deref(), PAGE_MAX).await?;
                let Some(last) = cells.last() else { break };
                after = Some(last.key.name.clone());
                for cell in &cells {
                    count += u64::from(self.rewrap_cell(cell).await?);
                }
            }
        }
        Ok(count)
    }

    /// A cell that changes meanwhile was wrapped or destroyed by another host.
    async fn rewrap_cell(&self, cell: &Cell) -> Result<bool, KeysError> {
        let name = &cell.key.name;
        match serde_json::from_slice(&cell.value) {
            Ok(Content::Wrapped(wrapped)) if !self.ring.is_newest(&wrapped) => {
                let key = self.ring.unwrap(name, &wrapped)?;
                let content = Content::Wrapped(self.ring.wrap(name, &key)?);
                self.put(&cell.key, Some(cell.version), &content).await
            }
            Ok(_) => Ok(false),
            Err(_) => Err(PersonalError::NoKey { cell: name.to_string() }.into()),
        }
    }

    fn read(&self, cell: &Cell) -> Held {
        let name = &cell.key.name;
        match serde_json::from_slice(&cell.value) {
            Ok(Content::Forgotten { .. }) => Held::Forgotten,
            Ok(Content::Wrapped(wrapped)) => {
                self.ring.unwrap(name, &wrapped).map_or_else(Held::Broken, Held::Key)
            }
            Err(_) => Held::Broken(PersonalError::NoKey { cell: name.to_string() }),
        }
    }

    async fn put(&self, cell: &CellKey, version: Option<u64>, content: &Content) -> Result<bool, KeysError> {
        // What it holds is made of texts and a time.
        let value = serde_json::to_vec(content).map_err(|_| PersonalError::Misfit)?;
        let put = Put { key: cell.clone(), version, value: Some(Bytes::from(value)) };
        let versions = self.store.put(vec![put]).await?;
        Ok(versions.first().is_some_and(Option::is_some))
    }

    pub(super) fn id(&self, tenant: &str, subject: &str) -> Result<KeyId, PersonalError> {
        let secret = self.secret.get().ok_or(PersonalError::NoMasterKey)?;
        Ok(secret.name(&[tenant, subject]))
    }

    pub(super) fn cell(&self, tenant: &str, key: KeyId) -> CellKey {
        let name = format!("{}{key}", tenant_prefix(tenant));
        let shard = self.store.shard(&StreamId::new(tenant, PREFIX, &key.to_string()));
        CellKey { shard, name: name.into() }
    }

    pub(super) fn cached(&self, key: KeyId) -> Option<Held> {
        self.cache().get(&key).cloned()
    }

    /// What was read before a subject was forgotten is not kept.
    fn keep(&self, key: KeyId, held: &Held, epoch: u64) {
        let mut cache = self.cache();
        if self.epoch() == epoch && !matches!(held, Held::Broken(_)) {
            cache.put(key, held.clone());
        }
    }

    fn cache(&self) -> MutexGuard<'_, LruCache<KeyId, Held>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keys to be fetched.
pub(crate) type Wanted = std::collections::BTreeSet<super::scope::Want>;

/// Where the keys of a tenant's subjects stand, in each shard. The length keeps apart what separators in hostile ids would
/// mix up.
pub(crate) fn tenant_prefix(tenant: &str) -> String {
    format!("{PREFIX}{}/{tenant}/", tenant.len())
}

fn own_cell(name: &str) -> CellKey {
    CellKey { shard: Shard(0), name: name.into() }
}

fn contended(cell: &CellKey) -> PersonalError {
    PersonalError::Contended { cell: cell.name.to_string(), tries: TRIES_MAX }
}
