//! Effects: recorded with the step, done after the commit, at least once, with one key.

mod handlers;
mod letters;
mod order;
mod parked;
mod take_over;
mod unordered;

use statewright::Host;
use statewright::clock::FakeClock;
use statewright::effect::{EffectAnswer, EffectCx, EffectError};
use statewright::store::{MemoryStore, Revision, StreamId};
use statewright_tests::{Door, DoorEffects, DoorTrigger};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;

/// So many knocks break the bell.
const CRACK: u64 = 99;

/// Keeps the keys it was asked for, and fails as often as it is told.
struct Bell {
    failures: Mutex<BTreeMap<u64, EffectError>>,
    rung: mpsc::UnboundedSender<(String, u32)>,
}

impl DoorEffects for Bell {
    async fn ring(&self, cx: &EffectCx, times: u64) -> EffectAnswer<Door> {
        self.rung.send((cx.key(), cx.attempt())).map_err(EffectError::fatal)?;
        assert_ne!(times, CRACK, "the bell has cracked");
        match self.failures.lock().map(|mut failures| failures.remove(&times)) {
            Ok(Some(failure)) => Err(failure),
            _ => Ok(Some(DoorTrigger::Rung)),
        }
    }
}

fn bell(failures: BTreeMap<u64, EffectError>) -> (Bell, mpsc::UnboundedReceiver<(String, u32)>) {
    let (rung, keys) = mpsc::unbounded_channel();
    (Bell { failures: Mutex::new(failures), rung }, keys)
}

#[tokio::test]
async fn an_effect_is_done_and_its_answer_is_a_step() {
    let (bell, mut keys) = bell(BTreeMap::new());
    let host = Host::<Door>::builder(MemoryStore::with_shards(2)).effects(bell).build().await.expect("fine");
    host.instance("a").fire(DoorTrigger::Knock { times: 3 }).await.expect("always");
    assert_eq!(keys.recv().await, Some(("/Door/a/1/0".to_owned(), 1)));
    while host.instance("a").revision().await.expect("it loads") < Revision(2) {
        tokio::task::yield_now().await;
    }
    host.shutdown().await;
}

#[tokio::test]
async fn effects_of_a_killed_host_are_done_by_the_next() {
    let store = Arc::new(MemoryStore::with_shards(2));
    let dead = Host::<Door>::builder(Arc::clone(&store)).effects_elsewhere().build().await.expect("fine");
    for times in 1..=3 {
        dead.instance("a").fire(DoorTrigger::Knock { times }).await.expect("always");
    }
    let (bell, mut keys) = bell(BTreeMap::new());
    let host = Host::<Door>::builder(Arc::clone(&store)).effects(bell).build().await.expect("fine");
    for revision in 1..=3 {
        assert_eq!(keys.recv().await, Some((format!("/Door/a/{revision}/0"), 1)));
    }
    host.shutdown().await;
    let (bell, mut keys) = self::bell(BTreeMap::new());
    let host = Host::<Door>::builder(store).effects(bell).build().await.expect("fine");
    host.instance("b").fire(DoorTrigger::Knock { times: 1 }).await.expect("always");
    assert_eq!(keys.recv().await, Some(("/Door/b/1/0".to_owned(), 1)), "the checkpoint spares what was done");
    host.shutdown().await;
}

#[tokio::test]
async fn a_failure_is_tried_again_and_a_fatal_one_is_a_dead_letter() {
    let failures = BTreeMap::from([
        (1, EffectError::retry("the bell is stuck")),
        (2, EffectError::fatal("there is no bell")),
    ]);
    let (bell, mut keys) = bell(failures);
    let clock = FakeClock::default();
    let host = Host::<Door>::builder(MemoryStore::with_shards(1))
        .clock(clock.clone())
        .effects(bell)
        .build()
        .await
        .expect("fine");
    host.instance("a").fire(DoorTrigger::Knock { times: 1 }).await.expect("always");
    assert_eq!(keys.recv().await, Some(("/Door/a/1/0".to_owned(), 1)));
    let again = loop {
        clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
        if let Ok(key) = keys.try_recv() {
            break key;
        }
    };
    assert_eq!(again, ("/Door/a/1/0".to_owned(), 2));
    host.instance("b").fire(DoorTrigger::Knock { times: 2 }).await.expect("always");
    assert_eq!(keys.recv().await, Some(("/Door/b/1/0".to_owned(), 1)));
    let letters = loop {
        let letters = host.dead_letters().list(None, 10).await.expect("memory");
        if !letters.is_empty() {
            break letters;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((letters.len(), letters[0].key.as_str(), letters[0].attempts), (1, "/Door/b/1/0", 1));
    assert_eq!(letters[0].error, "the effect failed for good: there is no bell");
    host.shutdown().await;
}

#[tokio::test]
async fn a_handler_that_panics_loses_no_effect() {
    let (bell, mut keys) = bell(BTreeMap::new());
    let store = Arc::new(MemoryStore::with_shards(1));
    let asks = Host::<Door>::builder(Arc::clone(&store)).effects_elsewhere().build().await.expect("fine");
    for times in [CRACK, 1] {
        asks.instance("a").fire(DoorTrigger::Knock { times }).await.expect("always");
    }
    let host = Host::<Door>::builder(store).effects(bell).effect_attempts(1).build().await.expect("fine");
    assert_eq!(keys.recv().await, Some(("/Door/a/1/0".to_owned(), 1)));
    assert_eq!(keys.recv().await, Some(("/Door/a/2/0".to_owned(), 1)), "the next one has its turn");
    let letters = host.dead_letters().list(None, 10).await.expect("memory");
    assert_eq!((letters.len(), letters[0].key.as_str()), (1, "/Door/a/1/0"));
    assert!(letters[0].error.ends_with("the handler of `Ring` panicked"), "{}", letters[0].error);
    host.shutdown().await;
}

#[tokio::test]
async fn an_effect_of_a_deleted_instance_is_done_once_and_its_answer_is_nobodys() {
    let (bell, mut keys) = bell(BTreeMap::new());
    let store = Arc::new(MemoryStore::with_shards(1));
    let asks = Host::<Door>::builder(Arc::clone(&store)).effects_elsewhere().build().await.expect("fine");
    asks.instance("a").fire(DoorTrigger::Knock { times: 1 }).await.expect("always");
    asks.instance("a").delete().await.expect("it is there");
    let host =
        Host::<Door>::builder(store).clock(FakeClock::default()).effects(bell).build().await.expect("fine");
    assert_eq!(keys.recv().await, Some(("/Door/a/1/0".to_owned(), 1)));
    // Comes in the next page, which is read when the first is done.
    asks.instance("b").fire(DoorTrigger::Knock { times: 1 }).await.expect("always");
    assert_eq!(keys.recv().await, Some(("/Door/b/1/0".to_owned(), 1)));
    assert_eq!(host.dead_letters().list(None, 10).await.expect("memory"), []);
    host.shutdown().await;
}

#[test]
fn no_two_instances_have_a_key_in_common() {
    let key = |tenant, instance| EffectCx::new(StreamId::new(tenant, "Door", instance), (1, 0)).key();
    assert_eq!(key("acme", "a-1"), "acme/Door/a-1/1/0");
    assert_ne!(key("a/Door/b", "c"), key("a", "b/Door/c"));
    assert_ne!(key("a", "b/c"), key("a", "b%2Fc"));
}
