//! The shelf. A version is a number that is given out once in a store's life, so it never repeats, a cell that is
//! removed leaves nothing behind, and a write whose answer was lost is recognised.
//!
//! Cells are written one by one: no two stand or fall together.

use crate::codec::{behind_prefix, cell_id};
use crate::error::{DUPLICATE, Refusal, code};
use crate::link::{CELLS, Link, VERSIONS};
use crate::options::refused;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Document, doc};
use mongodb::options::ReturnDocument;
use mongodb::{Collection, error::Error};
use serde::{Deserialize, Serialize};
use statewright::store::{Cell, CellKey, Put, Shard, StoreError};
use std::collections::HashMap;

/// Cells of one call that are written at once.
const PUTS_MAX: usize = 16;

/// Cells that one answer holds at the most, whatever the caller asks for.
const PAGE_MAX: usize = 10_000;

/// How often a cell is written that somebody else makes at the same moment.
const UPSERTS_MAX: usize = 5;

#[derive(Serialize, Deserialize)]
struct CellRow {
    #[serde(rename = "_id")]
    id: String,
    version: i64,
    value: Binary,
}

impl CellRow {
    fn cell(self, key: CellKey) -> Cell {
        Cell { key, version: self.version.cast_unsigned(), value: Bytes::from(self.value.bytes) }
    }
}

fn binary(value: &Bytes) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: value.to_vec() }
}

/// A version as MongoDB has it; one that is too large is no cell's.
fn number(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(-1)
}

impl Link {
    fn cells(&self) -> Collection<CellRow> {
        self.database.collection(CELLS)
    }

    pub(crate) async fn get_cells(&self, keys: &[CellKey]) -> Result<Vec<Cell>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = keys.iter().map(|key| cell_id(key.shard, &key.name)).collect();
        let cells = self.cells();
        let read = async {
            let found = cells.find(doc! { "_id": { "$in": &ids } }).max_time(self.timeout).await?;
            found.try_collect::<Vec<CellRow>>().await
        };
        let found = self.call("read cells", Box::pin(read)).await?;
        let mut found: HashMap<_, _> = found.into_iter().map(|row| (row.id.clone(), row)).collect();
        Ok(keys.iter().zip(&ids).filter_map(|(key, id)| Some(found.remove(id)?.cell(key.clone()))).collect())
    }

    pub(crate) async fn list_cells(
        &self,
        (shard, prefix): (Shard, &str),
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Cell>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let low = cell_id(shard, prefix);
        let mut ids = doc! { "$gte": &low };
        if let Some(end) = behind_prefix(&low) {
            ids.insert("$lt", end);
        }
        if let Some(after) = after {
            ids.insert("$gt", cell_id(shard, after));
        }
        let limit = i64::try_from(limit.min(PAGE_MAX)).unwrap_or(i64::MAX);
        let cells = self.cells();
        let read = async {
            let find = cells.find(doc! { "_id": ids }).sort(doc! { "_id": 1 }).limit(limit);
            find.max_time(self.timeout).await?.try_collect::<Vec<CellRow>>().await
        };
        let found = self.call("list cells", Box::pin(read)).await?;
        let before = cell_id(shard, "").len();
        let cell = |row: CellRow| {
            let name = row.id.get(before..).unwrap_or_default().into();
            row.cell(CellKey { shard, name })
        };
        Ok(found.into_iter().map(cell).collect())
    }

    pub(crate) async fn put_cells(
        &self,
        puts: Vec<Put>,
        bytes_max: usize,
    ) -> Result<Vec<Option<u64>>, StoreError> {
        let sizes = puts.iter().filter_map(|put| put.value.as_ref()).map(Bytes::len);
        if let Some(bytes) = sizes.max().filter(|bytes| *bytes > bytes_max) {
            return Err(refused(
                self.name.clone(),
                "write a cell",
                Refusal::CellBytes { bytes, max: bytes_max },
            ));
        }
        if puts.is_empty() {
            return Ok(Vec::new());
        }
        let first = self.take_versions(puts.len()).await?;
        let writes = stream::iter((first..).zip(puts)).map(|(version, put)| self.put_cell(put, version));
        writes.buffered(PUTS_MAX).try_collect().await
    }

    /// Numbers that nobody else has or will have: the first of `count`.
    async fn take_versions(&self, count: usize) -> Result<i64, StoreError> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let meta = self.meta();
        let take = meta
            .find_one_and_update(doc! { "_id": VERSIONS }, doc! { "$inc": { "version": count } })
            .return_document(ReturnDocument::After);
        let taken = self.call("take versions for cells", take).await?;
        let last = taken.and_then(|taken: Document| taken.get_i64("version").ok());
        let last = last.ok_or_else(|| self.corrupt("it has no counter of cells' versions"))?;
        Ok(last - count + 1)
    }

    async fn put_cell(&self, put: Put, version: i64) -> Result<Option<u64>, StoreError> {
        let id = cell_id(put.key.shard, &put.key.name);
        let write = async {
            match (put.version, put.value) {
                (Some(0), Some(value)) => self.make(id, version, &value).await,
                (Some(0), None) => self.is_absent(id).await,
                (Some(at), Some(value)) => {
                    self.overwrite(doc! { "_id": id, "version": number(at) }, version, &value).await
                }
                (Some(at), None) => self.remove(doc! { "_id": id, "version": number(at) }).await,
                (None, Some(value)) => self.upsert(id, version, &value).await,
                (None, None) => self.remove(doc! { "_id": id }).await.map(|_| true),
            }
        };
        let written = self.call("write a cell", Box::pin(write)).await?;
        Ok(written.then_some(version.cast_unsigned()))
    }

    async fn make(&self, id: String, version: i64, value: &Bytes) -> Result<bool, Error> {
        let row = CellRow { id, version, value: binary(value) };
        match self.cells().insert_one(row).await {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == Some(DUPLICATE) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn is_absent(&self, id: String) -> Result<bool, Error> {
        Ok(self.cells().find_one(doc! { "_id": id }).await?.is_none())
    }

    async fn overwrite(&self, filter: Document, version: i64, value: &Bytes) -> Result<bool, Error> {
        let set = doc! { "$set": { "version": version, "value": binary(value) } };
        Ok(self.cells().update_one(filter, set).await?.matched_count == 1)
    }

    async fn remove(&self, filter: Document) -> Result<bool, Error> {
        Ok(self.cells().delete_one(filter).await?.deleted_count == 1)
    }

    async fn upsert(&self, id: String, version: i64, value: &Bytes) -> Result<bool, Error> {
        let set = doc! { "$set": { "version": version, "value": binary(value) } };
        let cells = self.cells();
        let mut tried = 0;
        loop {
            tried += 1;
            match cells.update_one(doc! { "_id": &id }, set.clone()).upsert(true).await {
                Ok(_) => return Ok(true),
                Err(error) if tried < UPSERTS_MAX && code(&error) == Some(DUPLICATE) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
