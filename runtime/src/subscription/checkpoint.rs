//! How far a named subscription has come in a shard: one cell, written by whoever has the shard.
//!
//! Who takes a shard over writes the cell first, so that what somebody else still has to say of it is too late.

use super::position::parse_cursor;
use super::{SubscriptionError, Whose};
use crate::store::{Cell, CellKey, Cursor, Put, Shard, Store};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What stands in the cell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Stand {
    /// Everything before it is done; in hexadecimal.
    cursor: String,
    /// How often the shard was taken over.
    turn: u64,
    /// Who has it.
    consumer: Arc<str>,
}

/// The checkpoint of a shard that one has.
#[derive(Debug)]
pub(super) struct Checkpoint {
    key: CellKey,
    version: u64,
    turn: u64,
    consumer: Arc<str>,
    /// What stands in the cell.
    pub(super) written: Cursor,
}

/// `<machine>/<tenant>/<instance>/<name>`, `*` for all of them.
pub(super) fn path(whose: &Whose, name: &str) -> String {
    let stream = whose.stream.as_ref();
    let part = |own: Option<&Arc<str>>| own.map_or("*".to_owned(), |own| escape(own));
    let machine = part(stream.map(|stream| &stream.machine).or(whose.machine.as_ref()));
    let tenant = part(stream.map(|stream| &stream.tenant).or(whose.tenant.as_ref()));
    let instance = part(stream.map(|stream| &stream.instance));
    format!("{machine}/{tenant}/{instance}/{}", escape(name))
}

/// Whether a path is one of a tenant's, or of an instance of it.
pub(crate) fn is_of(path: &str, tenant: &str) -> bool {
    path.split('/').nth(1) == Some(&*escape(tenant))
}

fn escape(part: &str) -> String {
    part.replace('%', "%25").replace('/', "%2F").replace('*', "%2A")
}

pub(super) fn key(path: &str, shard: Shard) -> CellKey {
    CellKey { shard, name: format!("checkpoint/{path}").into() }
}

/// Writes down where a subscription begins, in shards that have no checkpoint yet; or with `anew` in all of them, behind the
/// backs of those who have them.
pub(super) async fn begin(
    store: &dyn Store,
    places: &[(CellKey, Cursor)],
    anew: bool,
) -> Result<(), SubscriptionError> {
    let keys: Vec<_> = places.iter().map(|(key, _)| key.clone()).collect();
    let mut there = store.get(&keys).await?;
    if !anew {
        there.iter().try_for_each(|cell| read(cell).map(|_| ()))?;
    }
    let mut puts = Vec::new();
    for (key, cursor) in places {
        let found = there.iter().position(|cell| cell.key == *key).map(|place| there.swap_remove(place));
        if found.is_some() && !anew {
            continue;
        }
        let before = found.as_ref().and_then(|cell| read(cell).ok());
        let turn = before.map_or(0, |(stand, _)| stand.turn.saturating_add(1));
        let version = if anew { None } else { Some(0) };
        puts.push(put(key, version, &Stand { cursor: cursor.to_string(), turn, consumer: Arc::default() }));
    }
    if !puts.is_empty() {
        // Where somebody else was faster, the beginning is written down.
        store.put(puts).await?;
    }
    Ok(())
}

/// Takes shards over. Those that somebody else was faster to take are left out, and so are those without a checkpoint.
pub(super) async fn take(
    store: &dyn Store,
    keys: &[CellKey],
    consumer: &Arc<str>,
) -> Result<Vec<Checkpoint>, SubscriptionError> {
    let cells = store.get(keys).await?;
    let (mut taken, mut puts) = (Vec::new(), Vec::new());
    for cell in cells {
        let (mut stand, written) = read(&cell)?;
        stand.turn = stand.turn.saturating_add(1);
        stand.consumer = Arc::clone(consumer);
        puts.push(put(&cell.key, Some(cell.version), &stand));
        let (turn, consumer) = (stand.turn, stand.consumer);
        taken.push(Checkpoint { key: cell.key, version: 0, turn, consumer, written });
    }
    let versions = if puts.is_empty() { Vec::new() } else { store.put(puts).await? };
    let settle = |(mut checkpoint, version): (Checkpoint, Option<u64>)| {
        checkpoint.version = version?;
        Some(checkpoint)
    };
    Ok(taken.into_iter().zip(versions).filter_map(settle).collect())
}

