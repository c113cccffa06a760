//! Lost answers, refusals, and machines that panic: nothing acknowledged is lost, nothing is recorded twice.

use statewright::store::faulty::{Fault, Faulty};
use statewright::store::{MemoryStore, Revision};
use statewright::{BuildError, FireError, Host};
use statewright_tests::{Door, DoorState, DoorTrigger};
use std::sync::Arc;

async fn host() -> (Arc<Faulty<MemoryStore>>, Host<Door>) {
    let store = Arc::new(Faulty::new(MemoryStore::new()));
    let host = Host::builder(Arc::clone(&store))
        .effects_elsewhere()
        .conflict_retries(3)
        .build()
        .await
        .expect("fine");
    (store, host)
}

#[tokio::test]
async fn a_lost_answer_is_found_again_and_a_lost_request_is_sent_again() {
    for fault in [Fault::LostAnswer, Fault::LostRequest] {
        let (store, host) = host().await;
        store.fail_next(fault);
        let fired = host.instance("a").fire(DoorTrigger::Open).await.expect("the host finds out");
        assert_eq!(
            (fired.revision, fired.to, fired.duplicate),
            (Revision(1), DoorState::Ajar, false),
            "{fault:?}"
        );
        assert_eq!(host.instance("a").revision().await.expect("it loads"), Revision(1));
    }
}

#[tokio::test]
async fn a_refusal_of_the_store_changes_nothing() {
    let (store, host) = host().await;
    store.fail_next(Fault::Refused);
    let error = host.instance("a").fire(DoorTrigger::Open).await.expect_err("the disk is full");
    assert!(matches!(error, FireError::Store { .. }), "{error}");
    assert_eq!(host.instance("a").state().await.expect("it loads"), DoorState::Closed);
    host.instance("a").fire(DoorTrigger::Open).await.expect("there is room again");
}

#[tokio::test]
async fn answers_that_stay_lost_are_unknown_and_the_same_id_tells() {
    let (store, host) = host().await;
    (0..4).for_each(|_| store.fail_next(Fault::LostRequest));
    let error = host.instance("a").command("1").fire(DoorTrigger::Open).await.expect_err("nobody knows");
    assert!(matches!(error, FireError::Unknown { .. }) && error.is_retryable(), "{error}");
    let fired =
        host.instance("a").command("1").fire(DoorTrigger::Open).await.expect("the store answers again");
    assert_eq!(fired.revision, Revision(1));
}

#[tokio::test]
async fn a_machine_that_panics_fails_its_own_request_and_no_other() {
    let (store, host) = host().await;
    let door = host.instance("a");
    store.close();
    let fire = |trigger: DoorTrigger| {
        let door = door.clone();
        tokio::spawn(async move { door.fire(trigger).await })
    };
    let first = fire(DoorTrigger::Open);
    while store.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let group = [fire(DoorTrigger::Knock { times: 2 }), fire(DoorTrigger::Break), fire(DoorTrigger::Close)];
    tokio::task::yield_now().await;
    store.open(10);
    first.await.expect("no panic").expect("it is shut");
    let [knock, burst, close] = group;
    knock.await.expect("no panic").expect("always");
    let error = burst.await.expect("no panic").expect_err("the guard panics");
    assert!(matches!(error, FireError::Panicked { trigger: "Break", .. }), "{error}");
    close.await.expect("no panic").expect("it is open");
    let (knocks, revision) =
        door.view(|door, revision| (door.data().knocks, revision)).await.expect("it loads");
    assert_eq!((knocks, revision), (2, Revision(3)));
}

#[tokio::test]
async fn effects_that_nobody_does_are_refused_when_the_host_is_built() {
    let error = Host::<Door>::builder(MemoryStore::new()).build().await.expect_err("Door rings");
    assert!(matches!(error, BuildError::NoHandlers { machine: "Door" }), "{error}");
    let error = Host::<Door>::builder(MemoryStore::new())
        .effects_elsewhere()
        .queue_max(0)
        .build()
        .await
        .expect_err("no queue");
    assert!(matches!(error, BuildError::Zero { option: "queue_max" }), "{error}");
}
