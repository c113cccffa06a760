//! Two hosts on one store: the revision decides, nothing is recorded twice.

use statewright::Host;
use statewright::store::{MemoryStore, Revision, Store};
use statewright_tests::{Door, DoorState, DoorTrigger};
use std::sync::Arc;

async fn host(store: &Arc<MemoryStore>) -> Host<Door> {
    Host::builder(Arc::clone(store))
        .effects_elsewhere()
        .conflict_retries(1_000)
        .snapshot_every(7)
        .build()
        .await
        .expect("fine")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conflicts_are_decided_again_until_all_is_recorded_once() {
    let store = Arc::new(MemoryStore::new());
    let hosts = [host(&store).await, host(&store).await];
    let mut tasks = Vec::new();
    for n in 0..200 {
        for host in &hosts {
            let host = host.clone();
            // Both hosts are given the same commands.
            tasks.push(tokio::spawn(async move {
                host.instance("hot")
                    .command(&n.to_string())
                    .fire(DoorTrigger::Knock { times: 1 })
                    .await
                    .expect("always")
            }));
        }
    }
    let mut fresh = 0;
    for task in tasks {
        fresh += u64::from(!task.await.expect("no panic").duplicate);
    }
    assert_eq!(fresh, 200);
    let stream = hosts[0].repository().stream("", "hot");
    assert_eq!(store.head(&stream).await.expect("memory").revision, Revision(200));
    for host in &hosts {
        let knocks = host.instance("hot").view(|door, _| door.data().knocks).await.expect("it loads");
        assert_eq!(knocks, 200);
    }
}

#[tokio::test]
async fn a_stale_copy_neither_refuses_nor_answers() {
    let store = Arc::new(MemoryStore::new());
    let (a, b) = (host(&store).await, host(&store).await);
    a.instance("x").fire(DoorTrigger::Open).await.expect("it is shut");
    b.instance("x").fire(DoorTrigger::Close).await.expect("it is open");
    assert_eq!(a.instance("x").state().await.expect("it loads"), DoorState::Closed);
    b.instance("x").fire(DoorTrigger::Open).await.expect("it is shut");
    b.instance("x").fire(DoorTrigger::Close).await.expect("it is open");
    b.instance("x").fire(DoorTrigger::Open).await.expect("it is shut");
    // The copy of `a` is shut and would not handle it.
    a.instance("x").fire(DoorTrigger::Close).await.expect("it is open");
}

#[tokio::test]
async fn restored_is_equal_to_original_from_snapshots_too() {
    let store = Arc::new(MemoryStore::new());
    let first = host(&store).await;
    for n in 0..50_u64 {
        let trigger = if n % 2 == 0 { DoorTrigger::Open } else { DoorTrigger::Close };
        first.instance("x").fire(trigger).await.expect("it alternates");
    }
    let original = first
        .instance("x")
        .view(|door, revision| (door.state(), door.data().clone(), revision))
        .await
        .expect("it loads");
    first.shutdown().await;
    let second = host(&store).await;
    let restored = second
        .instance("x")
        .view(|door, revision| (door.state(), door.data().clone(), revision))
        .await
        .expect("it loads");
    assert_eq!(original, restored);
    let shard = store.shard(&first.repository().stream("", "x"));
    assert_eq!(
        store.list(shard, "snapshot/", None, 10).await.expect("memory").len(),
        2,
        "two snapshots are kept"
    );
}

#[tokio::test]
async fn a_snapshot_that_does_not_fit_is_passed_over() {
    use statewright::store::Put;
    let store = Arc::new(MemoryStore::new());
    let first = host(&store).await;
    for _ in 0..10 {
        first.instance("x").fire(DoorTrigger::Knock { times: 1 }).await.expect("always");
    }
    first.shutdown().await;
    let shard = store.shard(&first.repository().stream("", "x"));
    for cell in store.list(shard, "snapshot/", None, 10).await.expect("memory") {
        let text = String::from_utf8(cell.value.to_vec()).expect("JSON");
        for wrong in [
            text.replace("\"shape\":", "\"shape\":1"),
            text.replace("\"revision\":", "\"revision\":9"),
            "{".to_owned(),
        ] {
            store
                .put(vec![Put { key: cell.key.clone(), version: None, value: Some(wrong.into()) }])
                .await
                .expect("memory");
            let host = host(&store).await;
            let knocks = host.instance("x").view(|door, _| door.data().knocks).await.expect("it loads");
            assert_eq!(knocks, 10);
        }
    }
}
