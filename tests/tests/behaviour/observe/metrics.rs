//! Steps, queues, loads, appends, conflicts, snapshots, and what a host holds.

use super::meter::Meter;
use crate::recorded;
use metrics::Unit;
use statewright::clock::FakeClock;
use statewright::host::{BatchOptions, BatchRequest, HostBuilder};
use statewright::observe::{METRICS, MetricUnit};
use statewright::store::faulty::{Fault, Faulty};
use statewright::store::{MemoryStore, Store};
use statewright::{FireError, Host, Unreadable};
use statewright_tests::{Door, DoorTrigger};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

fn builder(store: impl Store, clock: &FakeClock) -> HostBuilder<Door> {
    Host::builder(store).clock(clock.clone()).effects_elsewhere()
}

async fn yield_until(mut done: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if done() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it does not come");
}

#[tokio::test]
async fn every_step_is_timed_by_trigger_and_outcome() {
    let (meter, clock) = (Meter::new(), FakeClock::default());
    let store = Arc::new(Faulty::new(MemoryStore::new()));
    let host = builder(Arc::clone(&store), &clock).build().await.expect("fine");
    let door = host.instance("a");
    door.start().await.expect("it has not begun");
    store.close();
    let opening = tokio::spawn({
        let door = door.clone();
        async move { door.command("open").fire(DoorTrigger::Open).await }
    });
    yield_until(|| store.waiting() > 0).await;
    clock.advance(Duration::from_millis(250));
    store.open(100);
    opening.await.expect("no panic").expect("it is shut");
    door.command("open").fire(DoorTrigger::Open).await.expect("the same");
    door.fire(DoorTrigger::Open).await.expect_err("it is open");
    door.fire(DoorTrigger::Rung).await.expect("ignored");
    door.fire(DoorTrigger::Knock { times: 0 }).await.expect_err("the guard does not hold");
    door.fire(DoorTrigger::Break).await.expect_err("it panics");
    door.fire(DoorTrigger::Remove).await.expect("always");
    door.fire(DoorTrigger::Open).await.expect_err("it has finished");
    door.delete().await.expect("always");
    door.fire(DoorTrigger::Open).await.expect_err("it is deleted");
    let seen = meter.read();
    let step = |trigger: &str, outcome: &str| {
        let key = format!("statewright_step_seconds outcome={outcome} trigger={trigger}");
        seen.get(&key).cloned().unwrap_or_default()
    };
    assert_eq!(step("Open", "recorded"), [0.25]);
    let once = [
        ("(start)", "recorded"),
        ("Open", "duplicate"),
        ("Open", "refused"),
        ("Rung", "ignored"),
        ("Knock", "not_handled"),
        ("Break", "panicked"),
        ("Remove", "recorded"),
        ("Open", "finished"),
        ("(delete)", "recorded"),
        ("Open", "not_loaded"),
    ];
    for (trigger, outcome) in once {
        assert_eq!(step(trigger, outcome), [0.0], "{trigger} {outcome}");
    }
    assert_eq!(seen["statewright_append_seconds outcome=appended"], [0.0, 0.25, 0.0, 0.0]);
    // Before the first step, behind the panic, and behind the end.
    assert_eq!(seen["statewright_load_seconds outcome=loaded"], [0.0, 0.0]);
    assert_eq!(seen["statewright_load_seconds outcome=deleted"], [0.0]);
}

#[tokio::test]
async fn what_waits_together_is_one_group_and_one_append() {
    let (meter, clock) = (Meter::new(), FakeClock::default());
    let store = Arc::new(Faulty::new(MemoryStore::new()));
    let host = builder(Arc::clone(&store), &clock).build().await.expect("fine");
    store.close();
    let fire = || {
        let door = host.instance("a");
        tokio::spawn(async move { door.fire(DoorTrigger::Knock { times: 1 }).await })
    };
    let first = fire();
    yield_until(|| store.waiting() > 0).await;
    let others = [fire(), fire(), fire()];
    tokio::task::yield_now().await;
    clock.advance(Duration::from_secs(2));
    store.open(2);
    first.await.expect("no panic").expect("always");
    for other in others {
        other.await.expect("no panic").expect("always");
    }
    let seen = meter.read();
    assert_eq!(seen["statewright_group_requests"], [1.0, 3.0]);
    assert_eq!(seen["statewright_append_steps"], [1.0, 3.0]);
    assert_eq!(seen["statewright_queue_seconds"], [0.0, 2.0, 2.0, 2.0]);
}

