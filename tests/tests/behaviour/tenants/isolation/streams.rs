//! Records as they come.

use super::{ACME, OTHER, World};
use statewright::history::Transition;
use statewright::subscription::{Consumer, Message, Start, Subscribe, Subscription};
use statewright_tests::{Door, DoorTrigger};
use std::sync::Arc;
use std::time::Duration;

/// Whose the records are, up to now.
async fn seen(subscription: &mut Subscription<Transition<Door>>) -> Vec<String> {
    let mut tenants = Vec::new();
    loop {
        match subscription.next().await.expect("it reads") {
            Message::Record(record) => tenants.push(record.record.stream.tenant.to_string()),
            Message::CaughtUp => return tenants,
            Message::FellBehind => {}
        }
    }
}

pub(super) async fn subscriptions(world: &World) {
    let tenant = |tenant: &str| world.doors.tenant(tenant).expect("an id");
    let mut acme =
        tenant(ACME).subscribe(Start::Beginning).events(["door.knocked"]).open().await.expect("fine");
    let mut one = world.door(OTHER).subscribe(Start::Beginning).open().await.expect("fine");
    let nobody = world.doors.subscribe(Start::Now).start(Start::Beginning);
    let mut nobody = nobody.open().await.expect("fine");
    let mut all = world.doors.operator().subscribe(Start::Beginning).open().await.expect("fine");
    assert_eq!(seen(&mut acme).await, [ACME]);
    assert_eq!(seen(&mut one).await, [OTHER]);
    assert_eq!(seen(&mut nobody).await, [""]);
    assert_eq!(seen(&mut all).await.len(), 3);
    assert!(!acme.is_buffered());
    // A place in the log of one tenant's subscription is a place in that of another.
    let mut behind = tenant(OTHER).subscribe(Start::Behind(acme.position())).open().await.expect("fine");
    for name in [OTHER, ACME, OTHER] {
        world.door(name).fire(DoorTrigger::Knock { times: 1 }).await.expect("always");
    }
    let next = acme.next().await.expect("it reads").into_record().expect("a record");
    assert_eq!((&*next.record.stream.tenant, next.record.revision.0), (ACME, 2));
    for revision in [2, 3] {
        let next = loop {
            if let Some(next) = behind.next().await.expect("it reads").into_record() {
                break next;
            }
        };
        assert_eq!((&*next.record.stream.tenant, next.record.revision.0), (OTHER, revision));
    }
    let raw = Subscribe::to(Arc::clone(&world.store), Start::Beginning).machine("Door").tenant(ACME);
    let mut raw = raw.clock(world.clock.clone()).open().await.expect("fine");
    let mut count = 0;
    while let Some(record) = raw.next().await.expect("it reads").into_record() {
        assert_eq!(&*record.stream.tenant, ACME);
        count += 1;
    }
    assert_eq!(count, 2);
    let named = tenant(ACME).subscribe(Start::Beginning).named("bells").open().await.expect("fine");
    named.close().await;
}

/// Two subscriptions of one name, in two tenants: what one has done the other has not.
pub(super) async fn consumers(world: &World) {
    let named = |tenant: &str| {
        let tenant = world.doors.tenant(tenant).expect("an id");
        tenant.subscribe(Start::Beginning).named("bells").lease(Duration::from_secs(10))
    };
    let mut acme = named(ACME).open().await.expect("fine");
    assert_eq!(next(&mut acme).await, (ACME.to_owned(), 1));
    acme.ack().await.expect("it is written");
    let shards = acme.shards();
    // It has the name to itself: the other tenant's is another.
    let mut other = named(OTHER).open().await.expect("fine");
    assert_eq!(next(&mut other).await, (OTHER.to_owned(), 1));
    assert_eq!(acme.shards(), shards);
    acme.close().await;
    other.close().await;
    for tenant in [ACME, OTHER] {
        world.door(tenant).fire(DoorTrigger::Knock { times: 1 }).await.expect("always");
    }
    named(ACME).reset().await.expect("it is written");
    let mut other = named(OTHER).open().await.expect("fine");
    assert_eq!(next(&mut other).await, (OTHER.to_owned(), 1), "it has acknowledged nothing");
    other.ack().await.expect("it is written");
    other.close().await;
    named(ACME).reset().await.expect("it is written");
    let mut other = named(OTHER).open().await.expect("fine");
    assert_eq!(next(&mut other).await, (OTHER.to_owned(), 2), "it was not reset");
    other.close().await;
    let mut acme = named(ACME).open().await.expect("fine");
    assert_eq!(next(&mut acme).await, (ACME.to_owned(), 1), "it was reset");
    acme.close().await;
}

async fn next(consumer: &mut Consumer<Transition<Door>>) -> (String, u64) {
    loop {
        if let Some(next) = consumer.next().await.expect("it reads").into_record() {
            return (next.record.stream.tenant.to_string(), next.record.revision.0);
        }
    }
}
