//! A tenant that is erased is nowhere any more, and nobody else misses anything.

use super::{ACME, Bell, House, OTHER, holds, houses};
use bytes::Bytes;
use statewright::clock::FakeClock;
use statewright::definition::LimitScope;
use statewright::error::{FireError, LoadError};
use statewright::host::Unreadable;
use statewright::limit::RateLimit;
use statewright::store::faulty::Faulty;
use statewright::store::{
    CellKey, Kind, MemoryStore, Put, Record, Revision, Shard, Store, StoreError, StreamId,
};
use statewright::{Host, Tenancy};
use statewright_sqlite::SqliteStore;
use statewright_tests::files;
use statewright_tests::kettle::KettleTrigger;
use statewright_tests::{Door, DoorTrigger};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

fn is_refused(error: &FireError) -> bool {
    matches!(error, FireError::Load(error) if matches!(**error, LoadError::TenantErased { .. }))
}

/// Every record of every stream.
async fn all(store: &dyn Store) -> Vec<Record> {
    let mut all = Vec::new();
    for shard in (0..store.limits().shards).map(Shard) {
        for stream in store.streams(shard, None, 10_000).await.expect("it reads") {
            all.extend(store.read(&stream, Revision(0), 10_000).await.expect("it reads").0);
        }
    }
    all
}

/// Nothing is left of a tenant but addresses and times of its records, and the mark.
async fn is_gone(store: &dyn Store, tenant: &str) {
    for record in all(store).await.iter().filter(|record| *record.stream.tenant == *tenant) {
        let (_, head) = store.read(&record.stream, Revision(0), 1).await.expect("it reads");
        let is_last = record.revision == head.revision;
        assert_eq!(record.step.kind, if is_last { Kind::Deleted } else { Kind::Erased }, "{record:?}");
        assert_eq!((record.step.body.events.len(), record.step.body.effects.len()), (0, 0));
    }
    for shard in (0..store.limits().shards).map(Shard) {
        for cell in store.list(shard, "", None, 10_000).await.expect("it reads") {
            let is_mark = *cell.key.name == *format!("erased/{tenant}");
            assert!(is_mark || !holds(&cell, tenant), "`{}` is left", cell.key.name);
        }
    }
}

#[tokio::test]
async fn an_erased_tenant_is_nowhere_and_others_miss_nothing() {
    for (house, _folder) in houses().await {
        for tenant in [ACME, OTHER, ""] {
            house.furnish(tenant).await;
        }
        erase(&house).await;
        house.close().await;
        is_gone(&*house.store, ACME).await;
    }
}

async fn erase(house: &House) {
    let others = |records: Vec<Record>| -> Vec<Record> {
        records.into_iter().filter(|record| &*record.stream.tenant != ACME).collect()
    };
    let others_before = others(all(&*house.store).await);
    let cells_before = house.cells().await.iter().filter(|cell| holds(cell, OTHER)).count();
    let cached = house.doors.cached();
    let acme = house.doors.tenant(ACME).expect("an id");
    let erased = acme.erase().await.expect("it is erased");
    assert_eq!((erased.instances, erased.emptied), (9, 9));
    // Three entries of the agenda may have gone before, with the ends of their instances.
    assert!(erased.records > 9 && erased.cells >= 21, "{erased:?}");
    is_gone(&*house.store, ACME).await;
    assert_eq!(house.doors.cached(), cached - 6, "nothing of it is in memory");
    assert_eq!(others(all(&*house.store).await), others_before);
    let cells = house.cells().await.iter().filter(|cell| holds(cell, OTHER)).count();
    assert_eq!(cells, cells_before);
    refuses(house).await;
    // Asked again there is nothing to do.
    let again = acme.erase().await.expect("it is erased");
    assert_eq!((again.instances, again.emptied, again.records, again.cells), (9, 0, 0, 0));
    let other = house.doors.tenant(OTHER).expect("an id").instance("a");
    other.fire(DoorTrigger::Open).await.expect("it is shut");
}

/// On the host that has erased it, on another one, and for another machine.
async fn refuses(house: &House) {
    let elsewhere = Host::<Door>::builder(Arc::clone(&house.store)).clock(house.clock.clone());
    let elsewhere = elsewhere.effects_elsewhere().build().await.expect("fine");
    for host in [&house.doors, &elsewhere] {
        let acme = host.tenant(ACME).expect("an id");
        for id in ["a", "new"] {
            let refused = acme.instance(id).fire(DoorTrigger::Open).await.expect_err("it is erased");
            assert!(is_refused(&refused) && !refused.is_retryable(), "{refused}");
            assert!(is_refused(&acme.instance(id).state().await.expect_err("it is erased")));
        }
    }
    let kettle = house.kettles.tenant(ACME).expect("an id").instance("new");
    assert!(is_refused(&kettle.fire(KettleTrigger::Fill).await.expect_err("it is erased")));
}

