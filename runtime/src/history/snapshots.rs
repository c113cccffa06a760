//! History snapshots: what [`History::data_at`] begins with instead of the first record.

use super::{History, HistoryError};
use crate::event::UpcastContext;
use crate::machine::Machine;
use crate::repository::Loaded;
use crate::store::query::PAGE_MAX;
use crate::store::{Kind, Put, Revision, StreamId};
use std::num::NonZeroU64;

/// Snapshots that are written at once.
const WRITES_MAX: usize = 64;

impl<M: Machine> History<M> {
    /// Writes a snapshot behind every `every` records, and keeps it for good: [`data_at`](Self::data_at) then reads at most
    /// twice as many records. It reads every record once; each snapshot is a cell with the data of that moment. How many
    /// were written: one that is larger than the store's cells is left out. The host's `history_every` writes them as
    /// records come.
    ///
    /// # Errors
    /// The store does not deliver or does not take them, or a record cannot be read. Those before it are written.
    pub async fn checkpoint(&self, every: NonZeroU64) -> Result<u64, HistoryError> {
        let repository = &self.repository;
        let (mut loaded, mut puts, mut written) = (repository.fresh(&self.stream), Vec::new(), 0);
        let StreamId { tenant, machine, instance } = &self.stream;
        let mut place = UpcastContext::new(tenant, machine, instance);
        loop {
            let read = repository.store.read(&self.stream, loaded.revision(), PAGE_MAX).await;
            let (records, _) = read.map_err(|source| self.unread(source))?;
            let living = records.iter().take_while(|record| record.step.kind != Kind::Deleted);
            let mut count = 0;
            let mut seals = repository.seals_of(&self.stream, &records).await?;
            for record in living {
                place = place.at(record.revision.0, record.step.at);
                seals.enter(|| loaded.apply(record, &mut place))?;
                count += 1;
                if record.revision.0 % every == 0 {
                    let data = repository.written_data(&self.stream, loaded.instance.data()).await;
                    puts.extend(data.and_then(|data| repository.kept_put(&self.stream, (&loaded, data))));
                }
                if puts.len() >= WRITES_MAX {
                    written += self.write(&mut puts).await?;
                }
            }
            if records.is_empty() || count < records.len() {
                return Ok(written + self.write(&mut puts).await?);
            }
        }
    }

    /// Removes every history snapshot of the instance. Whoever erases its records does this as well: a snapshot holds data.
    /// How many there were.
    ///
    /// # Errors
    /// The store does not deliver or does not take it; asking again goes on.
    pub async fn discard_snapshots(&self) -> Result<u64, HistoryError> {
        self.repository.discard_kept(&self.stream).await.map_err(|source| self.unread(source))
    }

    /// The instance as of the nearest snapshot that is not behind a revision, or as it was before its first record.
    pub(super) async fn nearest(&self, revision: Revision) -> Result<Loaded<M>, HistoryError> {
        let found = self.repository.nearest_kept(&self.stream, revision).await;
        Ok(found
            .map_err(|source| self.unread(source))?
            .unwrap_or_else(|| self.repository.fresh(&self.stream)))
    }

    async fn write(&self, puts: &mut Vec<Put>) -> Result<u64, HistoryError> {
        let count = puts.len() as u64;
        let written = self.repository.store.put(std::mem::take(puts)).await;
        written.map_err(|source| self.unread(source))?;
        Ok(count)
    }
}
