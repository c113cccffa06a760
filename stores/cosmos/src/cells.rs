//! The shelf: an item for each cell, written at its tag.
//!
//! A version never repeats because a cell that is removed leaves its item behind, with the version and without the value.

use crate::error::{CosmosFailure, corrupt};
use crate::flight::{TRIES_MAX, pauses};
use crate::items::CellItem;
use crate::keys::{cell_id, partition, sort_key};
use crate::reads::scope;
use crate::statistics::add;
use crate::store::Core;
use azure_core::http::Etag;
use azure_data_cosmos::Query;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use statewright::store::{Cell, CellKey, Put, Shard, StoreError};
use uuid::Uuid;

/// Cells that one call asks for, or writes, at once.
const AT_ONCE_MAX: usize = 16;
/// Bytes of one cell: with what encoding adds it fits into an item.
pub(crate) const CELL_BYTES_MAX: usize = 1 << 20;

/// What a try to write a cell came to.
enum Tried {
    /// Written, at that version.
    Written(u64),
    /// It is at another version than was asked for, which is told as it is counted, removals included.
    Elsewhere(u64),
    /// Somebody was faster.
    Moved,
    /// It was to become that version, and nobody knows.
    Lost(u64, CosmosFailure),
}

impl Core {
    pub(crate) async fn get(&self, keys: &[CellKey]) -> Result<Vec<Cell>, StoreError> {
        let calls: Vec<_> = keys.iter().map(|key| self.get_one(key)).collect();
        let found: Vec<_> = stream::iter(calls).buffered(AT_ONCE_MAX).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn get_one(&self, key: &CellKey) -> Result<Option<Cell>, StoreError> {
        let found = self.read_cell(key).await.map_err(|failure| failure.of(&self.name, "read a cell"))?;
        let Some((item, _)) = found else { return Ok(None) };
        self.cell(item, key.shard)
    }

    pub(crate) async fn put(&self, puts: Vec<Put>) -> Result<Vec<Option<u64>>, StoreError> {
        let calls: Vec<_> = puts.iter().map(|put| self.put_one(put)).collect();
        stream::iter(calls).buffered(AT_ONCE_MAX).try_collect().await
    }

    async fn put_one(&self, put: &Put) -> Result<Option<u64>, StoreError> {
        let failed = |failure: CosmosFailure| failure.of(&self.name, "write a cell");
        let bytes = put.value.as_ref().map_or(0, Bytes::len);
        if bytes > CELL_BYTES_MAX {
            return Err(failed(CosmosFailure::CellTooLarge { bytes, max: CELL_BYTES_MAX }));
        }
        let stamp = Uuid::new_v4().simple().to_string();
        let (mut pauses, mut doubt) = (pauses(), None);
        loop {
            match self.try_put(put, &stamp).await.map_err(failed)? {
                Tried::Written(version) => return Ok(Some(version)),
                Tried::Elsewhere(now) => match doubt {
                    // It may have been written, and written again by others since.
                    Some((tried, failure)) if now > tried => return Err(failed(failure)),
                    _ => return Ok(None),
                },
                Tried::Moved => {}
                Tried::Lost(version, failure) => {
                    add(&self.client.counts.looks, 1);
                    doubt = Some((version, failure));
                }
            }
            let Some(pause) = pauses.next() else { break };
            tokio::time::sleep(pause).await;
        }
        let contended = CosmosFailure::Contended { tries: TRIES_MAX };
        Err(failed(doubt.map_or(contended, |(_, failure)| failure)))
    }

    /// Reads the cell and writes it at the tag that was read. An item that bears the stamp is an earlier try that landed.
    async fn try_put(&self, put: &Put, stamp: &str) -> Result<Tried, CosmosFailure> {
        let found = self.read_cell(&put.key).await?;
        let (counted, live) = found.as_ref().map_or((0, 0), |(item, _)| (item.version, item.live_version()));
        if found.as_ref().is_some_and(|(item, _)| item.stamp == stamp) {
            return Ok(Tried::Written(counted));
        }
        if put.version.is_some_and(|version| version != live) {
            return Ok(Tried::Elsewhere(counted));
        }
        let item = CellItem::of(put, counted + 1, stamp);
        let written = self.client.write(&item.shard, (&item.id, &item), found.map(|(_, tag)| tag)).await;
        match written {
            Ok(()) => Ok(Tried::Written(item.version)),
            Err(failure) if matches!(failure.status().0, 404 | 409 | 412 | 449) => Ok(Tried::Moved),
            Err(failure) if failure.is_refusal() => Err(failure),
            Err(failure) => Ok(Tried::Lost(item.version, failure)),
        }
    }

    pub(crate) async fn list(
        &self,
        shard: Shard,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Cell>, StoreError> {
        const DOING: &str = "list cells";
        let behind = if after.is_some() { " AND c.cell > @after" } else { "" };
        let text = format!(
            "SELECT TOP {limit} * FROM c WHERE c.cell >= @from AND c.cell < @end{behind} ORDER BY c.cell"
        );
        let from = sort_key(prefix);
        // Above every digit: behind all that begins with the prefix.
        let end = format!("{from}g");
        let query = Query::from(text).with_parameter("@from", from);
        let query = query.and_then(|query| query.with_parameter("@end", end));
        let query = match after {
            Some(after) => query.and_then(|query| query.with_parameter("@after", sort_key(after))),
            None => query,
        };
        let failed = |failure: CosmosFailure| failure.of(&self.name, DOING);
        let query = query.map_err(|error| failed(CosmosFailure::answered(error)))?;
        let items = self.client.query::<CellItem>(scope(shard), query, limit).await.map_err(failed)?;
        items.into_iter().filter_map(|item| self.cell(item, shard).transpose()).collect()
    }

    fn cell(&self, item: CellItem, shard: Shard) -> Result<Option<Cell>, StoreError> {
        item.into_cell(shard).map_err(|what| corrupt(&self.name, what))
    }

    async fn read_cell(&self, key: &CellKey) -> Result<Option<(CellItem, Etag)>, CosmosFailure> {
        self.client.read(&partition(key.shard), &cell_id(&key.name)).await
    }
}
