//! Results stand in the order given, requests of one instance run in it, and options do what they say.

use super::{numbered, records, words};
use statewright::clock::FakeClock;
use statewright::definition::LimitScope;
use statewright::host::TenancyError;
use statewright::host::{BatchCounts, BatchItem, BatchOptions, BatchOutcome, BatchRequest, OnFailure, Skip};
use statewright::limit::RateLimit;
use statewright::store::faulty::{Fault, Faulty};
use statewright::store::{MemoryStore, Revision, Store};
use statewright::{FireError, Host, TenantHost};
use statewright_tests::gate::{Gate, GateTrigger};
use statewright_tests::stepping::Stepping;
use statewright_tests::{Door, DoorState, DoorTrigger};
use std::sync::{Arc, Mutex};
use std::time::Duration;

async fn host(store: impl Store) -> Host<Door> {
    Host::builder(store).effects_elsewhere().build().await.expect("fine")
}

fn options() -> BatchOptions {
    BatchOptions::default()
}

#[tokio::test]
async fn results_stand_in_the_order_given() {
    let host = host(MemoryStore::new()).await;
    let asked = [
        ("b", DoorTrigger::Open),
        ("a", DoorTrigger::Open),
        ("a", DoorTrigger::Open),
        ("a", DoorTrigger::Close),
        ("b", DoorTrigger::Knock { times: 2 }),
    ];
    let mut requests = numbered(asked);
    requests.push(BatchRequest::new("a", DoorTrigger::Open).tenant("acme").correlation("together"));
    let report = host.batch(options()).fire_all(requests).await;
    assert_eq!(
        words(&report.items),
        ["succeeded", "succeeded", "failed", "succeeded", "succeeded", "succeeded"]
    );
    assert!(!report.is_success());
    assert_eq!(
        report.counts.to_string(),
        "6 requests: 5 succeeded, 1 failed, 0 skipped, 0 timed out, 0 unknown"
    );
    let places: Vec<_> = report.items.iter().map(|item| (item.place, item.stream.to_string())).collect();
    let addresses = ["Door/b", "Door/a", "Door/a", "Door/a", "Door/b", "acme/Door/a"];
    assert_eq!(places, (0..).zip(addresses.map(str::to_owned)).collect::<Vec<_>>());
    let BatchOutcome::Failed(FireError::Rejected(rejection)) = &report.items[2].outcome else {
        panic!("open")
    };
    assert_eq!(rejection.reason(), Some("it is open"));
    let BatchOutcome::Succeeded(fired) = &report.items[3].outcome else { panic!("it was open") };
    assert_eq!((fired.revision, fired.to), (Revision(2), DoorState::Closed));
    let mut told = host.tenant("acme").expect("an id").instance("a").history().replay();
    let step = told.try_next().await.expect("it reads").expect("there is one");
    assert_eq!(step.transition.record.step.command, report.items[5].command, "made by the batch, and told");
    assert_eq!(step.transition.record.step.body.envelope.correlation.as_deref(), Some("together"));
}

#[tokio::test]
async fn equal_command_ids_are_recorded_once_and_answered_as_duplicates() {
    let store = Arc::new(MemoryStore::new());
    let host = host(Arc::clone(&store)).await;
    host.instance("a").command("before").fire(DoorTrigger::Open).await.expect("it is shut");
    let request = |command: &str, trigger| BatchRequest::new("a", trigger).command(command);
    let requests = [
        request("before", DoorTrigger::Open),
        request("once", DoorTrigger::Close),
        request("once", DoorTrigger::Close),
        request("once", DoorTrigger::Open),
    ];
    let report = host.batch(options()).fire_all(requests).await;
    assert_eq!(words(&report.items), ["duplicate", "succeeded", "duplicate", "failed"]);
    assert!(matches!(report.items[3].outcome, BatchOutcome::Failed(FireError::CommandIdReused { .. })));
    assert_eq!(records(&store).await.len(), 2);
}

