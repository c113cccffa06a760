//! Cells: small values, each written by compare and set.
//!
//! Versions come from one sequence, so none of them repeats, also when a cell was removed and its row is gone.

use crate::connections::{Connections, Params};
use crate::error::{Name, PostgresError};
use crate::rows::number;
use crate::schema::KEY_BYTES_MAX;
use crate::statements::{Statement, Statements};
use crate::text::{behind, meant, written};
use bytes::Bytes;
use statewright::store::{Cell, CellKey, Put, Shard, StoreError};
use std::borrow::Cow;
use std::collections::BTreeMap;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// Most bytes of one cell.
pub(crate) const CELL_BYTES_MAX: usize = 16 << 20;

/// Most cells of one transaction.
const PUTS_MAX: usize = 256;

/// Most bytes of one transaction, unless a single cell has more.
const PUT_BYTES_MAX: usize = 16 << 20;

pub(crate) async fn get(connections: &Connections, keys: &[CellKey]) -> Result<Vec<Cell>, StoreError> {
    let mut shards: BTreeMap<Shard, Vec<Cow<'_, str>>> = BTreeMap::new();
    for key in keys {
        shards.entry(key.shard).or_default().push(written(&key.name));
    }
    let mut found = BTreeMap::new();
    for (shard, names) in shards {
        let rows =
            connections.read("read cells", &connections.statements.get, &[&number(shard), &names]).await?;
        for row in &rows {
            let cell = cell(connections, shard, row)?;
            found.insert(cell.key.clone(), cell);
        }
    }
    Ok(keys.iter().filter_map(|key| found.get(key).cloned()).collect())
}

pub(crate) async fn list(
    connections: &Connections,
    shard: Shard,
    prefix: &str,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Cell>, StoreError> {
    let (prefix, after) = (written(prefix), written(after.unwrap_or_default()));
    let end = behind(&prefix, KEY_BYTES_MAX);
    let params: &Params<'_> = &[&number(shard), &prefix, &after, &end, &limit];
    let rows = connections.read("list cells", &connections.statements.list, params).await?;
    rows.iter().map(|row| cell(connections, shard, row)).collect()
}

fn cell(connections: &Connections, shard: Shard, row: &Row) -> Result<Cell, StoreError> {
    let name = meant(row.get(0))
        .ok_or_else(|| connections.name.corrupt("the name of a cell was not written by a store"))?;
    let key = CellKey { shard, name: name.into() };
    let value = Bytes::copy_from_slice(row.get(2));
    Ok(Cell { key, version: row.get::<_, i64>(1).cast_unsigned(), value })
}

/// One cell to write, as it is written.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) shard: i16,
    pub(crate) name: Box<str>,
    version: Option<i64>,
    value: Option<Bytes>,
}

impl Change {
    fn of(put: Put, name: &Name) -> Result<Self, StoreError> {
        let written = written(&put.key.name);
        let bytes = put.value.as_ref().map_or(0, Bytes::len);
        if bytes > CELL_BYTES_MAX {
            return Err(name.own("write a cell", PostgresError::LargeCell { bytes, max: CELL_BYTES_MAX }));
        }
        if written.len() > KEY_BYTES_MAX {
            let long = PostgresError::LongKey { bytes: written.len(), max: KEY_BYTES_MAX };
            return Err(name.own("write a cell", long));
        }
        let version = put.version.map(u64::cast_signed);
        Ok(Self { shard: number(put.key.shard), name: written.into(), version, value: put.value })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.name.len() + self.value.as_ref().map_or(0, Bytes::len)
    }

    pub(crate) fn value(&self) -> Option<&[u8]> {
        self.value.as_deref()
    }

    pub(crate) fn statement<'a>(&self, statements: &'a Statements) -> &'a Statement {
        match (self.version, &self.value) {
            (Some(0), Some(_)) => &statements.put_new,
            (Some(_), Some(_)) => &statements.put_at,
            (None, Some(_)) => &statements.put_any,
            (Some(0), None) => &statements.remove_new,
            (Some(_), None) => &statements.remove_at,
            (None, None) => &statements.remove_any,
        }
    }

    /// `value` is its own, borrowed for as long as the statement.
    pub(crate) fn params<'a>(&'a self, value: &'a (dyn ToSql + Sync)) -> Vec<&'a (dyn ToSql + Sync)> {
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![&self.shard, &self.name];
        if self.value.is_some() {
            params.push(value);
        }
        if let Some(version) = &self.version
            && *version != 0
        {
            params.push(version);
        }
        params
    }
}

/// The new version, if it was written.
pub(crate) fn version(rows: &[Row]) -> Option<u64> {
    rows.first().map(|row| row.get::<_, i64>(0).cast_unsigned())
}

/// Puts in the parts that are written as one, each with few enough of them.
pub(crate) fn parts(puts: Vec<Put>, name: &Name) -> Result<Vec<Vec<Change>>, StoreError> {
    let mut parts: Vec<Vec<Change>> = Vec::new();
    let mut bytes = 0_usize;
    for put in puts {
        let change = Change::of(put, name)?;
        bytes += change.bytes();
        match parts.last_mut() {
            Some(part) if part.len() < PUTS_MAX && bytes <= PUT_BYTES_MAX => part.push(change),
            _ => {
                bytes = change.bytes();
                parts.push(Vec::from([change]));
            }
        }
    }
    Ok(parts)
}
