//! Queues: in order, bounded, and drained at the end.

use statewright::store::faulty::Faulty;
use statewright::store::{MemoryStore, Revision};
use statewright::{FireError, Host};
use statewright_tests::{Door, DoorTrigger};
use std::sync::Arc;

#[tokio::test]
async fn one_instance_is_first_in_first_out_and_one_append() {
    let store = Arc::new(Faulty::new(MemoryStore::new()));
    let host = Host::<Door>::builder(Arc::clone(&store)).effects_elsewhere().build().await.expect("fine");
    store.close();
    let door = host.instance("a");
    let fire = |n: u64| {
        let door = door.clone();
        tokio::spawn(
            async move { door.fire(DoorTrigger::Knock { times: n }).await.expect("always").revision },
        )
    };
    let tasks: Vec<_> = (1..=40).map(fire).collect();
    while store.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    // One append is under way; what came in meanwhile is the next. Two are enough for all.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    store.open(2);
    for (n, task) in (1..).zip(tasks) {
        assert_eq!(task.await.expect("no panic"), Revision(n));
    }
}

#[tokio::test]
async fn a_full_queue_is_busy_and_named() {
    let store = Arc::new(Faulty::new(MemoryStore::new()));
    let host = Host::<Door>::builder(Arc::clone(&store))
        .effects_elsewhere()
        .queue_max(2)
        .in_flight_max(5)
        .build()
        .await
        .expect("fine");
    store.close();
    let door = host.instance("a");
    let fire = || {
        let door = door.clone();
        tokio::spawn(async move { door.fire(DoorTrigger::Knock { times: 1 }).await })
    };
    let first = fire();
    while store.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let others = [fire(), fire()];
    tokio::task::yield_now().await;
    let busy = fire().await.expect("no panic").expect_err("two wait already");
    assert!(matches!(busy, FireError::Busy { queue: "instance", .. }) && busy.is_retryable(), "{busy}");
    let elsewhere: Vec<_> = (0..2)
        .map(|n| {
            let door = host.instance(&format!("b{n}"));
            tokio::spawn(async move { door.fire(DoorTrigger::Open).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let busy = host.instance("c").fire(DoorTrigger::Open).await.expect_err("five are under way");
    assert!(matches!(busy, FireError::Busy { queue: "host", .. }), "{busy}");
    store.open(10);
    for task in others.into_iter().chain(elsewhere).chain([first]) {
        task.await.expect("no panic").expect("there was room");
    }
}

#[tokio::test]
async fn shutdown_answers_what_waits_and_takes_nothing_more() {
    let store = Arc::new(Faulty::new(MemoryStore::new()));
    let host = Host::<Door>::builder(Arc::clone(&store)).effects_elsewhere().build().await.expect("fine");
    store.close();
    let door = host.instance("a");
    let waiting = tokio::spawn(async move { door.fire(DoorTrigger::Open).await });
    while store.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let closing = {
        let host = host.clone();
        tokio::spawn(async move { host.shutdown().await })
    };
    tokio::task::yield_now().await;
    assert!(matches!(host.instance("b").fire(DoorTrigger::Open).await, Err(FireError::Closed)));
    assert!(!closing.is_finished(), "an append is under way");
    store.open(1);
    assert_eq!(waiting.await.expect("no panic").expect("it was accepted before").revision, Revision(1));
    closing.await.expect("no panic");
}

#[tokio::test]
async fn the_cache_is_bounded_and_the_evicted_load_again() {
    let host = Host::<Door>::builder(MemoryStore::new())
        .effects_elsewhere()
        .cache_max(32)
        .build()
        .await
        .expect("fine");
    for n in 0..500 {
        host.instance(&n.to_string()).fire(DoorTrigger::Open).await.expect("it is shut");
    }
    assert!(host.cached() <= 64, "{} instances are kept", host.cached());
    for n in 0..500 {
        assert_eq!(host.instance(&n.to_string()).revision().await.expect("it loads"), Revision(1));
    }
}
