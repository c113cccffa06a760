//! Dead letters are listed page by page, done again with the key they have, or put away.

use super::{Bell, CRACK, bell};
use statewright::Host;
use statewright::clock::FakeClock;
use statewright::effect::EffectError;
use statewright::host::DeadLetterError;
use statewright::store::{CellKey, MemoryStore, Put, Revision, Shard, Store};
use statewright_tests::{Door, DoorTrigger};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

type Rung = UnboundedReceiver<(String, u32)>;

/// A host whose bell is tried once, and one on the same store that does no effects.
async fn hosts(shards: u16, bell: Bell) -> (Arc<MemoryStore>, FakeClock, [Host<Door>; 2]) {
    let (store, clock) = (Arc::new(MemoryStore::with_shards(shards)), FakeClock::default());
    let builder = || Host::<Door>::builder(Arc::clone(&store)).clock(clock.clone()).effect_attempts(1);
    let does = builder().effects(bell).build().await.expect("fine");
    let asks = builder().effects_elsewhere().build().await.expect("fine");
    (store, clock, [does, asks])
}

async fn knock(host: &Host<Door>, instance: &str, times: u64) {
    host.tenant("acme/1")
        .expect("a tenant")
        .instance(instance)
        .fire(DoorTrigger::Knock { times })
        .await
        .expect("always");
}

async fn letters(host: &Host<Door>, count: usize) {
    while host.dead_letters().list(None, 1_000).await.expect("memory").len() != count {
        tokio::task::yield_now().await;
    }
}

async fn next(clock: &FakeClock, rung: &mut Rung) -> Option<(String, u32)> {
    for _ in 0..1_000 {
        if let Ok(rung) = rung.try_recv() {
            return Some(rung);
        }
        clock.advance(Duration::from_millis(50));
        tokio::task::yield_now().await;
    }
    None
}

#[tokio::test]
async fn letters_are_listed_page_by_page_each_once() {
    let (bell, _rung) = bell(BTreeMap::new());
    let (_, _, [does, asks]) = hosts(5, bell).await;
    for n in 0..23 {
        knock(&does, &format!("a/{n}"), CRACK).await;
    }
    letters(&asks, 23).await;
    let (mut after, mut found, mut pages) = (None, BTreeSet::new(), Vec::new());
    loop {
        let page = asks.dead_letters().list(after.as_deref(), 5).await.expect("memory");
        pages.push(page.len());
        after = page.last().map(|letter| letter.key.clone());
        found.extend(page.into_iter().map(|letter| (letter.tenant, letter.instance)));
        if pages.last() < Some(&5) {
            break;
        }
    }
    assert_eq!(pages, [5, 5, 5, 5, 3]);
    assert_eq!(found, (0..23).map(|n| ("acme/1".to_owned(), format!("a/{n}"))).collect());
    does.shutdown().await;
}

#[tokio::test]
async fn a_letter_is_done_again_with_its_key_whoever_asks() {
    let failures = BTreeMap::from([(7, EffectError::fatal("there is no bell"))]);
    let (bell, mut rung) = bell(failures);
    let (store, clock, [does, asks]) = hosts(1, bell).await;
    knock(&does, "a", 7).await;
    let key = "acme%2F1/Door/a/1/0".to_owned();
    assert_eq!(next(&clock, &mut rung).await, Some((key.clone(), 1)));
    letters(&asks, 1).await;
    asks.dead_letters().retry(&key).await.expect("it is there");
    assert_eq!(asks.dead_letters().list(None, 10).await.expect("memory"), [], "it is work again");
    assert_eq!(next(&clock, &mut rung).await, Some((key.clone(), 1)));
    while !store.list(Shard(0), "parked/", None, 10).await.expect("memory").is_empty() {
        tokio::task::yield_now().await;
    }
    let error = asks.dead_letters().retry(&key).await.expect_err("it is done");
    assert!(matches!(error, DeadLetterError::NotFound { .. }), "{error}");
    let records = store.read(&asks.repository().stream("acme/1", "a"), Revision(0), 10).await;
    let (records, _) = records.expect("memory");
    let answer =
        records.iter().find(|record| &*record.step.command == "effect/1/0").expect("it was answered");
    assert_eq!(answer.step.body.envelope.causation.as_deref(), Some(&*key));
    does.shutdown().await;
}

#[tokio::test]
async fn a_letter_that_fails_again_is_a_letter_again_and_holds_nobody_up() {
    let (bell, mut rung) = bell(BTreeMap::new());
    let (_, clock, [does, asks]) = hosts(1, bell).await;
    knock(&does, "a", CRACK).await;
    let key = "acme%2F1/Door/a/1/0".to_owned();
    for _ in 0..3 {
        assert_eq!(next(&clock, &mut rung).await, Some((key.clone(), 1)));
        letters(&asks, 1).await;
        asks.dead_letters().retry(&key).await.expect("it is there");
        knock(&does, "a", 1).await;
        let (other, _) = next(&clock, &mut rung).await.expect("it waits for nothing");
        assert!(other.starts_with("acme%2F1/Door/a/") && other != key, "{other}");
    }
    does.shutdown().await;
}

#[tokio::test]
async fn a_letter_that_is_put_away_is_not_done() {
    let (bell, mut rung) = bell(BTreeMap::new());
    let (_, clock, [does, asks]) = hosts(1, bell).await;
    knock(&does, "a", CRACK).await;
    assert!(next(&clock, &mut rung).await.is_some());
    letters(&asks, 1).await;
    let (letters, key) = (asks.dead_letters(), "acme%2F1/Door/a/1/0");
    letters.discard(key).await.expect("it is there");
    assert_eq!(letters.list(None, 10).await.expect("memory"), []);
    let error = letters.discard(key).await.expect_err("it is gone");
    assert_eq!(error.to_string(), format!("there is no dead letter with the key `{key}`"));
    for wrong in ["acme/1/Door/a/1/0", "acme%2F1/Gate/a/1/0"] {
        let error = letters.retry(wrong).await.expect_err("not one of the door's");
        assert_eq!(error.to_string(), format!("`{wrong}` is not the key of an effect of `Door`"));
        letters.list(Some(wrong), 10).await.expect_err("nothing stands behind it");
    }
    assert_eq!(next(&clock, &mut rung).await, None);
    does.shutdown().await;
}

#[tokio::test]
async fn a_letter_that_cannot_be_read_is_named() {
    let store = Arc::new(MemoryStore::with_shards(1));
    let key = CellKey { shard: Shard(0), name: "dead/Door/x".into() };
    let value = Some("no letter".into());
    store.put(vec![Put { key, version: None, value }]).await.expect("memory");
    let host = Host::<Door>::builder(store).effects_elsewhere().build().await.expect("fine");
    let error = host.dead_letters().list(None, 10).await.expect_err("it is no letter");
    let cause = error.source().expect("the store says which").to_string();
    assert!(cause.contains("dead/Door/x"), "{cause}");
}
