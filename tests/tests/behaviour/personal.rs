//! Personal data: sealed wherever it is recorded, and gone with its subject's key.

mod attacks;
mod effects;
mod files;
mod forget;
mod keys;
mod lifted;
mod subscriptions;

use statewright::clock::FakeClock;
use statewright::host::HostBuilder;
use statewright::personal::KeyRing;
use statewright::store::{Cell, Cursor, MemoryStore, Record, Shard, Store};
use statewright::{Host, Machine, Personal};
use statewright_tests::stay::{Guest, Stay, StayEvent, StayTrigger};
use std::sync::Arc;

/// What must not be found in any store.
const NAME: &str = "Ann Archer";

fn ring() -> KeyRing {
    KeyRing::new("2026", [26; 32])
}

fn builder_of<M: Machine>(store: &Arc<MemoryStore>) -> HostBuilder<M> {
    Host::<M>::builder(Arc::clone(store)).effects_elsewhere().clock(FakeClock::default())
}

fn builder(store: &Arc<MemoryStore>) -> HostBuilder<Stay> {
    builder_of(store)
}

async fn host(store: &Arc<MemoryStore>) -> Host<Stay> {
    builder(store).personal_key(ring()).build().await.expect("it has a key")
}

fn book(guest: &str, name: &str) -> StayTrigger {
    StayTrigger::Book { guest: guest.to_owned(), name: name.to_owned() }
}

fn note(text: &str) -> StayTrigger {
    StayTrigger::Note { text: text.to_owned() }
}

async fn data(host: &Host<Stay>, tenant: &str, instance: &str) -> Guest {
    let handle = match tenant {
        "" => host.instance(instance),
        tenant => host.tenant(tenant).expect("it may have one").instance(instance),
    };
    handle.view(|instance, _| instance.data().clone()).await.expect("it loads")
}

/// The name of a guest; `None`: it is forgotten.
async fn name(host: &Host<Stay>, instance: &str) -> Option<String> {
    data(host, "", instance).await.name.expect("the room is taken").into_known()
}

/// Every record of a store.
async fn records(store: &dyn Store) -> Vec<Record> {
    let mut all = Vec::new();
    for shard in (0..store.limits().shards).map(Shard) {
        all.extend(store.scan(shard, &Cursor::default(), 10_000).await.expect("it reads").records);
    }
    all
}

/// Every cell of a store.
async fn cells(store: &dyn Store) -> Vec<Cell> {
    let mut all = Vec::new();
    for shard in (0..store.limits().shards).map(Shard) {
        all.extend(store.list(shard, "", None, 10_000).await.expect("it reads"));
    }
    all
}

/// Everything that a store holds, as text.
async fn everything(store: &dyn Store) -> String {
    let mut lines = Vec::new();
    for record in records(store).await {
        lines.push(record.stream.to_string());
        lines.push(serde_json::to_string(&record.step.body).expect("JSON"));
    }
    for cell in cells(store).await {
        lines.push(cell.key.name.to_string());
        lines.push(String::from_utf8_lossy(&cell.value).into_owned());
    }
    lines.join("\n")
}

#[tokio::test]
async fn what_was_recorded_is_read_again_and_stands_nowhere_in_the_clear() {
    let store = Arc::new(MemoryStore::with_shards(4));
    let first =
        builder(&store).personal_key(ring()).snapshot_every(2).history_every(1).build().await.expect("fine");
    let stay = first.instance("7");
    let fired = stay.fire(book("g-1", NAME)).await.expect("the room is free");
    assert!(
        matches!(&fired.events[0], StayEvent::Booked(booked) if booked.name == Personal::new(NAME.to_owned()))
    );
    for n in 0..5 {
        stay.fire(note(&format!("{NAME} likes tea, {n}"))).await.expect("taken");
    }
    stay.fire(StayTrigger::Greet).await.expect("taken");
    while !cells(&*store).await.iter().any(|cell| cell.key.name.starts_with("snapshot/")) {
        tokio::task::yield_now().await;
    }
    first.shutdown().await;

    let all = everything(&*store).await;
    assert!(all.contains("sealed") && all.contains("g-1"), "the subject stands in the clear: {all}");
    assert!(!all.contains(NAME) && !all.contains("likes tea"), "{all}");

    let second = host(&store).await;
    let guest = data(&second, "", "7").await;
    assert_eq!(guest.name.as_ref().and_then(Personal::known).map(String::as_str), Some(NAME));
    let notes: Vec<_> = guest.notes.into_iter().filter_map(Personal::into_known).collect();
    assert_eq!(notes[4], "Ann Archer likes tea, 4");
    assert_eq!(notes.len(), 5);
    let again = second.instance("7").fire(note("still here")).await.expect("taken");
    assert_eq!(again.revision.0, 8);
    second.shutdown().await;
}

#[tokio::test]
async fn a_snapshot_with_personal_data_is_used() {
    let store = Arc::new(MemoryStore::with_shards(1));
    let first = builder(&store).personal_key(ring()).snapshot_every(2).build().await.expect("fine");
    first.instance("7").fire(book("g-1", NAME)).await.expect("free");
    first.instance("7").fire(note("tea")).await.expect("taken");
    while !cells(&*store).await.iter().any(|cell| cell.key.name.starts_with("snapshot/")) {
        tokio::task::yield_now().await;
    }
    first.shutdown().await;
    // An event that does not decode is not read when a snapshot stands behind it.
    let broken = attacks::with_first_payload(&store, "{}").await;
    assert_eq!(name(&host(&broken).await, "7").await.as_deref(), Some(NAME));
}

#[tokio::test]
async fn what_is_not_recorded_has_no_json() {
    let guest = Guest { name: Some(Personal::new(NAME.to_owned())), ..Guest::default() };
    let error = serde_json::to_string(&guest).expect_err("it is no record");
    assert!(error.to_string().contains("take the value with `known()`"), "{error}");
    serde_json::from_str::<Personal<String>>("\"Ann\"").expect_err("it is no record");
    assert_eq!(format!("{guest:?}"), r#"Guest { guest: "", name: Some(Personal(known)), notes: [] }"#);
}
