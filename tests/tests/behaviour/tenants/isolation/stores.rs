//! The store itself, the repository over it, and all of one tenant.

use super::{ACME, KNOCKS, OTHER, World};
use bytes::Bytes;
use statewright::Repository;
use statewright::clock::Clock;
use statewright::cx::RandomIds;
use statewright::repository::Origin;
use statewright::store::query::{self, By, Scope, Selection};
use statewright::store::{
    Append, CellKey, Cursor, Kind, Outcome, Put, RecordedStep, Revision, Shard, StreamId, Unit,
};
use statewright::tenant::ExportLine;
use statewright_tests::{Door, DoorTrigger};
use std::sync::Arc;

fn stream(tenant: &str) -> StreamId {
    StreamId::new(tenant, "Door", "a")
}

pub(super) async fn records(world: &World) {
    let store = &world.store;
    let head = store.head(&stream(ACME)).await.expect("it reads");
    let step = RecordedStep { kind: Kind::Deleted, command: "c".into(), ..RecordedStep::default() };
    let append = Append { stream: stream(ACME), after: head, steps: vec![step] };
    let appended = store.append(vec![append], Unit::Each).await;
    assert!(matches!(appended[..], [Outcome::Appended(head)] if head.revision == Revision(2)));
    store.erase(&stream(ACME)).await.expect("it is emptied");
    store.erase(&stream(OTHER)).await.expect("it is left alone: it was not deleted");
    for (tenant, revision, kind) in [(ACME, 2, Kind::Erased), (OTHER, 1, Kind::Step), ("", 1, Kind::Step)] {
        let (records, head) = store.read(&stream(tenant), Revision(0), 9).await.expect("it reads");
        assert_eq!((head.revision, records.len() as u64), (Revision(revision), revision));
        assert!(records.iter().all(|record| *record.stream.tenant == *tenant));
        assert_eq!(records[0].step.kind, kind);
    }
    let (mut scanned, mut listed) = (0, Vec::new());
    for shard in (0..store.limits().shards).map(Shard) {
        let page = store.scan(shard, &Cursor::default(), 9).await.expect("it reads");
        assert!(page.records.iter().all(|record| store.shard(&record.stream) == shard));
        let followed = store.follow(shard, &Cursor::default(), 9).await.expect("it reads");
        assert_eq!(followed.records, page.records);
        scanned += page.records.len();
        if !page.records.is_empty() {
            store.changed(shard, &Cursor::default()).await.expect("there is something");
            assert_eq!(store.end(shard).await.expect("it reads"), page.next);
        }
        let after = StreamId::new(ACME, "Door", "a");
        listed.extend(store.streams(shard, Some(&after), 9).await.expect("it reads"));
    }
    assert_eq!((scanned, listed), (4, vec![stream(OTHER)]), "of nobody comes first");
    let scope = |tenant: &str| Scope { machine: "Door".into(), tenant: Some(tenant.into()), instance: None };
    let selection = Selection {
        kinds: vec![Kind::Step],
        since: jiff::Timestamp::MIN,
        until: jiff::Timestamp::MAX,
        triggers: None,
        from: None,
        to: None,
        changes: false,
    };
    for (tenant, count) in [(ACME, 0), (OTHER, 1)] {
        // By the store itself where it can, else computed.
        let own = match store.queries() {
            Some(queries) => queries.count(&scope(tenant), &selection, By::Trigger).await,
            None => query::count(&**store, &scope(tenant), &selection, By::Trigger).await,
        };
        assert_eq!(own.expect("it counts").values().sum::<u64>(), count);
    }
}

/// Cells know no tenants: whoever writes one has the tenant in its name.
pub(super) async fn cells(world: &World) {
    let key = |tenant: &str| CellKey { shard: Shard(0), name: format!("note/{tenant}/a").into() };
    let value = |tenant: &str| Some(Bytes::copy_from_slice(tenant.as_bytes()));
    for tenant in [ACME, "other"] {
        let put = Put { key: key(tenant), version: Some(0), value: value(tenant) };
        assert!(world.store.put(vec![put]).await.expect("it writes")[0].is_some(), "it is a new one");
    }
    let found = world.store.get(&[key(ACME)]).await.expect("it reads");
    assert_eq!(found.iter().map(|cell| &*cell.value).collect::<Vec<_>>(), [ACME.as_bytes()]);
    let listed = world.store.list(Shard(0), "note/other/", None, 9).await.expect("it reads");
    assert_eq!(listed.iter().map(|cell| &*cell.value).collect::<Vec<_>>(), [b"other"]);
}

pub(super) async fn repositories(world: &World) {
    let clock: Arc<dyn Clock> = Arc::new(world.clock.clone());
    let with = Repository::<Door>::with(Arc::clone(&world.store), clock, Arc::new(RandomIds));
    let new = Repository::<Door>::new(Arc::clone(&world.store));
    assert_eq!(with.store().limits().shards, new.store().limits().shards);
    for (tenant, times) in KNOCKS {
        for repository in [&with, &new] {
            let loaded = repository.load(&repository.stream(tenant, "a")).await.expect("it loads");
            assert_eq!((loaded.instance.data().knocks, loaded.seen("c")), (times, Some(Revision(1))));
        }
    }
    let (acme, other) = (with.stream(ACME, "a"), with.stream(OTHER, "a"));
    let mut behind = with.load(&other).await.expect("it loads");
    let mut loaded = with.load(&acme).await.expect("it loads");
    let step = loaded.instance.fire(DoorTrigger::Open).expect("it is shut");
    let origin = Origin { command: "s".into(), trigger: "Open", ..Origin::default() };
    let saved = with.save(&acme, &mut loaded, vec![(step, origin)]).await.expect("it is JSON");
    assert!(matches!(saved, Outcome::Appended(_)));
    with.catch_up(&other, &mut behind).await.expect("it reads");
    assert_eq!((behind.revision(), behind.seen("s")), (Revision(1), None));
    let moment = with.history(&other).data_at(Revision(1)).await.expect("it is told");
    assert_eq!(moment.instance.data().knocks, 100);
}

pub(super) async fn all_of_one(world: &World) {
    let acme = world.doors.tenant(ACME).expect("an id");
    let (mut export, mut records) = (acme.export(), 0);
    while let Some(line) = export.try_next().await.expect("it reads") {
        assert!(!line.contains(OTHER) && !line.contains("10000"));
        records += usize::from(matches!(serde_json::from_str(&line), Ok(ExportLine::Record(_))));
    }
    assert_eq!(records, 1);
    let usage = acme.usage().await.expect("it counts");
    assert_eq!((usage.instances, usage.records), (1, 1));
    let erased = acme.erase().await.expect("it is erased");
    assert_eq!((erased.instances, erased.emptied), (1, 1));
    acme.instance("a").state().await.expect_err("it is erased");
    assert_eq!((world.knocks(OTHER).await, world.knocks("").await), (100, 10_000));
    world.door(OTHER).fire(DoorTrigger::Open).await.expect("it is shut");
}
