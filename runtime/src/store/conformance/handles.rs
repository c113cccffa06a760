//! Cases of several handles on one place: what one has written, the others see.

use super::{Place, append_one, commands, grow, step, stream};
use crate::store::{CellKey, Cursor, Head, Kind, Outcome, Put, RecordedStep, Revision, Shard, Store, Unit};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Whatever one handle was answered stands there for the other, at once.
pub async fn what_one_handle_writes_another_reads<P: Place>(place: &P) {
    let (a, b) = (place.open().await, place.open().await);
    let id = stream("a");
    assert_eq!(a.limits().shards, b.limits().shards, "the number of shards is kept in the store");
    let head = grow(&*a, &id, 2).await;
    assert_eq!(b.head(&id).await.expect("the head is read"), head, "a head is the same everywhere");
    assert_eq!(commands(&*b, &id).await, ["0/0", "1/1"]);
    let (shard, beginning) = (a.shard(&id), Cursor::default());
    let first = a.scan(shard, &beginning, 9).await.expect("the shard is read");
    let second = b.scan(shard, &beginning, 9).await.expect("the shard is read");
    assert_eq!((first.records, first.cursors), (second.records, second.cursors), "so is a cursor");
    assert_eq!(a.end(shard).await.expect("it is told"), b.end(shard).await.expect("it is told"));
    assert_eq!(b.streams(shard, None, 9).await.expect("streams are listed"), std::slice::from_ref(&id));
    grow(&*b, &id, 1).await;
    assert!(
        matches!(append_one(&*a, &id, head, step("stale")).await, Outcome::Conflict(now) if now.revision == Revision(3))
    );
}

/// Writers on two handles and one stream: every revision has one winner.
pub async fn of_writers_on_many_handles_one_wins<P: Place>(place: &P) {
    let handles = [place.open().await, place.open().await, place.open().await];
    let write = |writer: usize| {
        let store = Arc::clone(&handles[writer % handles.len()]);
        tokio::spawn(async move {
            let (mut head, mut won) = (Head::default(), 0);
            while won < 10 {
                match append_one(&*store, &stream("hot"), head, step(&format!("{writer}/{won}"))).await {
                    Outcome::Appended(next) => (head, won) = (next, won + 1),
                    Outcome::Conflict(now) => head = now,
                    other => panic!("{other:?}"),
                }
            }
        })
    };
    for writer in (0..6).map(write).collect::<Vec<_>>() {
        writer.await.expect("the writer ends");
    }
    let commands = commands(&*handles[0], &stream("hot")).await;
    assert_eq!((commands.len(), commands.into_iter().collect::<BTreeSet<_>>().len()), (60, 60));
}

/// Who waits on one handle is told of what comes by another.
pub async fn a_handle_is_told_of_what_another_appends<P: Place>(place: &P) {
    let (writer, reader) = (place.open().await, place.open().await);
    let id = stream("a");
    let shard = writer.shard(&id);
    for _ in 0..3 {
        let end = reader.end(shard).await.expect("the end is told");
        let wait = {
            let (reader, end) = (Arc::clone(&reader), end.clone());
            tokio::spawn(async move {
                while reader.scan(shard, &end, 1).await.expect("the shard is read").records.is_empty() {
                    reader.changed(shard, &end).await.expect("it is told");
                }
            })
        };
        tokio::task::yield_now().await;
        grow(&*writer, &id, 1).await;
        wait.await.expect("it is told");
    }
}

/// Who follows a shard has every record once, in the order in which it is scanned, whichever handle wrote it.
pub async fn a_follower_misses_nothing_of_any_handle<P: Place>(place: &P) {
    const TURNS: usize = 12;
    let handles = [place.open().await, place.open().await];
    let (a, b) = (stream("a"), stream("a/b"));
    let shard = handles[0].shard(&a);
    // Of the same shard, so that each handle writes behind the other.
    let b =
        (0..1_000).map(|n| stream(&format!("{}/{n}", b.instance))).find(|id| handles[0].shard(id) == shard);
    let b = b.expect("there is one");
    grow(&*handles[0], &a, 1).await;
    let end = handles[0].end(shard).await.expect("the end is told");
    let (store, from) = (Arc::clone(&handles[0]), end.clone());
    let follower = tokio::spawn(async move {
        let (mut at, mut records, mut cursors) = (from, Vec::new(), Vec::new());
        while records.len() < 5 * TURNS {
            store.changed(shard, &at).await.expect("it is told");
            let page = store.follow(shard, &at, 4).await.expect("the shard is followed");
            assert_eq!(page.records.len(), page.cursors.len(), "one cursor for each record");
            (at, records) = (page.next, [records, page.records].concat());
            cursors.extend(page.cursors);
        }
        (records, cursors)
    });
    for _ in 0..TURNS {
        grow(&*handles[0], &a, 3).await;
        grow(&*handles[1], &b, 2).await;
    }
    let (records, cursors) = follower.await.expect("it has followed");
    let scanned = handles[1].scan(shard, &end, 1_000).await.expect("the shard is read");
    assert_eq!((records, cursors), (scanned.records, scanned.cursors));
}

