//! A host says whether it lives and is ready, and what is wrong with it.

use crate::recorded;
use statewright::breaker::{Breaker, BreakerOptions};
use statewright::clock::FakeClock;
use statewright::effect::{EffectAnswer, EffectCx};
use statewright::host::{Health, Reason};
use statewright::store::faulty::{Call, Fault, Faulty};
use statewright::store::guarded::Guarded;
use statewright::store::{MemoryStore, Shard, Store};
use statewright::{Host, Machine, Unreadable};
use statewright_tests::kettle::{Kettle, KettleTrigger};
use statewright_tests::{Door, DoorEffects, DoorTrigger};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn faulty() -> Arc<Faulty<MemoryStore>> {
    Arc::new(Faulty::new(MemoryStore::with_shards(1)))
}

async fn doors(store: impl Store, clock: &FakeClock) -> Host<Door> {
    Host::builder(store).clock(clock.clone()).effects_elsewhere().build().await.expect("fine")
}

fn told(health: &Health) -> (bool, bool, Vec<String>) {
    (health.live, health.ready, health.reasons.iter().map(ToString::to_string).collect())
}

/// Lets tasks run until the health is as it is sought.
async fn until<M: Machine>(host: &Host<M>, sought: impl Fn(&Health) -> bool) -> Health {
    for _ in 0..1_000 {
        let health = host.health();
        if sought(&health) {
            return health;
        }
        tokio::task::yield_now().await;
    }
    panic!("it does not come: {:?}", host.health())
}