#[tokio::test]
async fn the_steps_of_a_batch_are_steps() {
    let (meter, clock) = (Meter::new(), FakeClock::default());
    let host = builder(MemoryStore::new(), &clock).build().await.expect("fine");
    let request = |trigger| BatchRequest::<Door>::new("a", trigger);
    let requests = vec![request(DoorTrigger::Open), request(DoorTrigger::Open), request(DoorTrigger::Close)];
    host.batch(BatchOptions::default()).fire_all(requests).await;
    let seen = meter.read();
    assert_eq!(seen["statewright_step_seconds outcome=recorded trigger=Open"], [0.0]);
    assert_eq!(seen["statewright_step_seconds outcome=refused trigger=Open"], [0.0]);
    assert_eq!(seen["statewright_step_seconds outcome=recorded trigger=Close"], [0.0]);
    assert_eq!(seen["statewright_append_steps"], [2.0]);
}

#[tokio::test]
async fn a_caller_that_goes_away_is_counted_once() {
    let (meter, clock) = (Meter::new(), FakeClock::default());
    let store = Arc::new(Faulty::new(MemoryStore::new()));
    let host = builder(Arc::clone(&store), &clock).queue_max(1).build().await.expect("fine");
    store.close();
    let door = host.instance("a");
    let fire = || {
        let door = door.clone();
        tokio::spawn(async move { door.fire(DoorTrigger::Open).await })
    };
    let leaving = fire();
    yield_until(|| store.waiting() > 0).await;
    leaving.abort();
    leaving.await.expect_err("it was stopped");
    let waiting = fire();
    tokio::task::yield_now().await;
    let error = door.fire(DoorTrigger::Open).await.expect_err("the queue is full");
    assert!(matches!(error, FireError::Busy { .. }), "{error}");
    store.open(2);
    waiting.await.expect("no panic").expect_err("it is open");
    host.shutdown().await;
    door.fire(DoorTrigger::Open).await.expect_err("it is closed");
    let seen = meter.read();
    for outcome in ["abandoned", "busy", "refused", "closed"] {
        let key = format!("statewright_step_seconds outcome={outcome} trigger=Open");
        assert_eq!(seen[&key].len(), 1, "{outcome}");
    }
}

#[tokio::test]
async fn conflicts_and_lost_answers_are_counted_by_their_cause() {
    let (meter, clock) = (Meter::new(), FakeClock::default());
    let store = Arc::new(Faulty::new(MemoryStore::new()));
    let a = builder(Arc::clone(&store), &clock).build().await.expect("fine");
    let b = builder(Arc::clone(&store), &clock).build().await.expect("fine");
    let knock = DoorTrigger::Knock { times: 1 };
    a.instance("x").fire(knock.clone()).await.expect("always");
    b.instance("x").fire(knock.clone()).await.expect("always");
    a.instance("x").state().await.expect("the copy is behind");
    b.instance("x").fire(knock.clone()).await.expect("always");
    let turn = || clock.advance(Duration::from_secs(1));
    fire_while(&a, knock.clone(), turn).await.expect("the other was faster");
    store.fail_next(Fault::LostAnswer);
    fire_while(&a, knock.clone(), turn).await.expect("it is found");
    store.fail_next(Fault::Refused);
    a.instance("x").fire(knock).await.expect_err("the disk is full");
    let seen = meter.read();
    for cause in ["stale", "conflict", "lost"] {
        assert_eq!(seen[&format!("statewright_conflicts_total cause={cause}")], [1.0], "{cause}");
    }
    for outcome in ["conflict", "unknown", "refused"] {
        assert_eq!(seen[&format!("statewright_append_seconds outcome={outcome}")].len(), 1, "{outcome}");
    }
    assert_eq!(seen["statewright_step_seconds outcome=not_recorded trigger=Knock"].len(), 1);
}

