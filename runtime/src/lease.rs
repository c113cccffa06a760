//! Ownership of one name in one shard of a store, for as long as it is renewed: a cell that changes.
//!
//! No clock is compared with another host's: a lease is free when its cell did not change for the lease time, as
//! measured by the one who wants it; its holder lets go of it when it could not renew for the lease time, measured from
//! before it asked. What a holder writes is fenced all the same, by the version of a cell or by being idempotent: a
//! lease spares work, it proves nothing.

use crate::store::{Cell, CellKey, Put, Shard, Store, StoreError};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use uuid::Uuid;

/// This process, among all that ever open a store.
static PROCESS: LazyLock<Arc<str>> = LazyLock::new(|| Uuid::new_v4().to_string().into());

/// What stands in the cell.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Held {
    /// Who; empty when it was given back.
    holder: Arc<str>,
    process: Arc<str>,
    epoch: u64,
}

/// Who wants a lease, and what it is worth.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Unique among all who want it.
    pub holder: Arc<str>,
    /// How long it is held without being renewed.
    pub time: Duration,
}

/// One lease, as one who wants it sees it. It is asked in turns: [`look`](Self::look) at the cell, write what it says,
/// tell it what came of that with [`wrote`](Self::wrote); or all in one with [`hold`](Self::hold).
#[derive(Debug)]
pub struct Lease {
    key: CellKey,
    claim: Claim,
    /// Nobody but this process writes to the store: what another one holds is free.
    exclusive: bool,
    /// The cell's version and epoch, and until when, on the monotonic clock.
    held: Option<(u64, u64, Duration)>,
    /// The version that was seen last, and since when.
    watched: Option<(u64, Duration)>,
    /// The epoch that is asked for.
    asked: u64,
}

/// How somebody else stands to the lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Eagerness {
    /// Takes it as soon as it is free.
    First,
    /// Takes it when nobody else did for another lease time.
    Second,
}

impl Lease {
    /// The lease `lease/<name>` in a shard.
    pub fn new(store: &dyn Store, place: (Shard, &str), claim: Claim) -> Self {
        let (shard, name) = place;
        let key = CellKey { shard, name: format!("lease/{name}").into() };
        let exclusive = store.limits().exclusive;
        Self { key, claim, exclusive, held: None, watched: None, asked: 0 }
    }

    /// The cell it stands in.
    pub fn key(&self) -> &CellKey {
        &self.key
    }

    /// Its epoch while it is held: larger than that of everybody who held it before. `now` is monotonic.
    pub fn epoch(&self, now: Duration) -> Option<u64> {
        self.held.filter(|(_, _, until)| now < *until).map(|(_, epoch, _)| epoch)
    }

    /// Until when it is held, on the monotonic clock.
    pub fn until(&self) -> Option<Duration> {
        self.held.map(|(_, _, until)| until)
    }

    /// What to write to take or to renew it; `None`: it is somebody else's for now.
    pub fn look(&mut self, cell: Option<&Cell>, now: Duration, eagerness: Eagerness) -> Option<Put> {
        let version = cell.map_or(0, |cell| cell.version);
        let there = cell.map(read).unwrap_or_default();
        let ours = self.held.filter(|(held, _, until)| *held == version && now < *until);
        if ours.is_none() {
            self.held = None;
            if !self.is_free(&there, (version, now), eagerness) {
                return None;
            }
        }
        self.asked = ours.map_or(there.epoch.saturating_add(1), |(_, epoch, _)| epoch);
        let value =
            Held { holder: Arc::clone(&self.claim.holder), process: Arc::clone(&PROCESS), epoch: self.asked };
        Some(self.put(version, &value))
    }

    fn is_free(&mut self, there: &Held, seen: (u64, Duration), eagerness: Eagerness) -> bool {
        let (version, now) = seen;
        let since = match self.watched {
            Some((watched, since)) if watched == version => since,
            _ => {
                self.watched = Some((version, now));
                now
            }
        };
        // One's own that could not be renewed in time, and that nobody has taken, is free for oneself.
        let gone = self.exclusive && there.process != *PROCESS || there.holder == self.claim.holder;
        let (quiet, time) = (now.saturating_sub(since), self.claim.time);
        let wait = if there.holder.is_empty() || gone { Duration::ZERO } else { time };
        match eagerness {
            Eagerness::First => quiet >= wait,
            Eagerness::Second => quiet >= wait.saturating_add(time),
        }
    }

    /// What came of the write: the cell's new version, or `None` when somebody else was faster. `asked` is the
    /// monotonic time from before the cell was looked at. The epoch, if it is held now.
    pub fn wrote(&mut self, version: Option<u64>, asked: Duration) -> Option<u64> {
        self.held = version.map(|version| (version, self.asked, asked.saturating_add(self.claim.time)));
        self.held.map(|(_, epoch, _)| epoch)
    }

    /// What to write to give it back, if it is held; whoever wants it need not wait then.
    pub fn give_back(&mut self) -> Option<Put> {
        let (version, epoch, _) = self.held.take()?;
        Some(self.put(version, &Held { epoch, ..Held::default() }))
    }