impl Checkpoint {
    pub(super) fn shard(&self) -> Shard {
        self.key.shard
    }

    /// What to write so that everything before `at` is done.
    pub(super) fn put(&self, at: &Cursor) -> Put {
        let stand = Stand { cursor: at.to_string(), turn: self.turn, consumer: Arc::clone(&self.consumer) };
        put(&self.key, Some(self.version), &stand)
    }

    /// It was written.
    pub(super) fn wrote(&mut self, at: Cursor, version: u64) {
        (self.written, self.version) = (at, version);
    }

    /// Looks at the cell after a write that did not fit. `false`: it is somebody else's. Otherwise an answer was lost, and
    /// what stands there is what was written then.
    pub(super) async fn look(&mut self, store: &dyn Store) -> Result<bool, SubscriptionError> {
        let Some(cell) = store.get(std::slice::from_ref(&self.key)).await?.pop() else { return Ok(false) };
        let (stand, written) = read(&cell)?;
        let ours = (stand.turn, &stand.consumer) == (self.turn, &self.consumer);
        if ours {
            self.wrote(written, cell.version);
        }
        Ok(ours)
    }
}

fn put(key: &CellKey, version: Option<u64>, stand: &Stand) -> Put {
    let value = serde_json::to_vec(stand).unwrap_or_default();
    Put { key: key.clone(), version, value: Some(Bytes::from(value)) }
}

fn read(cell: &Cell) -> Result<(Stand, Cursor), SubscriptionError> {
    let stand: Option<Stand> = serde_json::from_slice(&cell.value).ok();
    let read = stand.and_then(|stand| parse_cursor(&stand.cursor).map(|cursor| (stand, cursor)));
    read.ok_or_else(|| SubscriptionError::NoCheckpoint {
        name: cell.key.name.to_string(),
        shard: cell.key.shard,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, StreamId};

    #[test]
    fn paths_are_apart_whatever_stands_in_the_parts() {
        let machine = |name: &str| Whose { machine: Some(name.into()), ..Whose::default() };
        let stream = |id: StreamId| Whose { stream: Some(id), ..Whose::default() };
        let tenant = Whose { tenant: Some("*".into()), ..Whose::default() };
        let paths = [
            path(&Whose::default(), "x"),
            path(&machine("*"), "x"),
            path(&machine("M"), "a/b"),
            path(&machine("M"), "a%2Fb"),
            path(&tenant, "x"),
            path(&stream(StreamId::new("", "M", "i")), "x"),
            path(&stream(StreamId::new("a/b", "M", "i")), "x"),
        ];
        let expected =
            ["*/*/*/x", "%2A/*/*/x", "M/*/*/a%2Fb", "M/*/*/a%252Fb", "*/%2A/*/x", "M//i/x", "M/a%2Fb/i/x"];
        assert_eq!(paths, expected);
    }

    #[tokio::test]
    async fn who_was_paused_comes_too_late() {
        let store = MemoryStore::new();
        let places = [(key("x", Shard(3)), Cursor::of(5))];
        let keys = [key("x", Shard(3))];
        begin(&store, &places, false).await.expect("memory");
        begin(&store, &[(key("x", Shard(3)), Cursor::of(9))], false).await.expect("memory");
        let mut first = take(&store, &keys, &"a".into()).await.expect("memory").pop().expect("it is there");
        assert_eq!(first.written, Cursor::of(5), "it has begun before");
        assert_eq!(store.put(vec![first.put(&Cursor::of(6))]).await.expect("memory"), [Some(3)]);
        assert!(first.look(&store).await.expect("memory"), "the answer was lost");
        assert_eq!(first.written, Cursor::of(6));
        let mut second = take(&store, &keys, &"b".into()).await.expect("memory").pop().expect("it is there");
        assert_eq!(store.put(vec![first.put(&Cursor::of(7))]).await.expect("memory"), [None]);
        assert!(!first.look(&store).await.expect("memory"));
        begin(&store, &places, true).await.expect("memory");
        assert_eq!(store.put(vec![second.put(&Cursor::of(7))]).await.expect("memory"), [None]);
        assert!(!second.look(&store).await.expect("memory"), "it was reset");
    }
}