#[tokio::test]
async fn a_host_is_ready_until_it_shuts_down() {
    let host = doors(MemoryStore::new(), &FakeClock::default()).await;
    assert_eq!(told(&host.health()), (true, true, vec![]));
    host.shutdown().await;
    assert_eq!(told(&host.health()), (true, false, vec!["the host is shutting down".to_owned()]));
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_in_the_way_until_it_does_or_is_worth_another_try() {
    let (clock, store) = (FakeClock::default(), faulty());
    let host = doors(Arc::clone(&store), &clock).await;
    let door = host.instance("a");
    for _ in 0..2 {
        store.fail_next(Fault::Refused);
        door.fire(DoorTrigger::Open).await.expect_err("the disk is full");
        clock.advance(seconds(2));
    }
    // The load that came before the second append was answered.
    let text = "the store has not answered for 2.0s: the store `faulty` failed to append";
    assert_eq!(told(&host.health()), (true, false, vec![text.to_owned()]));
    door.fire(DoorTrigger::Open).await.expect("there is room again");
    assert_eq!(told(&host.health()), (true, true, vec![]));
    store.fail_next(Fault::Refused);
    door.fire(DoorTrigger::Close).await.expect_err("the disk is full");
    clock.advance(seconds(29));
    assert!(!host.health().ready);
    clock.advance(seconds(1));
    assert_eq!(told(&host.health()), (true, true, vec![]), "whoever asks nobody cannot know");
}

#[tokio::test]
async fn a_breaker_is_believed_as_long_as_it_is_open() {
    let (clock, options) =
        (FakeClock::default(), BreakerOptions::new("doors").failures(1).pause(seconds(90)));
    let breaker = Breaker::new(options, Arc::new(clock.clone())).expect("fine options");
    let host = doors(Guarded::new(MemoryStore::new(), breaker.clone()), &clock).await;
    breaker.try_enter().expect("it is closed").fail();
    host.instance("a").fire(DoorTrigger::Open).await.expect_err("it is left alone");
    clock.advance(seconds(89));
    assert!(matches!(host.health().reasons[..], [Reason::Store { .. }]), "{:?}", host.health());
    clock.advance(seconds(1));
    assert!(host.health().ready);
}

#[tokio::test]
async fn leases_that_are_not_renewed_are_told() {
    let (clock, options) =
        (FakeClock::default(), BreakerOptions::new("kettles").failures(1).pause(seconds(90)));
    let breaker = Breaker::new(options, Arc::new(clock.clone())).expect("fine options");
    let store = Guarded::new(MemoryStore::with_shards(1), breaker.clone());
    let host = Host::<Kettle>::builder(store).clock(clock.clone()).build().await.expect("fine");
    breaker.try_enter().expect("it is closed").fail();
    for _ in 0..11 {
        clock.advance(seconds(1));
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    let health = host.health();
    let leases = Reason::Leases { since: seconds(11) };
    assert!(health.reasons.contains(&leases) && health.live && !health.ready, "{health:?}");
}

#[tokio::test]
async fn work_that_panics_is_told_for_a_minute_and_goes_on() {
    let (clock, store) = (FakeClock::default(), faulty());
    let host = Host::<Kettle>::builder(Arc::clone(&store)).clock(clock.clone()).build().await.expect("fine");
    store.panic_next(Call::Scan);
    host.instance("a").fire(KettleTrigger::Fill).await.expect("it is idle");
    let panicked = Reason::Panicked { duty: "timers", shard: Shard(0), times: 1 };
    let noticed = |health: &Health| {
        clock.advance(seconds(1));
        health.reasons.contains(&panicked)
    };
    let health = until(&host, noticed).await;
    assert!(health.live && health.ready, "{health:?}");
    clock.advance(seconds(60));
    until(&host, |health| health.reasons.is_empty()).await;
}

#[tokio::test]
async fn a_host_without_its_tasks_does_not_live() {
    let (clock, store) = (FakeClock::default(), faulty());
    let host = Host::<Kettle>::builder(Arc::clone(&store)).clock(clock.clone()).build().await.expect("fine");
    tokio::task::yield_now().await;
    store.panic_next(Call::Get);
    clock.advance(seconds(3));
    let health = until(&host, |health| !health.live).await;
    let text = "the task of the leases has ended: start the host again";
    assert_eq!(told(&health), (false, false, vec![text.to_owned()]));
}

#[tokio::test]
async fn timers_that_are_late_are_told() {
    let (clock, store) = (FakeClock::default(), faulty());
    let builder = Host::<Kettle>::builder(Arc::clone(&store)).clock(clock.clone());
    let host = builder.late_after(seconds(5)).build().await.expect("fine");
    host.instance("a").fire(KettleTrigger::Fill).await.expect("it is idle");
    store.close();
    clock.advance(seconds(10));
    while store.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(told(&host.health()), (true, true, vec![]), "five seconds are not over");
    clock.advance(seconds(6));
    let late = Reason::Late { duty: "timers", shards: 1, by: seconds(6) };
    assert_eq!(host.health().reasons, [late]);
    store.open(10);
    until(&host, |health| health.reasons.is_empty()).await;
}

/// A bell that never comes to an end.
struct Endless;

impl DoorEffects for Endless {
    async fn ring(&self, _: &EffectCx, _: u64) -> EffectAnswer<Door> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn effects_that_are_late_are_told_and_do_not_stand_in_the_way() {
    let clock = FakeClock::default();
    let builder = Host::<Door>::builder(MemoryStore::with_shards(1)).clock(clock.clone());
    let host = builder.effects(Endless).late_after(seconds(5)).build().await.expect("fine");
    host.instance("a").fire(DoorTrigger::Knock { times: 1 }).await.expect("always");
    let health = until(&host, |health| {
        clock.advance(seconds(1));
        !health.reasons.is_empty()
    });
    let health = health.await;
    let [Reason::Late { duty: "effects", shards: 1, by }] = health.reasons[..] else { panic!("{health:?}") };
    assert!(by > seconds(5) && health.live && health.ready, "{health:?}");
}

#[tokio::test]
async fn instances_that_cannot_be_read_are_told_and_the_others_are_served() {
    let events = [("door.opened", 7, serde_json::json!(null))];
    let store = recorded::<Door>("new", "Ajar", &events, BTreeMap::new()).await;
    let builder = Host::<Door>::builder(store).effects_elsewhere().unreadable(Unreadable::Quarantine);
    let host = builder.build().await.expect("fine");
    host.instance("new").fire(DoorTrigger::Close).await.expect_err("it cannot be read");
    let health = host.health();
    assert_eq!((health.ready, &health.reasons[..]), (true, &[Reason::Quarantined { instances: 1 }][..]));
    host.instance("a").fire(DoorTrigger::Open).await.expect("it is shut");
}
