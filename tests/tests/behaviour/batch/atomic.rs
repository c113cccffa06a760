//! All or nothing over several instances, on every store that can.

use super::{numbered, records, word, words};
use statewright::clock::FakeClock;
use statewright::host::{BatchOptions, BatchOutcome, BatchRequest, Retry, Skip};
use statewright::store::faulty::{Fault, Faulty};
use statewright::store::{Atomic, MemoryStore, Revision, Store, StoreError};
use statewright::{FireError, Host};
use statewright_sqlite::SqliteStore;
use statewright_tests::gate::{Gate, GateTrigger};
use statewright_tests::stepping::Stepping;
use statewright_tests::{Door, DoorState, DoorTrigger};
use std::sync::Arc;
use std::time::Duration;

async fn host(store: impl Store) -> Host<Door> {
    Host::builder(store).effects_elsewhere().build().await.expect("fine")
}

fn options() -> BatchOptions {
    BatchOptions::default().atomic(true)
}

#[tokio::test]
async fn all_are_recorded_by_one_append_or_none_on_memory_and_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = SqliteStore::open(folder.path().join("doors.db")).expect("it opens");
    let stores: [Arc<dyn Store>; 2] = [Arc::new(MemoryStore::new()), Arc::new(sqlite)];
    for inner in stores {
        let store = Arc::new(Stepping::new(inner, usize::MAX));
        let host = host(Arc::clone(&store)).await;
        let refused = numbered([
            ("a", DoorTrigger::Open),
            ("b", DoorTrigger::Open),
            ("b", DoorTrigger::Open),
            ("c", DoorTrigger::Open),
        ]);
        let report = host.batch(options()).fire_all(refused).await;
        assert_eq!(words(&report.items), ["skipped", "skipped", "failed", "skipped"]);
        assert!(matches!(report.items[2].outcome, BatchOutcome::Failed(FireError::Rejected(_))));
        assert!(matches!(report.items[3].outcome, BatchOutcome::Skipped(Skip::Atomic)));
        assert_eq!((store.appends(), records(&store).await), (Vec::new(), Vec::new()));
        assert_eq!(host.instance("a").state().await.expect("it loads"), DoorState::Closed);

        let accepted = numbered([
            ("b", DoorTrigger::Open),
            ("a", DoorTrigger::Open),
            ("b", DoorTrigger::Close),
            ("c", DoorTrigger::Rung),
        ]);
        let report = host.batch(options()).fire_all(accepted).await;
        assert!(report.is_success(), "{:?}", report.items);
        assert_eq!(store.appends(), [(3, 4)]);
        let BatchOutcome::Succeeded(fired) = &report.items[2].outcome else { panic!("it was open") };
        assert_eq!((fired.revision, fired.to, fired.duplicate), (Revision(2), DoorState::Closed, false));
        // The host goes on with the copies that were held.
        assert_eq!(
            host.instance("a").fire(DoorTrigger::Close).await.expect("it is open").revision,
            Revision(2)
        );
        host.shutdown().await;
    }
}

#[tokio::test]
async fn a_store_that_cannot_says_what_it_can() {
    let cases = [(Atomic::Instance, 1, true), (Atomic::Instance, 2, false), (Atomic::Shard, 8, false)];
    for (can, instances, fits) in cases {
        let store = Arc::new(Stepping::new(MemoryStore::new(), usize::MAX).with_atomic(can));
        let host = host(Arc::clone(&store)).await;
        let requests = (0..instances).map(|n| BatchRequest::new(&"x".repeat(n), DoorTrigger::Open));
        let report = host.batch(options()).fire_all(requests).await;
        assert_eq!(report.is_success(), fits, "{can:?}: {}", report.counts);
        for item in report.items.iter().filter(|_| !fits) {
            let BatchOutcome::Failed(FireError::Store { source, .. }) = &item.outcome else {
                panic!("{item:?}")
            };
            assert!(matches!(**source, StoreError::NotAtomic { can: said } if said == can), "{source}");
        }
    }
}

#[tokio::test]
async fn more_than_one_append_takes_is_refused_also_from_a_stream_without_an_end() {
    let store = Arc::new(MemoryStore::new());
    let host = host(Arc::clone(&store)).await;
    let endless = std::iter::repeat_with(|| BatchRequest::new("a", DoorTrigger::Knock { times: 1 }));
    let mut results = host.batch(options()).fire_each(endless);
    while let Some(item) = results.next().await {
        let BatchOutcome::Failed(FireError::Store { source, .. }) = &item.outcome else { panic!("{item:?}") };
        assert!(matches!(**source, StoreError::TooMany { max: 1_024, .. }), "{source}");
    }
    assert!(results.counts().failed > 1_024 && records(&store).await.is_empty());
    let fits = (0..1_024).map(|n| BatchRequest::new(&(n % 9).to_string(), DoorTrigger::Knock { times: 1 }));
    assert!(host.batch(options()).fire_all(fits).await.is_success());
}

