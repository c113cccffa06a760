//! What waits in a shard, as it stands on the shelf: written, found when it is due, and gone when it is done.
//!
//! It is read page by page, so memory does not grow with what waits. It knows no handler and no log.

use super::dispatcher::Failure;
use super::parked::{self, Entry, Parked};
use super::pauses;
use crate::clock::Clock;
use crate::host::duty::Tenure;
use crate::store::{CellKey, Put, Revision, Shard, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Cells that are read at once.
const PAGE_MAX: usize = 256;

/// The least and the longest time between two looks.
const LOOK_MIN: Duration = Duration::from_millis(100);
const LOOK_MAX: Duration = Duration::from_secs(10);

pub(super) struct Shelf {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    shard: Shard,
    machine: &'static str,
    /// When to look, and behind which name.
    look_at: Duration,
    behind: Option<Box<str>>,
    /// When the first of what was seen since the beginning is due.
    due_at: Duration,
    /// Whether there may be cells, and whether one was seen since the beginning.
    is_used: bool,
    seen: bool,
}

impl Shelf {
    pub(super) fn new(store: &Arc<dyn Store>, clock: &Arc<dyn Clock>, place: (Shard, &'static str)) -> Self {
        let (store, clock) = (Arc::clone(store), Arc::clone(clock));
        let ((shard, machine), now) = (place, clock.monotonic());
        let (behind, is_used, seen) = (None, true, false);
        Self { store, clock, shard, machine, look_at: now, behind, due_at: now, is_used, seen }
    }

    /// When to look for what is due.
    pub(super) fn look_at(&self) -> Duration {
        self.look_at
    }

    /// Records up to these are to wait, of instances that wait already: says so on the shelf. Their names.
    ///
    /// # Errors
    /// Nothing is said then that was not to be done.
    pub(super) async fn cover(
        &mut self,
        last: &BTreeMap<Box<str>, Revision>,
    ) -> Result<BTreeSet<Box<str>>, Failure> {
        if !self.is_used || last.is_empty() {
            return Ok(BTreeSet::new());
        }
        let keys = last.keys().map(|name| CellKey { shard: self.shard, name: name.clone() });
        let cells = self.store.get(&keys.collect::<Vec<_>>()).await?;
        let (mut covered, mut puts) = (BTreeSet::new(), Vec::new());
        for cell in cells {
            let Entry { name, version, parked, .. } = parked::read(self.machine, &cell)?;
            if let Some(through) = last.get(&name).copied().filter(|last| parked.through < *last) {
                let parked = Parked { through, ..parked };
                puts.push(parked::put((self.shard, &name), Some(version), Some(&parked)));
            }
            covered.insert(name);
        }
        if !puts.is_empty() && self.store.put(puts).await?.contains(&None) {
            return Err(Failure::Moved);
        }
        Ok(covered)
    }

    /// Something waits from now on; its cell was at this version, 0 if there was none. The version it has now; `None`:
    /// somebody else was faster, and what they wrote stands.
    pub(super) async fn park(
        &mut self,
        tenure: &Tenure,
        cell: (&str, u64),
        parked: &Parked,
    ) -> Result<Option<u64>, Failure> {
        let version =
            self.write(tenure, parked::put((self.shard, cell.0), Some(cell.1), Some(parked))).await?;
        (self.is_used, self.seen) = (true, true);
        let wait = Duration::try_from(parked.due.duration_since(self.clock.now())).unwrap_or_default();
        self.due_at = self.due_at.min(self.clock.monotonic().saturating_add(wait));
        self.look_at = self.look_at.min(self.due_at);
        Ok(version)
    }

    /// It waits no more; its cell was at this version. `false`: somebody else was faster, and what they wrote stands.
    pub(super) async fn remove(&mut self, tenure: &Tenure, cell: (&str, u64)) -> Result<bool, Failure> {
        let removed = self.write(tenure, parked::put((self.shard, cell.0), Some(cell.1), None)).await?;
        self.look_at = if removed.is_some() { self.look_at } else { self.clock.monotonic() };
        Ok(removed.is_some())
    }

    /// What has ended is lost when it is not written, so a store that does not answer is waited for.
    async fn write(&mut self, tenure: &Tenure, put: Put) -> Result<Option<u64>, Failure> {
        let mut delays = pauses();
        loop {
            match self.store.put(vec![put.clone()]).await {
                Ok(mut versions) => return Ok(versions.pop().flatten()),
                Err(error) => tracing::warn!(%error, "that effects wait was not written yet"),
            }
            tokio::select! {
                () = tenure.left() => return Err(Failure::Left),
                () = self.clock.sleep(delays.next().unwrap_or_default()) => {}
            }
        }
    }

    /// Looks at a page. What is due and not at work, at most `room`; the next look goes on behind it.
    pub(super) async fn due(
        &mut self,
        is_at_work: impl Fn(&str) -> bool,
        room: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let (now, time) = (self.clock.monotonic(), self.clock.now());
        let (prefix, behind) = (parked::prefix(self.machine), self.behind.clone());
        let cells = self.store.list(self.shard, &prefix, behind.as_deref(), PAGE_MAX).await?;
        if self.behind.is_none() {
            self.due_at = now.saturating_add(LOOK_MAX);
        }
        let mut goes_on = cells.len() == PAGE_MAX;
        let mut due = Vec::new();
        for cell in cells {
            match parked::read(self.machine, &cell) {
                Err(error) => tracing::error!(shard = self.shard.0, %error, "remove it"),
                Ok(entry) if is_at_work(&entry.name) => {}
                Ok(entry) if entry.parked.due > time => {
                    let left = Duration::try_from(entry.parked.due.duration_since(time)).unwrap_or_default();
                    self.due_at = self.due_at.min(now.saturating_add(left));
                }
                Ok(_) if due.len() >= room => {
                    goes_on = true;
                    break;
                }
                Ok(entry) => due.push(entry),
            }
            (self.seen, self.behind) = (true, Some(cell.key.name));
        }
        self.looked(now, goes_on);
        Ok(due)
    }

    fn looked(&mut self, now: Duration, goes_on: bool) {
        self.look_at = now.saturating_add(LOOK_MIN);
        if !goes_on {
            self.behind = None;
            self.look_at = self.look_at.max(self.due_at);
            self.is_used = std::mem::take(&mut self.seen);
        }
    }
}
