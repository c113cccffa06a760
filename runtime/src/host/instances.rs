//! What an operator asks about instances: which there are, page by page; and what may be done to the copy of one that is kept
//! in memory.
//!
//! It changes nothing that is recorded.

use super::cache::Eviction;
use super::{Handle, Operator, snapshots};
use crate::error::FireError;
use crate::history::{HistoryError, Standing};
use crate::machine::Machine;
use crate::personal::{self, KeysError};
use crate::repository::{Snapshot, data_now};
use crate::store::{Revision, Shard, Store, StoreError, StreamId};
use jiff::Timestamp;
use std::sync::Arc;

/// Instances of a page.
const PAGE_MAX: usize = 1_000;

/// Addresses that are looked at for a page; then it ends, however short it is.
const LOOKED_AT_MAX: usize = 10_000;

/// Addresses that are asked for at once.
const READ_MAX: usize = 500;

/// Which instances.
#[derive(Clone, Debug, Default)]
#[must_use = "a filter does nothing by itself"]
pub struct InstanceFilter<S> {
    tenant: Option<Arc<str>>,
    prefix: Arc<str>,
    state: Option<S>,
    cached: bool,
}

impl<S> InstanceFilter<S> {
    /// All of them.
    pub fn all() -> Self {
        Self { tenant: None, prefix: "".into(), state: None, cached: false }
    }

    /// Those of one tenant; the empty one is that of instances without a tenant.
    pub fn tenant(mut self, tenant: &str) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Those whose id begins so.
    pub fn prefix(mut self, beginning: &str) -> Self {
        self.prefix = beginning.into();
        self
    }

    /// Those that stand in this state. The last record of each is read for it. One whose state cannot be read is left out.
    pub fn state(mut self, state: S) -> Self {
        self.state = Some(state);
        self
    }

    /// Those that are kept in memory.
    pub fn cached(mut self) -> Self {
        self.cached = true;
        self
    }

    fn is_behind(&self, stream: &StreamId, machine: &str) -> bool {
        let Some(tenant) = &self.tenant else { return false };
        let there = (&*stream.tenant, &*stream.machine);
        there > (&**tenant, machine)
            || there == (&**tenant, machine)
                && *stream.instance > *self.prefix
                && !stream.instance.starts_with(&*self.prefix)
    }

    fn holds(&self, stream: &StreamId, machine: &str) -> bool {
        *stream.machine == *machine
            && self.tenant.as_ref().is_none_or(|tenant| *tenant == stream.tenant)
            && stream.instance.starts_with(&*self.prefix)
    }

    /// An address before all of them, if that can be said: what shares all but the last character of the prefix comes
    /// behind it.
    fn before(&self, machine: &str) -> Option<StreamId> {
        let tenant = self.tenant.as_ref()?;
        let mut beginning = self.prefix.chars();
        beginning.next_back();
        Some(StreamId::new(tenant, machine, beginning.as_str()))
    }
}

/// An instance of a page.
#[derive(Debug)]
#[non_exhaustive]
pub struct Found<S> {
    /// Its address.
    pub stream: StreamId,
    /// Where it stands, by its last record.
    pub standing: Result<Standing<S>, HistoryError>,
    /// Whether it is kept in memory.
    pub cached: bool,
}

/// A page of instances.
#[derive(Debug)]
#[non_exhaustive]
pub struct Instances<S> {
    /// By shard, and there by address.
    pub found: Vec<Found<S>>,
    /// What to ask for the next page behind; `None`: that was all. A page may be short, or empty, and not the last.
    pub next: Option<StreamId>,
}

/// A page under way.
struct Search<'a, M: Machine> {
    operator: &'a Operator<M>,
    filter: &'a InstanceFilter<M::State>,
    found: Vec<Found<M::State>>,
    limit: usize,
    looked_at: usize,
    last: Option<StreamId>,
}

impl<M: Machine> Operator<M> {
    /// The instances that a filter holds, at most `limit` and 1,000, behind the one where the last page ended. A page looks
    /// at 10,000 addresses at most.
    ///
    /// # Errors
    /// What the store says.
    pub async fn instances(
        &self,
        filter: &InstanceFilter<M::State>,
        after: Option<&StreamId>,
        limit: usize,
    ) -> Result<Instances<M::State>, StoreError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let mut search =
            Search { operator: self, filter, found: Vec::new(), limit, looked_at: 0, last: after.cloned() };
        let store = self.host().0.repository.store();
        let begin = after.map_or(0, |after| store.shard(after).0);
        for shard in begin..store.limits().shards {
            let resumed = after.filter(|_| shard == begin).cloned();
            if !search.shard(Shard(shard), resumed).await? {
                return Ok(Instances { found: search.found, next: search.last });
            }
        }
        Ok(Instances { found: search.found, next: None })
    }

    /// See [`Handle::evict`]. The tenant is empty for an instance without one.
    pub fn evict(&self, tenant: &str, instance: &str) -> Eviction {
        self.host().handle(tenant, instance).evict()
    }

    /// See [`Handle::snapshot_now`]. The tenant is empty for an instance without one.
    ///
    /// # Errors
    /// As there.
    pub async fn snapshot_now(&self, tenant: &str, instance: &str) -> Result<Revision, SnapshotError> {
        self.host().handle(tenant, instance).snapshot_now().await
    }
}

