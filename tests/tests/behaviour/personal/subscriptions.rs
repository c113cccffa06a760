//! Subscriptions hand out what is opened, or forgotten.

use super::*;
use statewright::Repository;
use statewright::subscription::{Message, Start};

#[tokio::test]
async fn a_subscription_reads_the_value_until_it_is_forgotten() {
    let store = Arc::new(MemoryStore::with_shards(1));
    let host = host(&store).await;
    for (stay, guest) in [("7", "g-1"), ("8", "g-1")] {
        host.instance(stay).fire(book(guest, NAME)).await.expect("free");
    }
    let mut subscription = host.subscribe(Start::Beginning).open().await.expect("it begins");
    let mut next = async || match subscription.next().await.expect("it reads") {
        Message::Record(transition) => match &transition.events[0] {
            StayEvent::Booked(booked) => booked.name.clone(),
            StayEvent::Noted(noted) => noted.text.clone(),
        },
        other => panic!("a record, not {other:?}"),
    };
    assert_eq!(next().await, Personal::new(NAME.to_owned()));
    // Its page is in memory: it is opened when its turn comes.
    host.forget("g-1").await.expect("memory");
    assert!(next().await.is_forgotten());
    host.shutdown().await;
    let without = Repository::<Stay>::new(Arc::clone(&store));
    without.load(&without.stream("", "7")).await.expect_err("there is no key");
}
