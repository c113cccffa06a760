//! Snapshots: cells that spare a load the first records. A cache and nothing else: one that does not fit is passed
//! over, never trusted and never an error.

use super::encode::{apply_changes, encode_history, encode_timer};
use super::{Loaded, Repository, read_state};
use crate::explain::Text;
use crate::fold::Fold;
use crate::instance::Instance;
use crate::machine::{Machine, is_personal};
use crate::personal::{hollow, in_data};
use crate::store::{CellKey, Head, Payload, Put, Revision, StoreError, StreamId, TimerChange};
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The snapshots kept of each instance: the newest and the one before.
const KEPT: u64 = 2;

#[derive(Serialize, Deserialize)]
pub(crate) struct Snapshot {
    shape: u64,
    pub(super) revision: Revision,
    token: u64,
    at: i64,
    state: String,
    pub(super) data: Payload,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    timers: Vec<TimerChange>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    histories: BTreeMap<Text, Vec<Text>>,
    commands: Vec<(Arc<str>, Revision)>,
}

impl Snapshot {
    /// The cell that holds an instance as it is, with its data as written. `turn` chooses which of the kept ones it replaces.
    pub(crate) fn put<M: Machine>(
        repository: &Repository<M>,
        stream: &StreamId,
        (loaded, data): (&Loaded<M>, Payload),
        turn: u64,
    ) -> Option<Put> {
        let value = Self::of((loaded, data), true).encode(repository)?;
        Some(Put { key: repository.snapshot_key(stream, turn), version: None, value: Some(value) })
    }

    /// An instance as it is, with the command ids that it knows or without.
    pub(crate) fn of<M: Machine>((loaded, data): (&Loaded<M>, Payload), with_commands: bool) -> Self {
        let Fold { head, at, .. } = &loaded.fold;
        let commands = loaded.fold.commands().filter(|_| with_commands);
        Self {
            shape: shape::<M>(),
            revision: head.revision,
            token: head.token,
            at: at.as_microsecond(),
            state: loaded.instance.state().to_string(),
            data,
            timers: loaded.instance.timers().map(encode_timer::<M>).collect(),
            histories: loaded
                .instance
                .ledger()
                .memory
                .iter()
                .map(|(id, nodes)| encode_history::<M>(id, nodes))
                .collect(),
            commands: commands.map(|(command, revision)| (Arc::clone(command), revision)).collect(),
        }
    }

    /// What a cell holds of it; `None`: it is larger than the store's cells.
    pub(crate) fn encode<M: Machine>(&self, repository: &Repository<M>) -> Option<Bytes> {
        let value = Bytes::from(serde_json::to_vec(self).ok()?);
        (value.len() <= repository.store.limits().cell_bytes_max).then_some(value)
    }

    pub(super) fn restore<M: Machine>(
        self,
        repository: &Repository<M>,
        stream: &StreamId,
    ) -> Option<Loaded<M>> {
        if self.shape != shape::<M>() {
            return None;
        }
        let (state, data) = (read_state::<M>(&self.state).ok()?, read_data::<M>(stream, &self.data)?);
        let mut fold = Fold::new(repository.command_window);
        let at = Timestamp::from_microsecond(self.at).ok()?;
        for (command, revision) in &self.commands {
            fold.note(command, *revision, at);
        }
        fold.at = at;
        fold.head = Head { revision: self.revision, token: self.token };
        let mut instance = Instance::restore(state, data, repository.cx(stream));
        apply_changes::<M>(instance.ledger_mut(), &self.timers, &self.histories).ok()?;
        Some(Loaded::new(instance, fold))
    }
}