/// What a handle has erased itself it does not remember either.
pub async fn what_was_erased_is_not_followed<P: Place>(place: &P) {
    let store = place.open().await;
    let id = stream("a");
    let shard = store.shard(&id);
    let end = store.end(shard).await.expect("the end is told");
    let head = grow(&*store, &id, 2).await;
    let page = store.follow(shard, &end, 9).await.expect("the shard is followed");
    assert!(page.records.iter().any(|record| record.step.kind == Kind::Step));
    let bye = RecordedStep { kind: Kind::Deleted, ..step("bye") };
    assert!(matches!(append_one(&*store, &id, head, bye).await, Outcome::Appended(_)));
    store.erase(&id).await.expect("it is erased");
    let page = store.follow(shard, &end, 9).await.expect("the shard is followed");
    let kinds: Vec<_> = page.records.iter().map(|record| record.step.kind).collect();
    assert!(!kinds.contains(&Kind::Step), "{kinds:?}");
}

/// A stream that one handle has deleted is gone for all, whatever they knew of it.
pub async fn a_deletion_holds_for_every_handle<P: Place>(place: &P) {
    let (a, b) = (place.open().await, place.open().await);
    let id = stream("a");
    let head = grow(&*b, &id, 2).await;
    let bye = RecordedStep { kind: Kind::Deleted, ..step("bye") };
    assert!(matches!(append_one(&*a, &id, head, bye).await, Outcome::Appended(_)));
    assert!(matches!(append_one(&*b, &id, head, step("late")).await, Outcome::Gone));
    b.erase(&id).await.expect("it is erased");
    let (records, _) = a.read(&id, Revision(0), 9).await.expect("the stream is read");
    assert_eq!(
        records.iter().map(|record| record.step.kind).collect::<Vec<_>>(),
        [Kind::Erased, Kind::Erased, Kind::Deleted]
    );
    let outcomes = a.append(vec![super::request(&id, head, vec![step("late")])], Unit::Each).await;
    assert!(matches!(outcomes[..], [Outcome::Gone]), "{outcomes:?}");
}

/// A sum that eight tasks of two handles keep in one cell, removed in between: no addition is lost, no version seen twice.
pub async fn of_cells_written_at_once_one_wins<P: Place>(place: &P) {
    const TURNS: u64 = 12;
    let handles = [place.open().await, place.open().await];
    let tasks: Vec<_> =
        (0..8).map(|n| tokio::spawn(add(Arc::clone(&handles[n % handles.len()]), TURNS))).collect();
    let mut versions = Vec::new();
    for task in tasks {
        versions.extend(task.await.expect("it ends"));
    }
    let cells = handles[0].get(&[sum()]).await.expect("cells are read");
    assert_eq!(cells[0].value, (8 * TURNS).to_string());
    let count = versions.len();
    assert_eq!(versions.into_iter().collect::<BTreeSet<_>>().len(), count, "versions never repeat");
}

fn sum() -> CellKey {
    CellKey { shard: Shard(0), name: "sum".into() }
}

async fn add(store: Arc<dyn Store>, turns: u64) -> Vec<u64> {
    let mut versions = Vec::new();
    while versions.len() < usize::try_from(turns).expect("few") {
        let cells = store.get(&[sum()]).await.expect("cells are read");
        let (version, now) = cells.first().map_or((0, 0), |cell| {
            (cell.version, std::str::from_utf8(&cell.value).expect("digits").parse::<u64>().expect("a sum"))
        });
        let value = Some((now + 1).to_string().into());
        let put = Put { key: sum(), version: Some(version), value };
        versions.extend(store.put(vec![put]).await.expect("cells are written")[0]);
    }
    versions
}