/// Fires at so many instances, so often at each, while the store is slow. What reached it: instances and steps of every append.
async fn appends(instances: usize, each: usize) -> Vec<(usize, usize)> {
    let slow = Arc::new(Faulty::new(MemoryStore::new()));
    let store = Arc::new(Stepping::new(Arc::clone(&slow), usize::MAX));
    let host = host(Arc::clone(&store)).await;
    slow.close();
    let knock =
        move |n: usize| BatchRequest::new(&(n % instances).to_string(), DoorTrigger::Knock { times: 1 });
    let batch = host.batch(options().parallelism(instances));
    let batch = tokio::spawn(batch.fire_all((0..instances * each).map(knock).collect::<Vec<_>>()));
    for _ in 0..20 * instances {
        tokio::task::yield_now().await;
    }
    assert_eq!(slow.waiting(), 2, "one is written while the next is prepared");
    slow.open(100);
    let report = batch.await.expect("no panic");
    assert!(report.is_success(), "{}", report.counts);
    let appends = store.appends();
    assert_eq!(appends.iter().map(|(_, steps)| steps).sum::<usize>(), instances * each);
    appends
}

#[tokio::test]
async fn appends_of_many_instances_reach_the_store_together() {
    let appends = appends(100, 3).await;
    assert!(appends.iter().all(|(instances, steps)| *steps == instances * 3), "the three of one go together");
    assert!(appends.len() <= 4, "two that did not wait, and what came in meanwhile: {appends:?}");
}

#[tokio::test]
async fn one_append_holds_no_more_than_its_bound() {
    let appends = appends(2_500, 1).await;
    assert_eq!(appends.iter().map(|(_, steps)| *steps).max(), Some(1_024), "{appends:?}");
}

#[tokio::test]
async fn a_higher_priority_goes_first_and_no_instance_changes_its_order() {
    let store = Arc::new(MemoryStore::with_shards(1));
    let host = host(Arc::clone(&store)).await;
    let knock = |id, priority, command| {
        BatchRequest::new(id, DoorTrigger::Knock { times: 1 }).priority(priority).command(command)
    };
    let requests = [
        knock("a", 0, "a0"),
        knock("b", 1, "b1"),
        knock("b", -1, "b-1"),
        knock("c", 5, "c5"),
        knock("a", 9, "a9"),
        knock("c", 5, "c5'"),
    ];
    let report = host.batch(options().parallelism(1)).fire_all(requests).await;
    assert!(report.is_success(), "{}", report.counts);
    let order: Vec<_> = records(&store).await.into_iter().map(|(_, command)| command).collect();
    assert_eq!(order, ["c5", "c5'", "b1", "a0", "a9", "b-1"]);
}

#[tokio::test]
async fn a_batch_that_stops_hands_nothing_more_over_and_tells_what_is_recorded() {
    let store = Arc::new(MemoryStore::new());
    let host = host(Arc::clone(&store)).await;
    let asked = [
        ("a", DoorTrigger::Open),
        ("a", DoorTrigger::Open),
        ("a", DoorTrigger::Close),
        ("b", DoorTrigger::Open),
    ];
    let options = options().parallelism(1).on_failure(OnFailure::Stop);
    let report = host.batch(options).fire_all(numbered(asked)).await;
    assert_eq!(words(&report.items), ["succeeded", "failed", "skipped", "skipped"], "nothing overtakes");
    let stopped = |item: &BatchItem<Door>| matches!(item.outcome, BatchOutcome::Skipped(Skip::Stopped));
    assert!(report.items[2..].iter().all(stopped));
    assert_eq!(records(&store).await, [("a".to_owned(), "0".to_owned())]);
}

#[tokio::test]
async fn a_machine_that_panics_stops_a_batch_that_stops_and_no_other() {
    for (policy, last) in [(OnFailure::Stop, "skipped"), (OnFailure::Continue, "succeeded")] {
        let host = host(MemoryStore::new()).await;
        let asked = [("a", DoorTrigger::Open), ("a", DoorTrigger::Break), ("a", DoorTrigger::Close)];
        let report = host.batch(options().on_failure(policy)).fire_all(numbered(asked)).await;
        assert_eq!(words(&report.items), ["succeeded", "failed", last]);
    }
}

