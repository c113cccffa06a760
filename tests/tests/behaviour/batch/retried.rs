//! What is tried again is recorded once, in its order, and no more often than it was said.

use super::{numbered, records, words};
use statewright::clock::FakeClock;
use statewright::host::{BatchOptions, BatchOutcome, BatchReport, BatchRequest, Retry};
use statewright::store::MemoryStore;
use statewright::store::faulty::{Fault, Faulty};
use statewright::{FireError, Host};
use statewright_tests::{Door, DoorTrigger};
use std::sync::Arc;
use std::time::Duration;

struct Desk {
    clock: FakeClock,
    store: Arc<Faulty<MemoryStore>>,
    host: Host<Door>,
}

/// The host itself tries nothing again.
async fn desk() -> Desk {
    let (clock, store) = (FakeClock::default(), Arc::new(Faulty::new(MemoryStore::new())));
    let builder = Host::builder(Arc::clone(&store)).clock(clock.clone()).effects_elsewhere();
    let host = builder.conflict_retries(0).build().await.expect("fine");
    Desk { clock, store, host }
}

impl Desk {
    async fn fire(&self, attempts: u32, requests: Vec<BatchRequest<Door>>) -> BatchReport<Door> {
        let retry = Retry::attempts(attempts).first_pause(Duration::from_millis(10));
        let batch = self.host.batch(BatchOptions::default().retry(retry));
        let batch = tokio::spawn(batch.fire_all(requests));
        while !batch.is_finished() {
            self.clock.advance(Duration::from_millis(5));
            tokio::task::yield_now().await;
        }
        batch.await.expect("no panic")
    }
}

fn asked() -> Vec<BatchRequest<Door>> {
    numbered([
        ("a", DoorTrigger::Open),
        ("a", DoorTrigger::Open),
        ("a", DoorTrigger::Close),
        ("b", DoorTrigger::Open),
    ])
}

#[tokio::test]
async fn lost_answers_and_lost_requests_are_recorded_once() {
    for fault in [Fault::LostAnswer, Fault::LostRequest] {
        let desk = desk().await;
        desk.store.fail_next(fault);
        desk.store.fail_next(fault);
        let report = desk.fire(5, asked()).await;
        assert_eq!(words(&report.items), ["succeeded", "failed", "succeeded", "succeeded"], "{fault:?}");
        let tries: Vec<_> = report.items.iter().map(|item| item.tries).collect();
        assert!(tries.iter().all(|tries| (1..=3).contains(tries)), "{tries:?}");
        assert_eq!(tries[0] > 1, fault == Fault::LostRequest, "a lost answer is in the records: {tries:?}");
        let mut records = records(&desk.store).await;
        records.sort();
        let expected = [("a", "0"), ("a", "2"), ("b", "3")];
        assert_eq!(records, expected.map(|(id, command)| (id.to_owned(), command.to_owned())));
    }
}

#[tokio::test]
async fn a_request_without_an_id_is_recorded_once_too() {
    let desk = desk().await;
    desk.store.fail_next(Fault::LostRequest);
    let report = desk.fire(2, vec![BatchRequest::new("a", DoorTrigger::Knock { times: 1 })]).await;
    let BatchOutcome::Succeeded(fired) = &report.items[0].outcome else { panic!("{}", report.counts) };
    assert!(!fired.duplicate, "it is its own record");
    assert_eq!((report.items[0].tries, records(&desk.store).await.len()), (2, 1));
}

#[tokio::test]
async fn a_repeated_id_is_a_duplicate_also_when_the_answer_was_lost() {
    let store = Arc::new(Faulty::new(MemoryStore::new()));
    let host = Host::<Door>::builder(Arc::clone(&store)).effects_elsewhere().build().await.expect("fine");
    store.fail_next(Fault::LostAnswer);
    let twice =
        ["once", "once"].map(|id| BatchRequest::new("a", DoorTrigger::Knock { times: 1 }).command(id));
    let report = host.batch(BatchOptions::default()).fire_all(twice).await;
    assert_eq!(words(&report.items), ["succeeded", "duplicate"]);
    assert_eq!(records(&store).await.len(), 1);
}

#[tokio::test]
async fn attempts_are_bounded_and_off_unless_said_otherwise() {
    for (attempts, tries) in [(1, 1), (3, 3)] {
        let desk = desk().await;
        (0..10).for_each(|_| desk.store.fail_next(Fault::LostRequest));
        let report = desk.fire(attempts, numbered([("a", DoorTrigger::Open)])).await;
        let item = &report.items[0];
        assert!(matches!(item.outcome, BatchOutcome::Unknown(Some(FireError::Unknown { .. }))), "{item:?}");
        assert_eq!(item.tries, tries);
    }
}

#[tokio::test]
async fn what_cannot_help_is_not_tried_again() {
    let desk = desk().await;
    desk.store.fail_next(Fault::Refused);
    let report = desk.fire(5, numbered([("a", DoorTrigger::Open), ("b", DoorTrigger::Close)])).await;
    assert!(report.items.iter().all(|item| item.tries == 1), "a full disk and a refusal stay what they are");
}

#[tokio::test]
async fn what_waits_to_be_tried_again_when_the_time_is_over_tells_what_is_known() {
    for (fault, word) in [(Fault::LostAnswer, "succeeded"), (Fault::LostRequest, "unknown")] {
        let desk = desk().await;
        desk.store.fail_next(fault);
        let hour = Duration::from_hours(1);
        let retry = Retry::attempts(3).first_pause(hour).longest_pause(hour);
        let options = BatchOptions::default().retry(retry).timeout(Duration::from_secs(100));
        let batch = desk.host.batch(options);
        let batch = tokio::spawn(batch.fire_all(numbered([("a", DoorTrigger::Open)])));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!batch.is_finished());
        desk.clock.advance(Duration::from_secs(100));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        desk.clock.advance(Duration::from_secs(1));
        let report = batch.await.expect("no panic");
        assert_eq!(words(&report.items), [word], "{fault:?}");
    }
}
