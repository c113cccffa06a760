//! Cases of the order of a shard.

use super::{grow, stream};
use crate::store::{Cursor, Page, Shard, Store};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Sixteen writers, and a reader for each shard that waits with `changed`: every record once, streams in order.
pub async fn a_scan_misses_nothing_under_writers(store: Arc<dyn Store>) {
    const STREAMS: usize = 16;
    const STEPS: usize = 25;
    let write = |n: usize| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { grow(&*store, &stream(&n.to_string()), STEPS).await })
    };
    let writers: Vec<_> = (0..STREAMS).map(write).collect();
    let mut expected: BTreeMap<Shard, usize> = BTreeMap::new();
    for n in 0..STREAMS {
        *expected.entry(store.shard(&stream(&n.to_string()))).or_default() += STEPS;
    }
    let readers: Vec<_> = expected
        .into_iter()
        .map(|(shard, count)| tokio::spawn(follow(Arc::clone(&store), shard, count)))
        .collect();
    for writer in writers {
        writer.await.expect("the writer ends");
    }
    for reader in readers {
        reader.await.expect("the reader saw everything in order");
    }
}

async fn follow(store: Arc<dyn Store>, shard: Shard, count: usize) {
    let (mut cursor, mut seen) = (Cursor::default(), 0);
    let mut last: BTreeMap<_, u64> = BTreeMap::new();
    while seen < count {
        store.changed(shard, &cursor).await.expect("it is told");
        let page = store.scan(shard, &cursor, 7).await.expect("the shard is read");
        for record in &page.records {
            let before = last.insert(record.stream.clone(), record.revision.0).unwrap_or_default();
            assert_eq!(record.revision.0, before + 1, "{} is out of order", record.stream);
        }
        seen += page.records.len();
        cursor = page.next;
    }
    let page = store.scan(shard, &cursor, 7).await.expect("the shard is read");
    assert!(page.records.is_empty() && page.next == cursor, "the end is the end");
}

/// Every record of a page has a cursor, and a scan behind it begins with the next record.
pub async fn a_scan_goes_on_behind_any_record(store: Arc<dyn Store>) {
    let hot = stream("hot");
    for id in [&hot, &stream("a"), &hot, &stream("b"), &hot] {
        grow(&*store, id, 3).await;
    }
    let shard = store.shard(&hot);
    let whole = all(&*store, shard).await;
    assert!(whole.records.len() >= 9);
    assert_eq!(whole.cursors.len(), whole.records.len(), "one cursor for each record");
    for (n, cursor) in (1..).zip(&whole.cursors) {
        let rest = store.scan(shard, cursor, 1_000).await.expect("the shard is read");
        assert_eq!(rest.records, whole.records[n..], "behind record {n}");
        assert_eq!(rest.cursors, whole.cursors[n..], "a cursor does not depend on where a page began");
    }
}

/// Nothing that was answered stands behind the end, and what comes next does.
pub async fn the_end_is_behind_what_was_answered(store: Arc<dyn Store>) {
    let hot = stream("hot");
    let shard = store.shard(&hot);
    let first = store.end(shard).await.expect("the end is told");
    for n in 1..=3 {
        let end = store.end(shard).await.expect("the end is told");
        assert_eq!(store.scan(shard, &end, 9).await.expect("the shard is read").records, []);
        grow(&*store, &hot, n).await;
        store.changed(shard, &end).await.expect("it is told");
        let page = store.scan(shard, &end, 9).await.expect("the shard is read");
        assert_eq!(page.records.len(), n);
    }
    let all = store.scan(shard, &first, 9).await.expect("the shard is read");
    assert_eq!(all.records.len(), 6, "the end of an empty shard is its beginning");
}

async fn all(store: &dyn Store, shard: Shard) -> Page {
    store.scan(shard, &Cursor::default(), 1_000).await.expect("the shard is read")
}