/// Turns the clock while the host pauses.
async fn fire_while(
    host: &Host<Door>,
    trigger: DoorTrigger,
    turn: impl Fn(),
) -> Result<statewright::Fired<Door>, FireError> {
    let door = host.instance("x");
    let fired = tokio::spawn(async move { door.fire(trigger).await });
    while !fired.is_finished() {
        tokio::task::yield_now().await;
        turn();
    }
    fired.await.expect("no panic")
}

#[tokio::test]
async fn snapshots_are_counted_when_they_are_written() {
    let (meter, clock) = (Meter::new(), FakeClock::default());
    let store = Arc::new(MemoryStore::new());
    let host = builder(Arc::clone(&store), &clock).snapshot_every(2).history_every(4).build().await;
    let host = host.expect("fine");
    for _ in 0..4 {
        host.instance("a").fire(DoorTrigger::Knock { times: 1 }).await.expect("always");
    }
    host.shutdown().await;
    // At the second and the fourth record, and one that is kept for good at the fourth.
    let written: f64 = meter.read()["statewright_snapshots_total outcome=written"].iter().sum();
    assert_eq!(written.to_string(), "3");
}

#[tokio::test]
async fn what_a_host_holds_is_told_every_ten_seconds() {
    let (meter, clock) = (Meter::new(), FakeClock::default());
    let events = [("door.opened", 7, serde_json::json!(null))];
    let store = Faulty::new(recorded::<Door>("new", "Ajar", &events, BTreeMap::new()).await);
    let store = Arc::new(store);
    let host = builder(Arc::clone(&store), &clock).unreadable(Unreadable::Quarantine).build().await;
    let host = host.expect("fine");
    host.instance("a").fire(DoorTrigger::Open).await.expect("it is shut");
    host.instance("new").fire(DoorTrigger::Close).await.expect_err("it cannot be read");
    store.close();
    let door = host.instance("b");
    let waiting = tokio::spawn(async move { door.fire(DoorTrigger::Open).await });
    yield_until(|| store.waiting() > 0).await;
    clock.advance(Duration::from_secs(10));
    let mut seen = BTreeMap::new();
    yield_until(|| {
        seen = meter.read();
        seen.contains_key("statewright_in_flight_requests")
    })
    .await;
    store.open(1);
    waiting.await.expect("no panic").expect("it is shut");
    assert_eq!(seen["statewright_cached_instances"], [3.0]);
    assert_eq!(seen["statewright_in_flight_requests"], [1.0]);
    assert_eq!(seen["statewright_quarantined_instances"], [1.0]);
}

#[tokio::test]
async fn tenants_are_told_when_asked_for_and_no_more_than_asked_for() {
    let (meter, clock) = (Meter::new(), FakeClock::default());
    let host = builder(MemoryStore::new(), &clock).metrics_by_tenant(2).build().await.expect("fine");
    for tenant in ["acme", "globex", "initech", "acme", "hooli"] {
        let door = host.tenant(tenant).expect("a good id").instance("a");
        door.fire(DoorTrigger::Knock { times: 1 }).await.expect("always");
    }
    let seen = meter.read();
    let steps = |tenant: &str| {
        let key = format!("statewright_step_seconds outcome=recorded tenant={tenant} trigger=Knock");
        seen.get(&key).map_or(0, Vec::len)
    };
    assert_eq!(["acme", "globex", "initech", "(others)"].map(steps), [2, 1, 0, 2]);
    assert!(seen.contains_key("statewright_load_seconds outcome=loaded tenant=acme"), "{seen:?}");
    assert!(seen.contains_key("statewright_append_steps tenant=globex"), "{seen:?}");
}

#[tokio::test]
async fn recorders_are_told_units_and_meanings() {
    let (meter, clock) = (Meter::new(), FakeClock::default());
    builder(MemoryStore::new(), &clock).build().await.expect("fine");
    for metric in METRICS {
        let unit = if metric.unit == MetricUnit::Seconds { Unit::Seconds } else { Unit::Count };
        let told = (metric.kind, Some(unit), metric.meaning.to_owned());
        assert_eq!(meter.described(metric.name), Some(told), "{}", metric.name);
    }
}
