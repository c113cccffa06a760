//! Cases of addresses.

use super::{commands, grow, stream};
use crate::store::{Shard, Store, StreamId};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Equal ids in two tenants and two machines are four streams.
pub async fn tenants_are_apart(store: Arc<dyn Store>) {
    let ids = [("a", "M"), ("b", "M"), ("a", "N"), ("", "M")]
        .map(|(tenant, machine)| StreamId::new(tenant, machine, "1"));
    for (id, n) in ids.iter().zip(1..) {
        grow(&*store, id, n).await;
    }
    for (id, n) in ids.iter().zip(1..) {
        assert_eq!(commands(&*store, id).await.len(), n, "{id}");
    }
}

/// Ids that a store could mix up with its own separators, or cut.
pub async fn hostile_ids_are_apart(store: Arc<dyn Store>) {
    let long = "x".repeat(1_024);
    let ids = [
        "",
        " ",
        "a/b",
        "a",
        "A",
        "%",
        "_",
        "'; DROP TABLE streams; --",
        "\u{0}",
        "é",
        "e\u{301}",
        "\u{10ffff}",
        "..",
        &long,
    ];
    let mut streams: Vec<_> = ids.iter().map(|id| stream(id)).collect();
    streams.extend([
        StreamId::new("a/b", "c", "d"),
        StreamId::new("a", "b/c", "d"),
        StreamId::new("a", "b", "c/d"),
    ]);
    for (n, id) in (1..).zip(&streams) {
        grow(&*store, id, n % 3 + 1).await;
    }
    for (n, id) in (1..).zip(&streams) {
        assert_eq!(commands(&*store, id).await.len(), n % 3 + 1, "{id:?}");
    }
}

/// Every stream once, in order, page by page.
pub async fn streams_are_listed_in_order(store: Arc<dyn Store>) {
    let expected: BTreeSet<_> = (0..40).map(|n| stream(&format!("{n:02}"))).collect();
    for id in &expected {
        grow(&*store, id, 1).await;
    }
    let mut found = BTreeSet::new();
    for shard in (0..store.limits().shards).map(Shard) {
        let mut after: Option<StreamId> = None;
        loop {
            let page = store.streams(shard, after.as_ref(), 3).await.expect("streams are listed");
            assert!(
                page.iter()
                    .all(|id| store.shard(id) == shard && after.as_ref().is_none_or(|after| id > after))
            );
            assert!(page.is_sorted());
            let Some(last) = page.last().cloned() else { break };
            found.extend(page);
            after = Some(last);
        }
    }
    assert_eq!(found, expected);
}