#[tokio::test]
async fn what_was_erased_is_in_no_file_any_more() {
    const COMMAND: &str = "a-command-that-names-somebody";
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = SqliteStore::open(folder.path().join("doors.db")).expect("a new file");
    let host = Host::<Door>::builder(store).effects_elsewhere().build().await.expect("fine");
    let acme = host.tenant(ACME).expect("an id");
    for n in 0..100 {
        let door = acme.instance(&n.to_string());
        door.command(COMMAND).fire(DoorTrigger::Open).await.expect("it is shut");
    }
    assert!(files::holds(&files::bytes(folder.path()), COMMAND), "the test finds what is there");
    acme.erase().await.expect("it is erased");
    // While the host runs, without a word of its end.
    assert!(!files::holds(&files::bytes(folder.path()), COMMAND));
    host.shutdown().await;
}

/// Whoever begins while the tenant is being erased is either refused or erased.
#[tokio::test]
async fn an_instance_that_begins_behind_the_eraser_is_erased_all_the_same() {
    let store = Arc::new(Faulty::new(MemoryStore::with_shards(1)));
    let host = |store: &Arc<Faulty<MemoryStore>>| {
        Host::<Door>::builder(Arc::clone(store)).effects_elsewhere().build()
    };
    let (here, there) = (host(&store).await.expect("fine"), host(&store).await.expect("fine"));
    // It has looked for the mark, and waits for the store.
    store.close();
    let door = there.tenant(ACME).expect("an id").instance("late");
    let late = tokio::spawn(async move { door.fire(DoorTrigger::Open).await });
    while store.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let erased = here.tenant(ACME).expect("an id").erase().await.expect("there is nothing");
    assert_eq!(erased.instances, 0);
    store.open(100);
    assert!(is_refused(&late.await.expect("no panic").expect_err("it came too late")));
    is_gone(&*store, ACME).await;
    let stream = StreamId::new(ACME, "Door", "late");
    assert_eq!(store.head(&stream).await.expect("memory").revision, Revision(2), "it did begin");
}

/// Somebody who never looks for the mark, and writes behind every pass.
#[tokio::test]
async fn an_erasure_that_comes_to_no_end_says_so() {
    let store = Arc::new(MemoryStore::with_shards(1));
    let host = Host::<Door>::builder(Arc::clone(&store)).effects_elsewhere().build().await.expect("fine");
    let acme = host.tenant(ACME).expect("an id");
    acme.instance("1").fire(DoorTrigger::Open).await.expect("always");
    let writes = tokio::spawn(async move {
        loop {
            let key = CellKey { shard: Shard(0), name: format!("dead/Door/{ACME}/1").into() };
            let put = Put { key, version: None, value: Some(Bytes::from_static(b"{}")) };
            store.put(vec![put]).await.expect("memory");
            tokio::task::yield_now().await;
        }
    });
    let error = acme.erase().await.expect_err("something is left each time");
    assert!(
        matches!(error, StoreError::Contended { ref stream, .. } if *stream.tenant == *ACME),
        "{error:?}"
    );
    writes.abort();
    host.shutdown().await;
}

#[tokio::test]
async fn buckets_and_what_was_put_aside_leave_with_the_tenant() {
    let clock = FakeClock::default();
    let limit = |scope| (scope, RateLimit::new(1, Duration::from_mins(1)));
    let store = Arc::new(MemoryStore::new());
    let mut builder = Host::<Door>::builder(Arc::clone(&store)).clock(clock).effects(Bell);
    for (scope, limit) in [limit(LimitScope::Tenant), limit(LimitScope::Instance)] {
        builder = builder.limit(scope, limit);
    }
    let builder = builder.unreadable(Unreadable::Quarantine).tenancy(Tenancy::Optional);
    let host = builder.build().await.expect("fine");
    for tenant in [ACME, OTHER] {
        unreadable(&*store, tenant).await;
        let tenant = host.tenant(tenant).expect("an id");
        tenant.instance("unreadable").state().await.expect_err("it names no state");
        tenant.instance("a").fire(DoorTrigger::Open).await.expect("it is shut");
    }
    let keys = || host.limits().iter().map(|limit| limit.stats.keys).collect::<Vec<_>>();
    assert_eq!((host.quarantined().len(), keys()), (2, vec![2, 2]));
    host.tenant(ACME).expect("an id").erase().await.expect("what cannot be read is erased too");
    let aside = host.quarantined();
    assert_eq!((aside.len(), &*aside[0].stream.tenant), (1, OTHER));
    assert_eq!(keys(), [1, 1]);
    is_gone(&*store, ACME).await;
}