impl<M: Machine> Repository<M> {
    /// The newest snapshot that fits, or the instance as it is before its first record.
    pub(super) async fn newest_snapshot(&self, stream: &StreamId) -> Result<Loaded<M>, StoreError> {
        let keys: Vec<_> = (0..KEPT).map(|turn| self.snapshot_key(stream, turn)).collect();
        let cells = self.store.get(&keys).await?;
        let mut found: Vec<Snapshot> =
            cells.iter().filter_map(|cell| serde_json::from_slice(&cell.value).ok()).collect();
        found.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.revision));
        let mut seals = self.seals_of_data(stream, found.iter().map(|snapshot| &snapshot.data)).await?;
        let restored = seals.enter(|| found.into_iter().find_map(|snapshot| snapshot.restore(self, stream)));
        Ok(restored.unwrap_or_else(|| self.fresh(stream)))
    }

    /// Removes the snapshots of an instance.
    pub(crate) fn snapshot_removals(&self, stream: &StreamId) -> impl Iterator<Item = Put> {
        let keys = (0..KEPT).map(|turn| self.snapshot_key(stream, turn));
        keys.map(|key| Put { key, version: None, value: None })
    }

    /// A snapshot in the place of the older one. Whoever writes at the same time may win: theirs is as new.
    pub(crate) async fn older_snapshot(
        &self,
        stream: &StreamId,
        snapshot: Bytes,
    ) -> Result<Option<Put>, StoreError> {
        let keys: Vec<_> = (0..KEPT).map(|turn| self.snapshot_key(stream, turn)).collect();
        let cells = self.store.get(&keys).await?;
        let there = |key: &CellKey| {
            let cell = cells.iter().find(|cell| cell.key == *key)?;
            let kept = serde_json::from_slice::<Snapshot>(&cell.value).ok();
            Some((kept.map(|kept| kept.revision), cell.version))
        };
        let oldest = keys.into_iter().min_by_key(|key| there(key));
        Ok(oldest.map(|key| {
            let version = there(&key).map_or(0, |(_, version)| version);
            Put { key, version: Some(version), value: Some(snapshot) }
        }))
    }

    fn snapshot_key(&self, stream: &StreamId, turn: u64) -> CellKey {
        let name = format!("{}{}", address_prefix(stream), turn % KEPT);
        CellKey { shard: self.store.shard(stream), name: name.into() }
    }
}

/// Under which an instance's snapshots stand. Lengths keep apart what separators in hostile ids would mix up: those of
/// another tenant or machine never stand under it.
pub(crate) fn address_prefix(stream: &StreamId) -> String {
    let StreamId { tenant, machine, instance } = stream;
    format!("snapshot/{}/{}/{tenant}{machine}{instance}/", tenant.len(), machine.len())
}

/// The data of a snapshot, if its type would write it as it was written. A field that has been added since, and that
/// `serde` fills by default, would else be empty: only the records know what belongs into it.
fn read_data<M: Machine>(stream: &StreamId, stored: &Payload) -> Option<M::Data> {
    let (data, written) = if is_personal::<M>() {
        let data: M::Data = in_data(stream, || stored.decode()).ok()?;
        let written = hollow(|| Payload::of(&data)).ok()?;
        (data, written)
    } else {
        let data: M::Data = stored.decode().ok()?;
        let written = Payload::of(&data).ok()?;
        (data, written)
    };
    // Sets and maps are written in another order by every process.
    let fits = written == *stored || alike(&stored.decode().ok()?, &written.decode().ok()?);
    fits.then_some(data)
}

/// Whether two values have the same fields, lengths and kinds of values.
fn alike(stored: &Value, written: &Value) -> bool {
    match (stored, written) {
        (Value::Object(stored), Value::Object(written)) => {
            let fits = |(key, value): (&String, _)| written.get(key).is_some_and(|now| alike(value, now));
            stored.len() == written.len() && stored.iter().all(fits)
        }
        (Value::Array(stored), Value::Array(written)) => {
            stored.len() == written.len() && stored.iter().zip(written).all(|(value, now)| alike(value, now))
        }
        _ => std::mem::discriminant(stored) == std::mem::discriminant(written),
    }
}

/// A hash over what data is made of: node names, the version of the data, names and versions of the events. Guards
/// and doc comments may change without making a snapshot stale. FNV-1a, so that it is the same in every build.
pub(super) fn shape<M: Machine>() -> u64 {
    let definition = M::DEFINITION;
    let nodes = definition.nodes.iter().map(|node| node.name.to_owned());
    let events = definition.events.iter().map(|event| format!("{}={}", event.name, event.version));
    let data = format!("{}={}", definition.data.type_name, definition.data.version);
    let parts = nodes.chain(events).chain([data]);
    let bytes = parts.flat_map(|part| part.into_bytes().into_iter().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::alike;
    use serde_json::json;

    #[test]
    fn another_order_is_alike_and_another_field_or_kind_is_not() {
        let stored = json!({ "tags": ["b", "a"], "lines": [{ "sku": "x" }], "total": 3 });
        assert!(alike(&stored, &json!({ "total": 4, "tags": ["a", "b"], "lines": [{ "sku": "y" }] })));
        for written in [
            json!({ "tags": ["b", "a"], "lines": [{ "sku": "x", "count": null }], "total": 3 }),
            json!({ "tags": ["b", "a"], "lines": [{ "code": "x" }], "total": 3 }),
            json!({ "tags": ["b", "a"], "lines": [], "total": 3 }),
            json!({ "tags": ["b", "a"], "lines": [{ "sku": "x" }], "total": "3" }),
            json!({ "tags": ["b", "a"], "lines": [{ "sku": "x" }] }),
            json!(null),
        ] {
            assert!(!alike(&stored, &written), "{written}");
            assert!(!alike(&written, &stored), "{written}");
        }
    }
}
