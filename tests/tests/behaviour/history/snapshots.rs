//! History snapshots: written by hosts and on demand, begun with, passed over, removed.

use serde_json::{Value, json};
use statewright::store::{Cell, MemoryStore, Put, Revision, Shard, Store};
use statewright::{Host, Repository};
use statewright_tests::{Door, DoorTrigger};
use std::num::NonZeroU64;
use std::sync::Arc;

/// Opens and shuts a door so often, one record each.
async fn doors(store: &Arc<MemoryStore>, ids: &[&str], every: u64, records: usize) -> Host<Door> {
    let builder = Host::<Door>::builder(Arc::clone(store)).effects_elsewhere().history_every(every);
    let host = builder.build().await.expect("fine");
    for id in ids {
        for n in 0..records {
            let trigger = if n % 2 == 0 { DoorTrigger::Open } else { DoorTrigger::Close };
            host.instance(id).fire(trigger).await.expect("accepted");
        }
    }
    host.shutdown().await;
    host
}

async fn kept(store: &MemoryStore) -> Vec<Cell> {
    store.list(Shard(0), "history/", None, 1_000).await.expect("memory")
}

fn revisions(cells: &[Cell]) -> Vec<u64> {
    let revision =
        |cell: &Cell| cell.key.name.rsplit('/').next().expect("it ends so").parse().expect("a number");
    cells.iter().map(revision).collect()
}

/// Every snapshot says that the door was opened this often more: who begins with it says it too.
async fn forge(store: &MemoryStore, more: u64) {
    for cell in kept(store).await {
        let mut snapshot: Value = serde_json::from_slice(&cell.value).expect("JSON");
        assert_eq!(snapshot["commands"], json!([]), "nobody fires at the past");
        let opened = snapshot["data"]["opened"].as_u64().expect("a number");
        snapshot["data"]["opened"] = json!(opened + more);
        let put = Put { key: cell.key, version: None, value: Some(snapshot.to_string().into()) };
        store.put(vec![put]).await.expect("memory");
    }
}

async fn opened(host: &Host<Door>, id: &str, revision: u64) -> u64 {
    let moment = host.instance(id).history().data_at(Revision(revision)).await.expect("it is told");
    moment.instance.data().opened
}

#[tokio::test]
async fn a_host_keeps_them_for_good_and_data_begins_with_the_nearest() {
    let store = Arc::new(MemoryStore::with_shards(1));
    let host = doors(&store, &["a"], 10, 95).await;
    assert_eq!(revisions(&kept(&store).await), [10, 20, 30, 40, 50, 60, 70, 80, 90]);
    forge(&store, 1_000).await;
    for (revision, expected) in [(9, 5), (10, 1_005), (11, 1_006), (47, 1_024), (95, 1_048)] {
        assert_eq!(opened(&host, "a", revision).await, expected, "{revision}");
    }
    let loaded = host.repository().load(&host.repository().stream("", "a")).await.expect("it loads");
    assert_eq!(loaded.instance.data().opened, 48, "an instance is not loaded from them");
}

#[tokio::test]
async fn none_is_written_unless_asked_for() {
    let store = Arc::new(MemoryStore::with_shards(1));
    let host = doors(&store, &["a"], 0, 30).await;
    assert_eq!(kept(&store).await, []);
    let written = host.instance("a").history().checkpoint(NonZeroU64::new(7).expect("not zero")).await;
    assert_eq!(written.expect("it is written"), 4);
    assert_eq!(revisions(&kept(&store).await), [7, 14, 21, 28]);
}

/// Far away, dense, and broken ones.
#[tokio::test]
async fn what_does_not_fit_is_passed_over() {
    let store = Arc::new(MemoryStore::with_shards(1));
    let host = doors(&store, &["a"], 1, 70).await;
    let cells = kept(&store).await;
    assert_eq!(cells.len(), 70);
    forge(&store, 1_000).await;
    assert_eq!(opened(&host, "a", 66).await, 1_033);
    // From 30 on they are gone or broken: the ones before are found.
    for cell in &cells[29..] {
        let broken = (cell.key.name.ends_with('3')).then(|| "not JSON".into());
        store.put(vec![Put { key: cell.key.clone(), version: None, value: broken }]).await.expect("memory");
    }
    assert_eq!(opened(&host, "a", 66).await, 1_033);
    for cell in &cells {
        let broken = Some("{}".into());
        store.put(vec![Put { key: cell.key.clone(), version: None, value: broken }]).await.expect("memory");
    }
    assert_eq!(opened(&host, "a", 66).await, 33, "from the records alone");
}

/// Ids that begin or end alike have their own.
#[tokio::test]
async fn they_are_removed_of_one_instance_alone() {
    let store = Arc::new(MemoryStore::with_shards(1));
    let ids = ["a", "a/", "a/b", "aa", "", "a/0000000000000000/00000000000000000001"];
    let host = doors(&store, &ids, 2, 9).await;
    let tenant = host.tenant("Door").expect("an id");
    assert_eq!(kept(&store).await.len(), 4 * ids.len());
    for id in ids {
        assert_eq!(opened(&host, id, 9).await, 5);
    }
    assert_eq!(tenant.instance("a").history().discard_snapshots().await.expect("none"), 0);
    assert_eq!(host.instance("a").history().discard_snapshots().await.expect("they are removed"), 4);
    assert_eq!(kept(&store).await.len(), 4 * (ids.len() - 1));
    for id in ids {
        assert_eq!(opened(&host, id, 9).await, 5);
    }
    let repository = Repository::<Door>::new(Arc::clone(&store));
    let history = repository.history(&repository.stream("", "a/b"));
    assert_eq!(history.discard_snapshots().await.expect("they are removed"), 4);
}
