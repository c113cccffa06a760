//! History snapshots: cells that are kept for good, so that the past need not be folded from its beginning. A cache as
//! every snapshot: one that does not fit is passed over.

use super::snapshot::{Snapshot, shape};
use super::{Loaded, Repository};
use crate::machine::Machine;
use crate::store::{Cell, CellKey, Payload, Put, Revision, StoreError, StreamId};
use std::collections::VecDeque;

/// Snapshots that are listed, and tried, at once.
const LISTED_MAX: usize = 16;

/// Snapshots that do not fit until none is looked for any more.
const MISFITS_MAX: usize = 16;

impl<M: Machine> Repository<M> {
    /// The cell that keeps an instance as it is, with its data as written.
    pub(crate) fn kept_put(&self, stream: &StreamId, (loaded, data): (&Loaded<M>, Payload)) -> Option<Put> {
        let name = name_in(&shape_prefix::<M>(stream), loaded.revision().0);
        // Nobody fires at the past.
        let value = Snapshot::of((loaded, data), false).encode(self)?;
        Some(Put {
            key: CellKey { shard: self.store.shard(stream), name },
            version: None,
            value: Some(value),
        })
    }

    /// The nearest snapshot that fits and is not behind a revision. Distances double: what is found is at most twice as
    /// far away as the nearest, whatever the distances at which they were taken.
    pub(crate) async fn nearest_kept(
        &self,
        stream: &StreamId,
        revision: Revision,
    ) -> Result<Option<Loaded<M>>, StoreError> {
        let (mut high, mut reach, mut misfits) = (revision.0, LISTED_MAX as u64, 0);
        while high > 0 && misfits < MISFITS_MAX {
            let low = revision.0.saturating_sub(reach);
            let mut found = self.kept_between(stream, low, high).await?;
            while let Some(cell) = found.pop_back() {
                let snapshot = serde_json::from_slice::<Snapshot>(&cell.value).ok();
                let fits = snapshot.filter(|snapshot| snapshot.revision.0 <= high);
                let mut seals =
                    self.seals_of_data(stream, fits.iter().map(|snapshot| &snapshot.data)).await?;
                match seals.enter(|| fits.and_then(|snapshot| snapshot.restore(self, stream))) {
                    Some(loaded) => return Ok(Some(loaded)),
                    None => misfits += 1,
                }
            }
            (high, reach) = (low, reach.saturating_mul(2));
        }
        Ok(None)
    }

    /// The last snapshots behind `low` up to `high`.
    async fn kept_between(
        &self,
        stream: &StreamId,
        low: u64,
        high: u64,
    ) -> Result<VecDeque<Cell>, StoreError> {
        let (shard, prefix) = (self.store.shard(stream), shape_prefix::<M>(stream));
        let (mut after, end) = (name_in(&prefix, low), name_in(&prefix, high));
        let mut last = VecDeque::new();
        loop {
            let cells = self.store.list(shard, &prefix, Some(&after), LISTED_MAX).await?;
            let full = cells.len() == LISTED_MAX;
            let count = last.len();
            last.extend(cells.into_iter().take_while(|cell| cell.key.name <= end));
            let grown = last.len() - count;
            last.drain(..last.len().saturating_sub(LISTED_MAX));
            match last.back() {
                Some(cell) if full && grown == LISTED_MAX => after.clone_from(&cell.key.name),
                _ => return Ok(last),
            }
        }
    }

    /// Removes every history snapshot of an instance, of whatever version of the machine.
    pub(crate) async fn discard_kept(&self, stream: &StreamId) -> Result<u64, StoreError> {
        let (shard, prefix) = (self.store.shard(stream), address_prefix(stream));
        let mut count = 0;
        loop {
            let cells = self.store.list(shard, &prefix, None, LISTED_MAX).await?;
            if cells.is_empty() {
                return Ok(count);
            }
            count += cells.len() as u64;
            let removed = cells.into_iter().map(|cell| Put { key: cell.key, version: None, value: None });
            self.store.put(removed.collect()).await?;
        }
    }
}

/// Snapshots of another shape lie apart: they are never in the way of those that fit.
fn shape_prefix<M: Machine>(stream: &StreamId) -> String {
    format!("{}{:016x}/", address_prefix(stream), shape::<M>())
}

/// As many digits for each, so that they are in order.
fn name_in(prefix: &str, revision: u64) -> Box<str> {
    format!("{prefix}{revision:020}").into()
}

/// Under which an instance's history snapshots stand. Lengths keep apart what separators in hostile ids would mix up, and
/// no address is the beginning of another.
pub(crate) fn address_prefix(stream: &StreamId) -> String {
    let StreamId { tenant, machine, instance } = stream;
    let lengths = [tenant, machine, instance].map(|part| part.len());
    let [tenants, machines, instances] = lengths;
    format!("history/{tenants}/{machines}/{instances}/{tenant}{machine}{instance}/")
}