impl<M: Machine> Search<'_, M> {
    /// `false`: the page is full.
    async fn shard(&mut self, shard: Shard, resumed: Option<StreamId>) -> Result<bool, StoreError> {
        let store = Arc::clone(&self.operator.host().0.repository.store);
        let machine = M::DEFINITION.machine;
        let mut after = resumed.max(self.filter.before(machine));
        loop {
            let page = store.streams(shard, after.as_ref(), READ_MAX).await?;
            let Some(last) = page.last().cloned() else { return Ok(true) };
            for stream in page {
                if self.filter.is_behind(&stream, machine) {
                    return Ok(true);
                }
                if self.found.len() >= self.limit || self.looked_at >= LOOKED_AT_MAX {
                    return Ok(false);
                }
                self.looked_at += 1;
                self.last = Some(stream.clone());
                if self.filter.holds(&stream, machine) {
                    self.look_at(stream).await?;
                }
            }
            after = Some(last);
        }
    }

    async fn look_at(&mut self, stream: StreamId) -> Result<(), StoreError> {
        let host = self.operator.host();
        let cached = host.0.cache.holds(&stream);
        if self.filter.cached && !cached {
            return Ok(());
        }
        let standing = host.0.repository.history(&stream).state_at(Timestamp::MAX).await;
        let wanted = match (&standing, self.filter.state) {
            (_, None) => true,
            (Ok(Standing::In(state)), Some(wanted)) => *state == wanted,
            _ => false,
        };
        if wanted {
            self.found.push(Found { stream, standing, cached });
        }
        Ok(())
    }
}

/// A snapshot that was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The instance cannot be looked at.
    #[error(transparent)]
    Fire(#[from] FireError),
    /// Its data cannot be written as JSON, or is larger than the store's cells.
    #[error(
        "no snapshot of `{stream}` can be made: its data is no JSON, or more than the {max} bytes of a cell"
    )]
    NotMade {
        /// Which instance.
        stream: StreamId,
        /// The store's limit.
        max: usize,
    },
    /// The store does not take it.
    #[error("the snapshot of `{stream}` was not written")]
    Store {
        /// Which instance.
        stream: StreamId,
        /// What the store says.
        #[source]
        source: StoreError,
    },
}

impl<M: Machine> Handle<M> {
    /// Lets go of the copy in memory, if there is one and nobody works on it: the next request reads the records again.
    pub fn evict(&self) -> Eviction {
        self.host().0.cache.evict(self.stream())
    }

    /// Writes a snapshot, taken in the instance's turn, so that the next load begins there, and says at which revision; 0: there is
    /// nothing to hold.
    ///
    /// # Errors
    /// The instance cannot be looked at, no snapshot can be made of it, or the store does not take it.
    pub async fn snapshot_now(&self) -> Result<Revision, SnapshotError> {
        let (repository, stream) = (self.host().0.repository.clone(), self.stream());
        let failed = |source| SnapshotError::Store { stream: stream.clone(), source };
        let max = repository.store.limits().cell_bytes_max;
        let not_made = || SnapshotError::NotMade { stream: stream.clone(), max };
        let mut seals = repository.seals_of_data(stream, []).await.map_err(failed)?;
        let (revision, snapshot) = loop {
            let made = self.look({
                let (repository, stream) = (repository.clone(), stream.clone());
                move |loaded| {
                    let data = seals.enter(|| data_now::<M>(&stream, loaded.instance.data()));
                    let snapshot = data.map(|data| Snapshot::of((loaded, data), true));
                    let snapshot = snapshot.and_then(|snapshot| snapshot.encode(&repository));
                    (loaded.revision(), snapshot, seals)
                }
            });
            let (revision, snapshot, used) = made.await?;
            if !used.lacks_keys() {
                break (revision, snapshot);
            }
            seals = used;
            personal::provide(&mut seals).await.map_err(|error| match error {
                KeysError::Store(source) => failed(source),
                KeysError::Personal(_) => not_made(),
            })?;
        };
        if revision == Revision(0) {
            return Ok(revision);
        }
        let Some(snapshot) = snapshot else { return Err(not_made()) };
        if let Some(put) = repository.older_snapshot(stream, snapshot).await.map_err(failed)? {
            snapshots::write_one(&repository, stream, put).await.map_err(failed)?;
        }
        Ok(revision)
    }
}
