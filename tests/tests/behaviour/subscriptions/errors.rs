//! What a subscription does not get past.

use super::{doors, knock};
use crate::recorded;
use serde_json::json;
use statewright::breaker::{Breaker, BreakerOptions};
use statewright::clock::FakeClock;
use statewright::store::MemoryStore;
use statewright::store::faulty::{Fault, Faulty};
use statewright::store::guarded::Guarded;
use statewright::subscription::{Message, PAGE_MAX, Start, SubscriptionError};
use statewright::{Host, LoadError};
use statewright_tests::{Door, DoorTrigger};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Whatever is asked for, it is not passed over, and the rest of the store is not handed out instead of it.
#[tokio::test]
async fn a_record_that_cannot_be_read_stops_it_and_is_named() {
    let event = ("door.knocked", 1, json!({ "times": "many" }));
    let store = Arc::new(recorded::<Door>("bad", "Closed", &[event], BTreeMap::new()).await);
    let host = doors(&store).await;
    knock(&host, "good", 1).await;
    for names in [&["door.knocked"][..], &["door.opened"]] {
        let mut all =
            host.subscribe(Start::Beginning).events(names.iter().copied()).open().await.expect("fine");
        let mut errors = 0;
        while errors < 3 {
            match all.next().await {
                Ok(Message::Record(good)) => assert_eq!(&*good.record.stream.instance, "good"),
                Ok(other) => panic!("it has not caught up: {other:?}"),
                Err(error) => {
                    assert_is_the_bad_one(&error);
                    errors += 1;
                }
            }
        }
    }
    let mut others = host.instance("good").subscribe(Start::Beginning).open().await.expect("fine");
    assert!(matches!(others.next().await, Ok(Message::Record(_))), "one that does not read it goes on");
}

fn assert_is_the_bad_one(error: &SubscriptionError) {
    assert!(!error.is_retryable());
    let SubscriptionError::Unreadable { source } = error else { panic!("{error:?}") };
    let LoadError::Decode { stream, source, .. } = &**source else { panic!("{source:?}") };
    assert_eq!((&*stream.instance, source.revision, &*source.event), ("bad", 1, "door.knocked"));
}

#[tokio::test]
async fn a_name_that_is_no_event_is_refused() {
    let host = doors(&Arc::new(MemoryStore::new())).await;
    let error = host.subscribe(Start::Beginning).events(["door.oponed"]).open().await.expect_err("a slip");
    assert!(
        matches!(&error, SubscriptionError::UnknownEvent { machine: "Door", name } if name == "door.oponed")
    );
}

/// While the store is left alone it fails, and then it goes on where it was.
#[tokio::test]
async fn a_store_that_fails_for_a_while_loses_nothing() {
    let clock = FakeClock::default();
    let pause = Duration::from_secs(5);
    let options = BreakerOptions::new("doors").failures(1).pause(pause);
    let breaker = Breaker::new(options, Arc::new(clock.clone())).expect("fine options");
    let faulty = Arc::new(Faulty::new(MemoryStore::with_shards(1)));
    let store = Arc::new(Guarded::new(Arc::clone(&faulty), breaker));
    let host =
        Host::<Door>::builder(store).clock(clock.clone()).effects_elsewhere().build().await.expect("fine");
    knock(&host, "x", PAGE_MAX + 1).await;
    let mut all = host.subscribe(Start::Beginning).open().await.expect("fine");
    let mut seen = 0;
    while seen < PAGE_MAX {
        assert!(all.next().await.expect("it is read").into_record().is_some());
        seen += 1;
    }
    faulty.fail_next(Fault::Refused);
    host.instance("x").fire(DoorTrigger::Open).await.expect_err("the disk is full");
    for _ in 0..2 {
        let error = all.next().await.expect_err("the store is left alone");
        assert!(error.is_retryable() && matches!(error, SubscriptionError::Store { .. }), "{error:?}");
    }
    clock.advance(pause);
    let last = all.next().await.expect("it is read").into_record().expect("a record");
    assert_eq!(last.record.revision.0, u64::try_from(PAGE_MAX).expect("few") + 1);
}