#[tokio::test]
async fn what_is_under_way_when_a_batch_stops_is_reported_as_recorded() {
    let store = Arc::new(Faulty::new(MemoryStore::new()));
    let host = host(Arc::clone(&store)).await;
    store.close();
    let asked = [("a", DoorTrigger::Open), ("b", DoorTrigger::Close), ("c", DoorTrigger::Open)];
    let options = options().parallelism(2).on_failure(OnFailure::Stop);
    let batch = host.batch(options);
    let batch = tokio::spawn(batch.fire_all(numbered(asked)));
    // `b` is refused while the append of `a` stands at the gate.
    while store.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    store.open(10);
    let report = batch.await.expect("no panic");
    assert_eq!(words(&report.items), ["succeeded", "failed", "skipped"]);
}

#[tokio::test]
async fn progress_is_told_until_everything_is_done() {
    let host = host(MemoryStore::new()).await;
    let told = Arc::new(Mutex::new(Vec::<BatchCounts>::new()));
    let heard = Arc::clone(&told);
    let options =
        options().parallelism(2).progress(move |counts| heard.lock().expect("nobody panics").push(*counts));
    let asked = (0..50).map(|n| BatchRequest::new(&n.to_string(), DoorTrigger::Open));
    let report = host.batch(options).fire_all(asked).await;
    let told = told.lock().expect("nobody panics");
    assert!(told.len() > 2 && told.is_sorted_by_key(BatchCounts::done), "{told:?}");
    assert_eq!(told.last(), Some(&report.counts));
    assert_eq!((report.counts.total, report.counts.done()), (50, 50));
}

#[tokio::test]
async fn full_queues_are_waited_for() {
    let clock = FakeClock::default();
    let builder = Host::<Door>::builder(MemoryStore::new()).clock(clock.clone()).effects_elsewhere();
    let host = builder.queue_max(2).in_flight_max(3).build().await.expect("fine");
    let asked = (0..60).map(|n| BatchRequest::new(&(n % 20).to_string(), DoorTrigger::Knock { times: 1 }));
    let batch = tokio::spawn(host.batch(options()).fire_all(asked.collect::<Vec<_>>()));
    while !batch.is_finished() {
        clock.advance(Duration::from_millis(1));
        tokio::task::yield_now().await;
    }
    let report = batch.await.expect("no panic");
    assert!(report.is_success(), "{}", report.counts);
}

#[tokio::test]
async fn a_queue_that_stays_full_fails_its_requests_when_their_time_is_over() {
    let clock = FakeClock::default();
    let store = Arc::new(Faulty::new(MemoryStore::new()));
    let builder = Host::<Door>::builder(Arc::clone(&store)).clock(clock.clone()).effects_elsewhere();
    let host = builder.in_flight_max(1).build().await.expect("fine");
    store.close();
    let door = host.instance("a");
    let first = tokio::spawn(async move { door.fire(DoorTrigger::Open).await });
    while store.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let options = options().step_timeout(Duration::from_secs(1));
    let batch = tokio::spawn(host.batch(options).fire_all(numbered([("b", DoorTrigger::Open)])));
    for _ in 0..150 {
        tokio::task::yield_now().await;
        clock.advance(Duration::from_millis(10));
    }
    let report = batch.await.expect("no panic");
    assert!(matches!(report.items[0].outcome, BatchOutcome::Failed(FireError::Busy { queue: "host", .. })));
    store.open(1);
    first.await.expect("no panic").expect("it is shut");
}

#[tokio::test]
async fn limits_hold_inside_a_batch_and_what_is_not_recorded_costs_nothing() {
    let clock = FakeClock::default();
    let wait = RateLimit::new(1, Duration::from_secs(1)).wait(Duration::from_mins(1)).triggers(["Ring"]);
    let builder = Host::<Gate>::builder(MemoryStore::new()).clock(clock.clone());
    let host = builder.limit(LimitScope::Machine, wait).build().await.expect("fine");
    let left = || host.instance("a").available().iter().map(|left| left.tokens).collect::<Vec<_>>();
    assert_eq!(left(), [3, 4, 10, 1]);
    let asked =
        [GateTrigger::Shut, GateTrigger::Pass, GateTrigger::Pass, GateTrigger::Rest, GateTrigger::Pass];
    let request = |trigger| BatchRequest::new("a", trigger);
    let report = host.batch(options()).fire_all(asked.map(request)).await;
    assert_eq!(report.counts.succeeded, 4, "{}", report.counts);
    assert_eq!(left(), [0, 4, 7, 1], "refused and ignored triggers gave theirs back");
    let limited = host.batch(options()).fire_all([request(GateTrigger::Pass)]).await;
    assert!(matches!(limited.items[0].outcome, BatchOutcome::Failed(FireError::RateLimited(_))));

    // Two rings: the second waits for its token, and is late.
    let options = options().step_timeout(Duration::from_millis(500));
    let batch = host.batch(options);
    let rings = ["b", "c"].map(|id| BatchRequest::new(id, GateTrigger::Ring));
    let batch = tokio::spawn(batch.fire_all(rings));
    while host.limits()[3].stats.waiting == 0 {
        tokio::task::yield_now().await;
    }
    clock.advance(Duration::from_millis(500));
    let report = batch.await.expect("no panic");
    assert_eq!((report.counts.succeeded, report.counts.timed_out), (1, 1), "{}", report.counts);
    assert_eq!(host.limits()[3].stats.waiting, 0);
    let tenant = &host.limits()[1].stats;
    assert_eq!((tenant.allowed, tenant.refunded), (2, 1), "the late one gave back what it had");
}

