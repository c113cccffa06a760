//! Effects that wait for their next try, one cell for each instance: the first that is to be done, how often it failed, and
//! the last record that waits behind it. An effect that waits for no other, and a dead letter that is to be done again, have
//! a cell of their own.
//!
//! A cell is work that the checkpoint has passed: it goes only when everything it stands for is done. It holds no effect;
//! those are in the log.

use crate::effect::{escaped, unescaped};
use crate::store::{Cell, CellKey, Put, Revision, Shard, StoreError, StreamId};
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An effect's place in its stream.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) struct Spot {
    pub(super) revision: Revision,
    pub(super) index: u32,
}

/// What waits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Parked {
    /// What comes first; everything before it is done.
    pub(super) spot: Spot,
    /// How often it failed.
    pub(super) attempts: u32,
    /// When it is tried again.
    pub(super) due: Timestamp,
    /// The last record of the instance that waits.
    pub(super) through: Revision,
}

/// What waits, as it stands on the shelf.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) name: Box<str>,
    pub(super) stream: StreamId,
    /// It stands for one effect, not for the instance.
    pub(super) is_one: bool,
    pub(super) version: u64,
    pub(super) parked: Parked,
}

/// Where the cells of a machine stand.
pub(super) fn prefix(machine: &str) -> String {
    format!("parked/{machine}/")
}

/// The cell of an instance.
pub(super) fn name(stream: &StreamId) -> Box<str> {
    let StreamId { tenant, machine, instance } = stream;
    format!("{}{}/{}", prefix(machine), escaped(tenant), escaped(instance)).into()
}

/// The cell of one effect.
pub(super) fn name_of_one(stream: &StreamId, spot: Spot) -> Box<str> {
    format!("{}/{}/{}", name(stream), spot.revision, spot.index).into()
}

/// What to write: only if the cell is at this version, 0 for one that is not there.
pub(super) fn put(place: (Shard, &str), version: Option<u64>, parked: Option<&Parked>) -> Put {
    let (shard, name) = place;
    let value = parked.map(|parked| Bytes::from(serde_json::to_vec(parked).unwrap_or_default()));
    Put { key: CellKey { shard, name: name.into() }, version, value }
}

/// What a cell of this machine says.
///
/// # Errors
/// It is none of ours.
pub(super) fn read(machine: &str, cell: &Cell) -> Result<Entry, StoreError> {
    let parts: Vec<_> =
        cell.key.name.strip_prefix(&*prefix(machine)).unwrap_or_default().split('/').collect();
    let whose = match parts[..] {
        [tenant, instance] => Some((tenant, instance, false)),
        [tenant, instance, _, _] => Some((tenant, instance, true)),
        _ => None,
    };
    match (whose, serde_json::from_slice(&cell.value)) {
        (Some((tenant, instance, is_one)), Ok(parked)) => {
            let stream = StreamId::new(&unescaped(tenant), machine, &unescaped(instance));
            Ok(Entry { name: cell.key.name.clone(), stream, is_one, version: cell.version, parked })
        }
        _ => Err(StoreError::Corrupt {
            store: "the shelf".to_owned(),
            what: format!("the cell `{}` does not say which effects wait", cell.key.name),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_says_what_was_parked_whatever_the_ids_are() {
        let stream = StreamId::new("a/b", "Door", "100%/");
        let spot = Spot { revision: Revision(7), index: 1 };
        let parked = Parked { spot, attempts: 2, due: Timestamp::UNIX_EPOCH, through: Revision(9) };
        let cell = |name: Box<str>| {
            let put = put((Shard(3), &name), Some(0), Some(&parked));
            Cell { key: put.key, version: 4, value: put.value.expect("it was written") }
        };
        for (name, is_one) in [(name(&stream), false), (name_of_one(&stream, spot), true)] {
            let entry = read("Door", &cell(name)).expect("it is one of ours");
            assert_eq!((&entry.stream, entry.is_one, entry.version), (&stream, is_one, 4));
            assert_eq!(entry.parked, parked);
        }
        let error = read("Doo", &cell(name(&stream))).expect_err("another machine's");
        assert!(error.to_string().contains("parked/Door/"), "{error}");
    }
}
