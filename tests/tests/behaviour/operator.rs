//! What an operator asks of a host: its instances page by page, and what may be done to their copies in memory.

use statewright::Host;
use statewright::clock::FakeClock;
use statewright::history::Standing;
use statewright::host::{Eviction, Found, InstanceFilter, Operator, SnapshotError};
use statewright::store::faulty::Faulty;
use statewright::store::{MemoryStore, Revision, Store, StreamId};
use statewright_tests::kettle::{Kettle, KettleTrigger};
use statewright_tests::{Door, DoorState, DoorTrigger};
use std::collections::BTreeSet;
use std::sync::Arc;

type Filter = InstanceFilter<DoorState>;

async fn host(store: impl Store) -> Host<Door> {
    Host::builder(store).effects_elsewhere().build().await.expect("fine")
}

/// Every page, seven at a time.
async fn all(operator: &Operator<Door>, filter: &Filter) -> Vec<Found<DoorState>> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = operator.instances(filter, after.as_ref(), 7).await.expect("memory");
        assert!(page.found.len() <= 7);
        found.extend(page.found);
        match page.next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

async fn names(operator: &Operator<Door>, filter: &Filter) -> BTreeSet<String> {
    let found = all(operator, filter).await;
    let names: BTreeSet<_> = found.iter().map(|found| found.stream.to_string()).collect();
    assert_eq!(names.len(), found.len(), "each once");
    names
}

fn doors<'a>(tenant: &str, ids: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    ids.into_iter().map(|id| StreamId::new(tenant, "Door", id).to_string()).collect()
}

/// Two tenants and none, each with the same doors, and kettles among them.
async fn street() -> (Arc<MemoryStore>, Host<Door>) {
    let store = Arc::new(MemoryStore::with_shards(4));
    let kettles = Host::<Kettle>::builder(Arc::clone(&store)).clock(FakeClock::default()).build().await;
    let (kettles, host) = (kettles.expect("fine"), host(Arc::clone(&store)).await);
    for n in 0..30 {
        let id = if n < 10 { format!("back-{n}") } else { format!("front-{n}") };
        kettles.instance(&id).fire(KettleTrigger::Fill).await.expect("it is idle");
        host.instance(&id).fire(DoorTrigger::Open).await.expect("it is shut");
        for tenant in ["acme", "globex"] {
            let door = host.tenant(tenant).expect("a good id").instance(&id);
            door.fire(if n % 3 == 0 { DoorTrigger::Open } else { DoorTrigger::Knock { times: 1 } })
                .await
                .expect("it is shut");
        }
    }
    (store, host)
}

#[tokio::test]
async fn instances_are_listed_page_by_page_each_once() {
    let (_, host) = street().await;
    let operator = host.operator();
    let ids: Vec<_> =
        (0..30).map(|n| if n < 10 { format!("back-{n}") } else { format!("front-{n}") }).collect();
    let of = |tenant, beginning| {
        doors(tenant, ids.iter().map(|id| &**id).filter(|id: &&str| id.starts_with(beginning)))
    };
    let everything = ["", "acme", "globex"].into_iter().flat_map(|tenant| of(tenant, "")).collect();
    assert_eq!(names(&operator, &Filter::all()).await, everything);
    assert_eq!(names(&operator, &Filter::all().tenant("acme")).await, of("acme", ""));
    assert_eq!(names(&operator, &Filter::all().tenant("")).await, of("", ""));
    assert_eq!(
        names(&operator, &Filter::all().tenant("globex").prefix("back-")).await,
        of("globex", "back-")
    );
    assert_eq!(names(&operator, &Filter::all().tenant("acme").prefix("b")).await, of("acme", "b"));
    assert_eq!(names(&operator, &Filter::all().prefix("front-2")).await.len(), 30);
    assert!(names(&operator, &Filter::all().tenant("nobody")).await.is_empty());
    assert!(names(&operator, &Filter::all().tenant("acme").prefix("bz")).await.is_empty());
}

#[tokio::test]
async fn instances_are_found_by_where_they_stand_and_in_memory() {
    let (store, host) = street().await;
    let operator = host.operator();
    let ajar = names(&operator, &Filter::all().tenant("acme").state(DoorState::Ajar)).await;
    assert_eq!(ajar.len(), 10);
    host.tenant("acme").expect("a good id").instance("back-0").delete().await.expect("always");
    let ajar = names(&operator, &Filter::all().tenant("acme").state(DoorState::Ajar)).await;
    assert_eq!(ajar.len(), 9);
    let deleted = all(&operator, &Filter::all().tenant("acme").prefix("back-0")).await;
    assert!(matches!(deleted[..], [Found { standing: Ok(Standing::Deleted), .. }]), "{deleted:?}");
    assert_eq!(operator.evict("acme", "back-1"), Eviction::Evicted);
    assert_eq!(names(&operator, &Filter::all().cached()).await.len(), host.cached());
    let other = self::host(store).await;
    assert!(names(&other.operator(), &Filter::all().cached()).await.is_empty());
    other.instance("back-3").state().await.expect("it loads");
    assert_eq!(names(&other.operator(), &Filter::all().cached()).await, doors("", ["back-3"]));
}

#[tokio::test]
async fn a_copy_goes_unless_somebody_works_on_it() {
    let store = Arc::new(Faulty::new(MemoryStore::new()));
    let host = host(Arc::clone(&store)).await;
    let (door, operator) = (host.instance("a"), host.operator());
    assert_eq!(door.evict(), Eviction::NotCached);
    store.close();
    let opening = tokio::spawn({
        let door = door.clone();
        async move { door.fire(DoorTrigger::Open).await }
    });
    while store.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(operator.evict("", "a"), Eviction::Busy);
    store.open(10);
    opening.await.expect("no panic").expect("it is shut");
    while operator.evict("", "a") == Eviction::Busy {
        tokio::task::yield_now().await;
    }
    assert_eq!((host.cached(), door.evict()), (0, Eviction::NotCached));
    assert_eq!(door.state().await.expect("it is read again"), DoorState::Ajar);
}

#[tokio::test]
async fn a_snapshot_that_is_asked_for_is_where_the_next_load_begins() {
    let store = Arc::new(Faulty::new(MemoryStore::new()));
    let host = host(Arc::clone(&store)).await;
    let (door, operator) = (host.instance("a"), host.operator());
    assert_eq!(door.snapshot_now().await.expect("nothing to hold"), Revision(0));
    for round in 1..=3_u64 {
        door.fire(DoorTrigger::Knock { times: 1 }).await.expect("always");
        assert_eq!(operator.snapshot_now("", "a").await.expect("memory"), Revision(round));
    }
    let shard = store.shard(&host.repository().stream("", "a"));
    let cells = store.list(shard, "snapshot/", None, 10).await.expect("memory");
    let revision = |cell: &statewright::store::Cell| {
        let snapshot: serde_json::Value = serde_json::from_slice(&cell.value).expect("JSON");
        snapshot["revision"].as_u64().expect("a number")
    };
    let mut kept: Vec<_> = cells.iter().map(revision).collect();
    kept.sort_unstable();
    assert_eq!(kept, [2, 3], "the older one gave way");
    let knocks = door.view(|door, _| door.data().knocks).await.expect("it loads");
    assert_eq!(knocks, 3);
    door.delete().await.expect("always");
    let error = door.snapshot_now().await.expect_err("it is deleted");
    assert!(matches!(error, SnapshotError::Fire(_)), "{error}");
}
