//! Items as they stand in the container.
//!
//! Payloads stand in the item as text and not as JSON of the item's own: the service reads numbers as doubles and would
//! not give back what was written.

use crate::keys::{cell_id, partition, record_id, sort_key, stream_digest, stream_sort_key};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use statewright::store::{Body, Cell, CellKey, Kind, Put, Record, RecordedStep, Revision, Shard, StreamId};
use std::io::{self, Write};

/// The kind of the item behind a deletion: it holds the place where a late append would stand.
pub(crate) const END: &str = "end";

/// Counts the records of a shard. It changes with every append, so appends of one shard follow each other.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OrderItem {
    pub(crate) id: String,
    pub(crate) shard: String,
    /// The position of the newest record.
    pub(crate) newest: u64,
}

/// A record, or with [`END`] what stands behind the last one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RecordItem {
    pub(crate) id: String,
    pub(crate) shard: String,
    pub(crate) kind: String,
    pub(crate) revision: u64,
    /// Its place in the order of the shard; an end has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) position: Option<u64>,
    /// On the first record alone, which stands for its stream in listings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stream: Option<String>,
    pub(crate) tenant: String,
    pub(crate) machine: String,
    pub(crate) instance: String,
    pub(crate) at: Timestamp,
    #[serde(default)]
    pub(crate) command: String,
    #[serde(default)]
    pub(crate) trigger: String,
    #[serde(default)]
    pub(crate) from: String,
    #[serde(default)]
    pub(crate) to: String,
    /// The event format, as text.
    #[serde(default)]
    pub(crate) body: String,
    /// Whose write it was: what recognises a batch whose answer was lost.
    #[serde(default)]
    pub(crate) stamp: String,
}

impl RecordItem {
    /// The item of a step; its position and stamp are set when it is written.
    pub(crate) fn of(
        stream: &StreamId,
        shard: Shard,
        revision: Revision,
        step: &RecordedStep,
    ) -> serde_json::Result<Self> {
        let body = serde_json::to_string(&step.body)?;
        Ok(Self {
            kind: step.kind.name().to_owned(),
            at: step.at,
            command: step.command.to_string(),
            trigger: step.trigger.to_string(),
            from: step.from.to_string(),
            to: step.to.to_string(),
            body,
            ..Self::bare(stream, shard, revision)
        })
    }

    /// What stands behind a deletion.
    pub(crate) fn end(stream: &StreamId, shard: Shard, revision: Revision) -> Self {
        Self { kind: END.to_owned(), ..Self::bare(stream, shard, revision) }
    }

    fn bare(stream: &StreamId, shard: Shard, revision: Revision) -> Self {
        Self {
            id: record_id(&stream_digest(stream), revision),
            shard: partition(shard),
            kind: String::new(),
            revision: revision.0,
            position: None,
            stream: (revision.0 == 1).then(|| stream_sort_key(stream)),
            tenant: stream.tenant.to_string(),
            machine: stream.machine.to_string(),
            instance: stream.instance.to_string(),
            at: Timestamp::UNIX_EPOCH,
            command: String::new(),
            trigger: String::new(),
            from: String::new(),
            to: String::new(),
            body: String::new(),
            stamp: String::new(),
        }
    }

    /// What erasing leaves.
    pub(crate) fn erased(self) -> Self {
        let empty = String::new;
        Self {
            kind: Kind::Erased.name().to_owned(),
            command: empty(),
            trigger: empty(),
            from: empty(),
            to: empty(),
            body: empty(),
            ..self
        }
    }

    /// Bytes of the item as it travels.
    pub(crate) fn bytes(&self) -> usize {
        let mut count = Count(0);
        // What is counted is never refused, and a tree of strings and numbers always serialises.
        let _ = serde_json::to_writer(&mut count, self);
        count.0
    }

    /// The record; `Err` says what is wrong with the item.
    pub(crate) fn into_record(self) -> Result<Record, String> {
        let wrong = |what: &str| format!("item `{}` in shard {}: {what}", self.id, self.shard);
        let kind = Kind::named(&self.kind).ok_or_else(|| wrong("no kind of record"))?;
        let body = match kind {
            Kind::Erased => Body::default(),
            _ => serde_json::from_str(&self.body).map_err(|error| wrong(&error.to_string()))?,
        };
        let step = RecordedStep {
            kind,
            at: self.at,
            command: self.command.into(),
            trigger: self.trigger.into(),
            from: self.from.into(),
            to: self.to.into(),
            body,
        };
        let stream = StreamId::new(&self.tenant, &self.machine, &self.instance);
        Ok(Record { stream, revision: Revision(self.revision), step })
    }
}

/// The address alone, as listings select it.
#[derive(Debug, Deserialize)]
pub(crate) struct AddressItem {
    tenant: String,
    machine: String,
    instance: String,
}

impl AddressItem {
    pub(crate) fn stream(&self) -> StreamId {
        StreamId::new(&self.tenant, &self.machine, &self.instance)
    }
}

/// A record's place and kind alone, as a look at the head selects them.
#[derive(Debug, Deserialize)]
pub(crate) struct HeadItem {
    pub(crate) kind: String,
    pub(crate) revision: u64,
}

/// A cell. One that was removed keeps its version and loses its value and its place in listings.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CellItem {
    pub(crate) id: String,
    pub(crate) shard: String,
    pub(crate) name: String,
    pub(crate) version: u64,
    /// What listings sort by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cell: Option<String>,
    /// Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<String>,
    pub(crate) stamp: String,
}

impl CellItem {
    /// What a cell becomes.
    pub(crate) fn of(put: &Put, version: u64, stamp: &str) -> Self {
        let CellKey { shard, name } = &put.key;
        let value = put.value.as_ref().map(|value| BASE64_STANDARD.encode(value));
        Self {
            id: cell_id(name),
            shard: partition(*shard),
            name: name.to_string(),
            version,
            cell: value.is_some().then(|| sort_key(name)),
            value,
            stamp: stamp.to_owned(),
        }
    }

    /// The version that callers see: 0 when it was removed.
    pub(crate) fn live_version(&self) -> u64 {
        if self.value.is_some() { self.version } else { 0 }
    }

    /// The cell, `None` when it was removed; `Err` says what is wrong with the item.
    pub(crate) fn into_cell(self, shard: Shard) -> Result<Option<Cell>, String> {
        let Some(value) = self.value else { return Ok(None) };
        let value = BASE64_STANDARD.decode(value);
        let value = value.map_err(|error| format!("cell `{}` in shard {}: {error}", self.id, self.shard))?;
        let key = CellKey { shard, name: self.name.into() };
        Ok(Some(Cell { key, version: self.version, value: Bytes::from(value) }))
    }
}

struct Count(usize);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
