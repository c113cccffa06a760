//! A store behind a breaker: left alone while it fails, tried with care, and nothing is written or lost on the way.

use statewright::breaker::{Breaker, BreakerOptions, BreakerState};
use statewright::clock::FakeClock;
use statewright::store::faulty::{Fault, Faulty};
use statewright::store::guarded::Guarded;
use statewright::store::{Append, Head, MemoryStore, Outcome, Revision, Store, StoreError, StreamId, Unit};
use statewright::{FireError, Host};
use statewright_tests::{Door, DoorTrigger};
use std::sync::Arc;
use std::time::Duration;

const PAUSE: Duration = Duration::from_secs(5);

struct Desk {
    clock: FakeClock,
    faulty: Arc<Faulty<MemoryStore>>,
    guarded: Arc<Guarded<Arc<Faulty<MemoryStore>>>>,
}

fn desk() -> Desk {
    let clock = FakeClock::default();
    let options = BreakerOptions::new("orders").failures(2).pause(PAUSE);
    let breaker = Breaker::new(options, Arc::new(clock.clone())).expect("fine options");
    let faulty = Arc::new(Faulty::new(MemoryStore::new()));
    let guarded = Arc::new(Guarded::new(Arc::clone(&faulty), breaker));
    Desk { clock, faulty, guarded }
}

impl Desk {
    async fn host(&self) -> Host<Door> {
        let builder = Host::builder(Arc::clone(&self.guarded)).clock(self.clock.clone()).effects_elsewhere();
        builder.build().await.expect("fine")
    }

    fn state(&self) -> BreakerState {
        self.guarded.breaker().state()
    }
}

#[tokio::test]
async fn a_store_that_fails_is_left_alone_and_callers_are_answered_at_once() {
    let desk = desk();
    let door = desk.host().await.instance("a");
    (0..3).for_each(|_| desk.faulty.fail_next(Fault::Refused));
    for _ in 0..2 {
        assert_eq!(desk.state(), BreakerState::Closed);
        door.fire(DoorTrigger::Open).await.expect_err("the disk is full");
    }
    assert_eq!(desk.state(), BreakerState::Open);
    let error = door.fire(DoorTrigger::Open).await.expect_err("it is left alone");
    let FireError::Load(cause) = &error else { panic!("the copy was dropped and must be read: {error}") };
    assert!(error.is_retryable(), "{cause:?}");
    let stream = StreamId::new("", "Door", "a");
    let append = Append { stream: stream.clone(), after: Head::default(), steps: Vec::new() };
    let outcomes = desk.guarded.append(vec![append.clone(), append], Unit::Each).await;
    assert_eq!(outcomes.len(), 2);
    for outcome in outcomes {
        let Outcome::Refused(StoreError::Open { store, retry_after }) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!((&*store, retry_after), ("orders", PAUSE));
    }
    assert_eq!(desk.guarded.breaker().stats().refused, 2, "one read, one append");
    desk.clock.advance(PAUSE);
    let error = door.fire(DoorTrigger::Open).await.expect_err("the third fault was still there to be met");
    assert!(
        matches!(&error, FireError::Store { source, .. } if matches!(**source, StoreError::Unavailable { .. }))
    );
    assert_eq!(desk.state(), BreakerState::Closed, "the read was the probe, and one failure is not enough");
    assert_eq!(door.fire(DoorTrigger::Open).await.expect("there is room again").revision, Revision(1));
}

#[tokio::test]
async fn conflicts_and_refusals_by_limits_are_answers() {
    let desk = desk();
    let stream = StreamId::new("", "Door", "a");
    for _ in 0..10 {
        let after = Head { revision: Revision(7), ..Head::default() };
        let empty = Append { stream: stream.clone(), after, steps: Vec::new() };
        let outcome = desk.guarded.append(vec![empty], Unit::Each).await.pop();
        assert!(matches!(outcome, Some(Outcome::Refused(StoreError::Empty { .. }))), "{outcome:?}");
    }
    let stats = desk.guarded.breaker().stats();
    assert_eq!((stats.state, stats.succeeded, stats.failed), (BreakerState::Closed, 10, 0));
}

#[tokio::test]
async fn an_answer_that_is_lost_counts_and_a_call_that_is_cancelled_does_not() {
    let desk = desk();
    let append = |revision: u64| {
        let after = Head { revision: Revision(revision), ..Head::default() };
        let stream = StreamId::new("", "Door", "a");
        desk.guarded.append(vec![Append { stream, after, steps: Vec::new() }], Unit::Each)
    };
    desk.faulty.close();
    for _ in 0..5 {
        let call = append(1);
        tokio::select! {
            biased;
            _ = call => panic!("the gate is closed"),
            () = std::future::ready(()) => {}
        }
    }
    let stats = desk.guarded.breaker().stats();
    assert_eq!((stats.state, stats.abandoned, stats.running), (BreakerState::Closed, 5, 0));
    desk.faulty.open(10);
    for fault in [Fault::LostAnswer, Fault::LostRequest] {
        desk.faulty.fail_next(fault);
        let outcome = append(1).await.pop();
        assert!(matches!(outcome, Some(Outcome::Unknown(_))), "{outcome:?}");
    }
    assert_eq!(desk.state(), BreakerState::Open);
}