/// An instance in a state that the machine does not have.
async fn unreadable(store: &dyn Store, tenant: &str) {
    use statewright::store::{Append, Head, Outcome, RecordedStep, Unit};
    let step = RecordedStep { command: "x".into(), to: "Nowhere".into(), ..RecordedStep::default() };
    let stream = StreamId::new(tenant, "Door", "unreadable");
    let append = Append { stream, after: Head::default(), steps: vec![step] };
    let outcomes = store.append(vec![append], Unit::Each).await;
    assert!(matches!(outcomes[..], [Outcome::Appended(_)]));
}

/// Snapshots are a cache of what can be loaded: they go with the instance, without a tenant too.
#[tokio::test]
async fn the_snapshots_of_a_deleted_instance_are_removed() {
    let store = Arc::new(MemoryStore::with_shards(1));
    let host = Host::<Door>::builder(Arc::clone(&store)).effects_elsewhere().snapshot_every(1);
    let host = host.build().await.expect("fine");
    let count = || async { store.list(Shard(0), "snapshot/", None, 10).await.expect("memory").len() };
    for id in ["a", "b"] {
        for times in 1..9 {
            host.instance(id).fire(DoorTrigger::Knock { times }).await.expect("always");
        }
    }
    while count().await < 4 {
        tokio::task::yield_now().await;
    }
    host.instance("a").delete().await.expect("it ends");
    while count().await > 2 {
        tokio::task::yield_now().await;
    }
}

const INSTANCES: usize = 300;

/// A process is killed in the middle of it, at one of its writes, and the next one goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_while_it_erases_is_taken_up_by_the_next() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("doors.db");
    fill(&file).await;
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    // An end and an erasure for each instance: all rounds together are fewer writes.
    for _ in 0..5 {
        assert_eq!(erase_and_kill(&file, rng.usize(..INSTANCES / 3)), "stalled");
        let store = SqliteStore::open(&file).expect("a killed process leaves a store that opens");
        assert!(left(&store).await > 0, "it was killed in the middle of it");
    }
    assert_eq!(erase_and_kill(&file, usize::MAX), "erased", "the next one goes on to the end");
    let store = SqliteStore::open(&file).expect("it opens");
    store.integrity_check().await.expect("the file is whole");
    is_gone(&store, ACME).await;
    let records = all(&store).await;
    let count = |tenant: &str, kind| {
        let of = |record: &&Record| *record.stream.tenant == *tenant && record.step.kind == kind;
        records.iter().filter(of).count()
    };
    assert_eq!((count(ACME, Kind::Deleted), count(OTHER, Kind::Step)), (INSTANCES, 20));
}

/// Records and cells of the tenant.
async fn left(store: &dyn Store) -> usize {
    let is_left = |record: &Record| *record.stream.tenant == *ACME && record.step.kind == Kind::Step;
    let records = all(store).await.iter().filter(|record| is_left(record)).count();
    let cells = store.list(Shard(0), "snapshot/", None, 10_000).await.expect("it reads");
    records + cells.iter().filter(|cell| holds(cell, ACME)).count()
}

async fn fill(file: &Path) {
    let store = SqliteStore::open(file).expect("a new file");
    let host = Host::<Door>::builder(store).effects_elsewhere().snapshot_every(1).build().await;
    let host = host.expect("fine");
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..INSTANCES + 10 {
        let tenant = if n < INSTANCES { ACME } else { OTHER };
        let door = host.tenant(tenant).expect("an id").instance(&format!("door-{n}"));
        tasks.spawn(async move {
            for times in 1..=2 {
                door.fire(DoorTrigger::Knock { times }).await.expect("always");
            }
        });
    }
    tasks.join_all().await;
    host.shutdown().await;
}

/// Kills it when it stands still behind so many writes. What it said last.
fn erase_and_kill(file: &Path, writes: usize) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_erase"));
    let command = command.arg(file).arg(ACME).arg(writes.to_string());
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let mut output = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let said = output.next().expect("it says something").expect("text");
    child.kill().expect("it runs, or nobody has waited for it");
    child.wait().expect("it has ended");
    said
}
