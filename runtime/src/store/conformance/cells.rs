//! Cases of the shelf.

use crate::store::{CellKey, Put, Shard, Store};
use bytes::Bytes;
use std::sync::Arc;

fn key(name: &str) -> CellKey {
    CellKey { shard: Shard(0), name: name.into() }
}

async fn put(
    store: &dyn Store,
    name: &str,
    version: Option<u64>,
    value: Option<&'static str>,
) -> Option<u64> {
    let put = Put { key: key(name), version, value: value.map(Bytes::from) };
    store.put(vec![put]).await.expect("cells are written")[0]
}

/// Written only at its version; versions never repeat, not even after removal.
pub async fn cells_are_compared_and_set(store: Arc<dyn Store>) {
    let store = &*store;
    assert_eq!(put(store, "x", Some(7), Some("no")).await, None, "there is nothing at version 7");
    let first = put(store, "x", Some(0), Some("1")).await.expect("it is not there");
    assert_eq!(put(store, "x", Some(0), Some("2")).await, None);
    let second = put(store, "x", Some(first), Some("2")).await.expect("it is at that version");
    let removed = put(store, "x", Some(second), None).await.expect("it is at that version");
    assert!(store.get(&[key("x")]).await.expect("cells are read").is_empty());
    let again = put(store, "x", Some(0), Some("3")).await.expect("it is not there any more");
    let any = put(store, "x", None, Some("4")).await.expect("whatever it is");
    let versions = [first, second, removed, again, any];
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    let cells = store.get(&[key("y"), key("x")]).await.expect("cells are read");
    assert_eq!(
        cells.iter().map(|cell| (&*cell.key.name, cell.version, &*cell.value)).collect::<Vec<_>>(),
        [("x", any, b"4".as_slice())]
    );
    let both = vec![
        Put { key: key("x"), version: Some(1), value: None },
        Put { key: key("z"), version: Some(0), value: Some("5".into()) },
    ];
    let versions = store.put(both).await.expect("cells are written");
    assert!(versions[0].is_none() && versions[1].is_some(), "each for itself: {versions:?}");
}

/// By name, behind a name, within a prefix that means itself.
pub async fn cells_are_listed_in_order(store: Arc<dyn Store>) {
    let store = &*store;
    for name in ["a/2", "a/1", "a", "a0", "a/é", "a/%", "b", "a_1"] {
        put(store, name, None, Some("v")).await;
    }
    put(store, "a/gone", None, Some("v")).await;
    put(store, "a/gone", None, None).await;
    let list = async |prefix: &'static str, after: Option<&'static str>, limit| {
        let cells = store.list(Shard(0), prefix, after, limit).await.expect("cells are listed");
        cells.into_iter().map(|cell| cell.key.name.into_string()).collect::<Vec<_>>()
    };
    assert_eq!(list("a/", None, 9).await, ["a/%", "a/1", "a/2", "a/é"]);
    assert_eq!(list("a/", Some("a/1"), 1).await, ["a/2"]);
    assert_eq!(list("a_", None, 9).await, ["a_1"]);
    assert_eq!(list("c", None, 9).await, Vec::<String>::new());
    assert_eq!(list("", None, 9).await, ["a", "a/%", "a/1", "a/2", "a/é", "a0", "a_1", "b"]);
}
