//! An effect that fails waits on the shelf, with those behind it, and with nobody else.

use super::{Bell, bell};
use statewright::Host;
use statewright::clock::FakeClock;
use statewright::effect::EffectError;
use statewright::store::{Cell, CellKey, MemoryStore, Put, Revision, Shard, Store};
use statewright_tests::{Door, DoorTrigger};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// More records than a shard has in flight.
const MANY: usize = 300;

type Rung = UnboundedReceiver<(String, u32)>;

async fn host(store: &Arc<MemoryStore>, clock: &FakeClock, bell: Bell) -> Host<Door> {
    let host = Host::<Door>::builder(Arc::clone(store)).clock(clock.clone()).effects(bell);
    host.build().await.expect("fine")
}

async fn knock(host: &Host<Door>, instance: &str, times: u64) {
    host.instance(instance).fire(DoorTrigger::Knock { times }).await.expect("always");
}

/// Turns the clock until it rings.
async fn next(clock: &FakeClock, rung: &mut Rung) -> (String, u32) {
    for _ in 0..10_000 {
        if let Ok(rung) = rung.try_recv() {
            return rung;
        }
        clock.advance(Duration::from_millis(20));
        tokio::task::yield_now().await;
    }
    panic!("it does not ring");
}

async fn cells(store: &MemoryStore, prefix: &str) -> Vec<Cell> {
    store.list(Shard(0), prefix, None, 1_000).await.expect("memory")
}

#[tokio::test]
async fn an_effect_that_fails_holds_up_its_own_instance_and_no_other() {
    let failures = BTreeMap::from([(7, EffectError::retry("the bell is stuck"))]);
    let (bell, mut rung) = bell(failures);
    let (store, clock) = (Arc::new(MemoryStore::with_shards(1)), FakeClock::default());
    let host = host(&store, &clock, bell).await;
    knock(&host, "a", 7).await;
    assert_eq!(rung.recv().await, Some(("/Door/a/1/0".to_owned(), 1)));
    while cells(&store, "parked/").await.is_empty() {
        tokio::task::yield_now().await;
    }
    knock(&host, "a", 1).await;
    // Time stands still: what failed is not due.
    for n in 0..MANY {
        knock(&host, &format!("b-{n}"), 1).await;
        let (key, attempt) = rung.recv().await.expect("the bell is there");
        assert_eq!((key, attempt), (format!("/Door/b-{n}/1/0"), 1));
    }
    assert_eq!(next(&clock, &mut rung).await, ("/Door/a/1/0".to_owned(), 2));
    assert_eq!(
        next(&clock, &mut rung).await,
        ("/Door/a/2/0".to_owned(), 1),
        "the one behind it has its turn"
    );
    while !cells(&store, "parked/").await.is_empty() {
        tokio::task::yield_now().await;
    }
    host.shutdown().await;
}

#[tokio::test]
async fn what_failed_is_counted_over_a_restart_and_in_order() {
    let stuck = || BTreeMap::from([(7, EffectError::retry("the bell is stuck"))]);
    let (store, clock) = (Arc::new(MemoryStore::with_shards(1)), FakeClock::default());
    for attempt in 1..=2 {
        let (bell, mut rung) = bell(stuck());
        let host = host(&store, &clock, bell).await;
        if attempt == 1 {
            knock(&host, "a", 7).await;
        }
        assert_eq!(next(&clock, &mut rung).await, ("/Door/a/1/0".to_owned(), attempt));
        knock(&host, "a", 1).await;
        host.shutdown().await;
        assert_eq!(rung.try_recv().ok(), None, "it waits behind the one that failed");
    }
    let (bell, mut rung) = bell(BTreeMap::new());
    let host = host(&store, &clock, bell).await;
    for (revision, attempt) in [(1, 3), (2, 1), (3, 1)] {
        assert_eq!(next(&clock, &mut rung).await, (format!("/Door/a/{revision}/0"), attempt));
    }
    host.shutdown().await;
}

/// What a kill leaves: everything is recorded, and the checkpoint is far behind.
async fn forget_checkpoint(store: &MemoryStore) {
    for cell in cells(store, "effects/").await {
        store.put(vec![Put { key: cell.key, version: None, value: None }]).await.expect("memory");
    }
}

#[tokio::test]
async fn an_effect_whose_answer_is_recorded_is_not_done_again() {
    let (bell, mut rung) = super::bell(BTreeMap::new());
    let (store, clock) = (Arc::new(MemoryStore::with_shards(1)), FakeClock::default());
    let first = host(&store, &clock, bell).await;
    knock(&first, "a", 1).await;
    assert_eq!(rung.recv().await, Some(("/Door/a/1/0".to_owned(), 1)));
    while first.instance("a").revision().await.expect("it loads") < Revision(2) {
        tokio::task::yield_now().await;
    }
    first.shutdown().await;
    forget_checkpoint(&store).await;
    let (bell, mut rung) = super::bell(BTreeMap::new());
    let second = host(&store, &clock, bell).await;
    knock(&second, "a", 1).await;
    assert_eq!(rung.recv().await, Some(("/Door/a/3/0".to_owned(), 1)), "the first was answered");
    second.shutdown().await;
    assert_eq!(rung.recv().await, None);
}

#[tokio::test]
async fn the_checkpoint_is_written_after_a_tenth_of_a_second_or_many_records() {
    let (bell, mut rung) = bell(BTreeMap::new());
    let (store, clock) = (Arc::new(MemoryStore::with_shards(1)), FakeClock::default());
    let host = host(&store, &clock, bell).await;
    let key = CellKey { shard: Shard(0), name: "effects/Door".into() };
    let versions =
        async || store.get(std::slice::from_ref(&key)).await.expect("memory").pop().map(|cell| cell.version);
    knock(&host, "a", 1).await;
    rung.recv().await.expect("it rings");
    while host.instance("a").revision().await.expect("it loads") < Revision(2) {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(versions().await, None, "time stands still");
    while versions().await.is_none() {
        clock.advance(Duration::from_millis(10));
        tokio::task::yield_now().await;
    }
    let before = versions().await;
    for n in 0..MANY {
        knock(&host, &format!("b-{n}"), 1).await;
    }
    while versions().await == before {
        tokio::task::yield_now().await;
    }
    host.shutdown().await;
}