    /// Takes or renews it: its epoch, or `None` while it is somebody else's.
    ///
    /// # Errors
    /// What the store says. A lease that is held stays held until its time is over.
    pub async fn hold(&mut self, store: &dyn Store, now: Duration) -> Result<Option<u64>, StoreError> {
        let cell = store.get(std::slice::from_ref(&self.key)).await?.pop();
        let Some(put) = self.look(cell.as_ref(), now, Eagerness::First) else { return Ok(None) };
        let version = store.put(vec![put]).await?.pop().flatten();
        Ok(self.wrote(version, now))
    }

    /// Gives it back.
    ///
    /// # Errors
    /// What the store says; it is free for others when its time is over.
    pub async fn release(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        match self.give_back() {
            Some(put) => store.put(vec![put]).await.map(|_| ()),
            None => Ok(()),
        }
    }

    fn put(&self, version: u64, value: &Held) -> Put {
        let value = serde_json::to_vec(value).unwrap_or_default();
        Put { key: self.key.clone(), version: Some(version), value: Some(Bytes::from(value)) }
    }
}

/// Who holds a lease, as its cell says: whether the time is over only those know who watch it.
pub(crate) fn holder(cell: &Cell) -> Option<Arc<str>> {
    Some(read(cell).holder).filter(|holder| !holder.is_empty())
}

/// Whether a process that left its mark on a store is this one.
pub(crate) fn is_this_process(mark: &str) -> bool {
    *mark == **PROCESS
}

/// The mark of this process.
pub(crate) fn process() -> Arc<str> {
    Arc::clone(&PROCESS)
}

/// What is no lease was written by nobody: it is free.
fn read(cell: &Cell) -> Held {
    serde_json::from_slice(&cell.value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    const TIME: Duration = Duration::from_secs(10);

    fn lease(store: &MemoryStore, holder: &str) -> Lease {
        Lease::new(store, (Shard(0), "x"), Claim { holder: holder.into(), time: TIME })
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn a_lease_is_anothers_until_it_was_quiet_for_its_time() {
        let store = MemoryStore::new();
        let (mut a, mut b) = (lease(&store, "a"), lease(&store, "b"));
        assert_eq!(a.hold(&store, at(0)).await.expect("memory"), Some(1));
        assert_eq!(b.hold(&store, at(0)).await.expect("memory"), None);
        assert_eq!(a.hold(&store, at(9)).await.expect("memory"), Some(1), "renewed");
        assert_eq!(b.hold(&store, at(12)).await.expect("memory"), None, "it has changed");
        assert_eq!(b.hold(&store, at(21)).await.expect("memory"), None);
        assert_eq!(a.epoch(at(18)), Some(1));
        assert_eq!(a.epoch(at(19)), None, "it has let go before the other may take it");
        assert_eq!(b.hold(&store, at(22)).await.expect("memory"), Some(2));
        assert_eq!(a.hold(&store, at(22)).await.expect("memory"), None, "a paused holder finds it taken");
    }

    #[tokio::test]
    async fn a_lease_that_is_given_back_is_free_and_keeps_its_epoch() {
        let store = MemoryStore::new();
        let (mut a, mut b) = (lease(&store, "a"), lease(&store, "b"));
        a.hold(&store, at(0)).await.expect("memory");
        a.release(&store).await.expect("memory");
        assert_eq!(a.epoch(at(0)), None);
        assert_eq!(b.hold(&store, at(0)).await.expect("memory"), Some(2));
    }

    #[tokio::test]
    async fn the_second_waits_for_the_first() {
        let store = MemoryStore::new();
        let mut second = lease(&store, "b");
        assert!(second.look(None, at(0), Eagerness::Second).is_none());
        assert!(second.look(None, at(9), Eagerness::Second).is_none());
        assert!(second.look(None, at(10), Eagerness::Second).is_some());
    }

    #[tokio::test]
    async fn a_lease_that_was_not_renewed_in_time_has_a_new_epoch() {
        let store = MemoryStore::new();
        let mut lease = lease(&store, "a");
        lease.hold(&store, at(0)).await.expect("memory");
        assert_eq!(lease.hold(&store, at(11)).await.expect("memory"), Some(2));
    }

    #[tokio::test]
    async fn what_another_process_holds_is_free_where_only_one_writes() {
        let store = MemoryStore::new();
        let mut lease = lease(&store, "b");
        let other = br#"{"holder":"a","process":"gone","epoch":7}"#;
        let value = Some(Bytes::from_static(other));
        store.put(vec![Put { key: lease.key().clone(), version: None, value }]).await.expect("memory");
        assert_eq!(lease.hold(&store, at(0)).await.expect("memory"), Some(8));
        lease.exclusive = false;
        lease.held = None;
        let value = Some(Bytes::from_static(other));
        store.put(vec![Put { key: lease.key().clone(), version: None, value }]).await.expect("memory");
        assert_eq!(lease.hold(&store, at(0)).await.expect("memory"), None);
    }
}