#[tokio::test]
async fn batches_that_cross_each_other_and_busy_callers_all_come_to_their_end() {
    let store = Arc::new(MemoryStore::new());
    let host = host(Arc::clone(&store)).await;
    let knock = |id: &str| BatchRequest::new(id, DoorTrigger::Knock { times: 1 });
    let batches = (0..20).map(|n| {
        let ids = if n % 2 == 0 { ["a", "b", "c"] } else { ["c", "b", "a"] };
        tokio::spawn(host.batch(options()).fire_all(ids.map(knock)))
    });
    let batches: Vec<_> = batches.collect();
    let callers = (0..60).map(|n| {
        let door = host.instance(["a", "b", "c"][n % 3]);
        tokio::spawn(async move { door.fire(DoorTrigger::Knock { times: 1 }).await })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("no panic").expect("always");
    }
    for batch in batches {
        let report = batch.await.expect("no panic");
        assert!(report.is_success(), "{:?}", report.items);
    }
    assert_eq!(records(&store).await.len(), 20 * 3 + 60);
}

#[tokio::test]
async fn two_hosts_decide_again_until_one_was_first() {
    let store = Arc::new(MemoryStore::new());
    let hosts = [host(Arc::clone(&store)).await, host(Arc::clone(&store)).await];
    for round in 0..20 {
        // Each goes on with copies that the other one has outrun.
        let host = &hosts[round % 2];
        let knock = |id: &str| BatchRequest::new(id, DoorTrigger::Knock { times: 1 });
        let report = host.batch(options()).fire_all(["a", "b"].map(knock)).await;
        assert!(report.is_success(), "{:?}", report.items);
    }
    assert_eq!(records(&store).await.len(), 40);
}

#[tokio::test]
async fn ids_that_are_known_are_answered_and_the_others_recorded() {
    let store = Arc::new(MemoryStore::new());
    let host = host(Arc::clone(&store)).await;
    host.instance("a").command("0").fire(DoorTrigger::Open).await.expect("it is shut");
    let requests = numbered([("a", DoorTrigger::Open), ("b", DoorTrigger::Open), ("c", DoorTrigger::Open)]);
    let twice = BatchRequest::new("b", DoorTrigger::Open).command("1");
    let report = host.batch(options()).fire_all(requests.into_iter().chain([twice])).await;
    assert_eq!(words(&report.items), ["duplicate", "succeeded", "succeeded", "duplicate"]);
    let reused = ["0", "0'"].map(|id| BatchRequest::new("a", DoorTrigger::Close).command(id));
    let report = host.batch(options()).fire_all(reused).await;
    assert_eq!(words(&report.items), ["failed", "skipped"]);
    let [close, knock] = [DoorTrigger::Close, DoorTrigger::Knock { times: 1 }];
    let reused = [close, knock].map(|trigger| BatchRequest::new("a", trigger).command("2"));
    let report = host.batch(options()).fire_all(reused).await;
    assert_eq!(
        words(&report.items),
        ["skipped", "failed"],
        "an id stands for one trigger within the batch too"
    );
    assert_eq!(records(&store).await.len(), 3);
}

#[tokio::test]
async fn lost_answers_are_found_and_lost_requests_are_sent_again() {
    for fault in [Fault::LostAnswer, Fault::LostRequest] {
        let store = Arc::new(Faulty::new(MemoryStore::new()));
        let host = host(Arc::clone(&store)).await;
        (0..2).for_each(|_| store.fail_next(fault));
        let requests =
            numbered([("a", DoorTrigger::Open), ("b", DoorTrigger::Open), ("a", DoorTrigger::Close)]);
        let report = host.batch(options()).fire_all(requests).await;
        assert_eq!(words(&report.items), ["succeeded"; 3], "{fault:?}");
        assert_eq!(records(&store).await.len(), 3);
    }
}

#[tokio::test]
async fn a_store_that_refuses_and_then_does_not_is_asked_again() {
    let (clock, store) = (FakeClock::default(), Arc::new(Faulty::new(MemoryStore::new())));
    let builder = Host::<Door>::builder(Arc::clone(&store)).clock(clock.clone()).effects_elsewhere();
    let host = builder.conflict_retries(0).build().await.expect("fine");
    store.fail_next(Fault::LostRequest);
    let retry = Retry::attempts(2).first_pause(Duration::from_millis(10));
    let requests = numbered([("a", DoorTrigger::Open), ("b", DoorTrigger::Open)]);
    let batch = tokio::spawn(host.batch(options().retry(retry)).fire_all(requests));
    while !batch.is_finished() {
        clock.advance(Duration::from_millis(5));
        tokio::task::yield_now().await;
    }
    let report = batch.await.expect("no panic");
    assert_eq!(words(&report.items), ["succeeded"; 2]);
    assert!(report.items.iter().all(|item| item.tries == 2));
    assert_eq!(records(&store).await.len(), 2);
    store.fail_next(Fault::Refused);
    let report = host.batch(options()).fire_all([BatchRequest::new("a", DoorTrigger::Close)]).await;
    assert_eq!(words(&report.items), ["failed"]);
}

#[tokio::test]
async fn tokens_are_for_what_is_recorded() {
    let host =
        Host::<Gate>::builder(MemoryStore::new()).clock(FakeClock::default()).build().await.expect("fine");
    let left = |id: &str| host.instance(id).available().iter().map(|left| left.tokens).collect::<Vec<_>>();
    let fire = async |asked: &[(&str, GateTrigger)]| {
        let asked = asked.iter().map(|(id, trigger)| BatchRequest::new(id, trigger.clone()));
        host.batch(options()).fire_all(asked.collect::<Vec<_>>()).await.counts
    };
    let fell = fire(&[("a", GateTrigger::Pass), ("b", GateTrigger::Shut)]).await;
    assert_eq!((fell.failed, fell.skipped), (1, 1));
    assert_eq!((left("a"), left("b")), (vec![3, 4, 10], vec![3, 4, 10]), "nothing is recorded");
    let fits = fire(&[("a", GateTrigger::Pass), ("b", GateTrigger::Pass), ("b", GateTrigger::Rest)]).await;
    assert_eq!(fits.succeeded, 3);
    assert_eq!((left("a"), left("b")), (vec![2, 4, 8], vec![2, 4, 8]), "what was ignored gave its own back");
    let many = [("a", GateTrigger::Pass), ("a", GateTrigger::Pass), ("a", GateTrigger::Pass)];
    let limited = fire(&many).await;
    assert_eq!((limited.failed, limited.skipped), (1, 2));
    assert_eq!(left("a"), [2, 4, 8]);
}

#[tokio::test]
async fn a_batch_that_is_late_lets_go_of_what_it_holds() {
    let (clock, store) = (FakeClock::default(), Arc::new(Faulty::new(MemoryStore::new())));
    let builder = Host::<Door>::builder(Arc::clone(&store)).clock(clock.clone()).effects_elsewhere();
    let host = builder.build().await.expect("fine");
    store.close();
    // `b` is busy, so the batch waits with `a` in its hands.
    let busy = host.instance("b");
    let busy = tokio::spawn(async move { busy.fire(DoorTrigger::Open).await });
    while store.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let requests = numbered([("a", DoorTrigger::Open), ("b", DoorTrigger::Close)]);
    let batch = tokio::spawn(host.batch(options().step_timeout(Duration::from_secs(1))).fire_all(requests));
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    let door = host.instance("a");
    let waiting = tokio::spawn(async move { door.state().await });
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished(), "it is held");
    clock.advance(Duration::from_secs(1));
    let report = batch.await.expect("no panic");
    assert!(report.items.iter().all(|item| word(item) == "timed out"), "{:?}", report.items);
    assert_eq!(waiting.await.expect("no panic").expect("it loads"), DoorState::Closed);
    store.open(1);
    busy.await.expect("no panic").expect("it is shut");
    assert_eq!(records(&store).await.len(), 1);
}

#[tokio::test]
async fn an_erased_tenant_lets_no_part_of_a_batch_in() {
    let store = Arc::new(MemoryStore::new());
    let host = host(Arc::clone(&store)).await;
    host.tenant("gone").expect("an id").erase().await.expect("there is nothing");
    let open = |tenant: &str| BatchRequest::new("a", DoorTrigger::Open).tenant(tenant);
    let report = host.batch(options()).fire_all([open("here"), open("gone")]).await;
    assert_eq!(words(&report.items), ["skipped", "failed"]);
    assert!(records(&store).await.is_empty());
    let report = host.batch(BatchOptions::default()).fire_all([open("here"), open("gone")]).await;
    assert_eq!(words(&report.items), ["succeeded", "failed"]);
    assert_eq!(records(&store).await.len(), 1);
}