#[tokio::test]
async fn a_host_that_shuts_down_fails_what_is_left() {
    let store = Arc::new(Faulty::new(MemoryStore::new()));
    let host = host(Arc::clone(&store)).await;
    store.close();
    let asked = [("a", DoorTrigger::Open), ("b", DoorTrigger::Open)];
    let batch = tokio::spawn(host.batch(options().parallelism(1)).fire_all(numbered(asked)));
    while store.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let closing = tokio::spawn(async move { host.shutdown().await });
    tokio::task::yield_now().await;
    store.open(10);
    closing.await.expect("no panic");
    let report = batch.await.expect("no panic");
    assert_eq!(words(&report.items), ["succeeded", "failed"]);
    assert!(matches!(report.items[1].outcome, BatchOutcome::Failed(FireError::Closed)));
}

#[tokio::test]
async fn a_store_that_refuses_fails_its_convoy_and_no_other() {
    let store = Arc::new(Faulty::new(MemoryStore::new()));
    let host = host(Arc::clone(&store)).await;
    store.fail_next(Fault::Refused);
    let asked = [("a", DoorTrigger::Open), ("a", DoorTrigger::Close), ("b", DoorTrigger::Open)];
    let report = host.batch(options().parallelism(1)).fire_all(numbered(asked)).await;
    assert_eq!(words(&report.items), ["failed", "failed", "succeeded"]);
}

#[tokio::test]
async fn a_tenants_batch_reaches_its_own_instances_alone() {
    let store = Arc::new(MemoryStore::new());
    let host =
        TenantHost::<Door>::builder(Arc::clone(&store)).effects_elsewhere().build().await.expect("fine");
    let open = |tenant: &str| BatchRequest::new("a", DoorTrigger::Open).tenant(tenant);
    let acme = host.tenant("acme").expect("an id");
    let report = acme.batch(options()).fire_all([open(""), open("acme"), open("other")]).await;
    assert_eq!(words(&report.items), ["succeeded", "failed", "failed"]);
    let other = &report.items[2].outcome;
    assert!(
        matches!(other, BatchOutcome::Failed(FireError::Tenancy(TenancyError::OtherTenant))),
        "{other:?}"
    );
    let stops = options().on_failure(OnFailure::Stop);
    let report = acme.batch(stops).fire_all([open(""), open("other"), open("acme")]).await;
    assert_eq!(words(&report.items), ["skipped", "failed", "skipped"], "what is not let in stops it at once");
    let report = acme.batch(options().atomic(true)).fire_all([open(""), open("other"), open("acme")]).await;
    assert_eq!(words(&report.items), ["skipped", "failed", "skipped"]);
    let report = host.batch(options()).fire_all([open(""), open("other"), open("bad\n")]).await;
    assert_eq!(words(&report.items), ["failed", "succeeded", "failed"]);
    assert!(matches!(
        report.items[0].outcome,
        BatchOutcome::Failed(FireError::Tenancy(TenancyError::NoTenant))
    ));
    let tenants: Vec<_> = report.items.iter().map(|item| &*item.stream.tenant).collect();
    assert_eq!(tenants, ["", "other", "bad\n"]);
    assert_eq!(records(&store).await.len(), 2);
}
