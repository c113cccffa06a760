//! Records as they come: what was recorded, then what is recorded, of whom it was asked, in order.

mod errors;
mod kills;
mod named;

use statewright::history::Transition;
use statewright::store::{MemoryStore, Record, Revision, Shard, Store, StreamId};
use statewright::subscription::{Item, Message, PAGE_MAX, Position, Start, Subscribe, Subscription};
use statewright::{FireError, Host};
use statewright_tests::gate::{Gate, GateTrigger};
use statewright_tests::{Door, DoorState, DoorTrigger};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) async fn doors(store: &Arc<MemoryStore>) -> Host<Door> {
    Host::builder(Arc::clone(store)).effects_elsewhere().build().await.expect("fine")
}

pub(crate) async fn knock(host: &Host<Door>, instance: &str, times: usize) {
    for _ in 0..times {
        host.instance(instance).fire(DoorTrigger::Knock { times: 1 }).await.expect("always");
    }
}

/// The next records, until one of the other messages comes.
async fn records<T: Item>(subscription: &mut Subscription<T>) -> (Vec<(String, u64)>, Message<T>) {
    let mut records = Vec::new();
    loop {
        match subscription.next().await.expect("it is read") {
            Message::Record(item) => records.push(place(item.record())),
            other => return (records, other),
        }
    }
}

fn place(record: &Record) -> (String, u64) {
    (record.stream.to_string(), record.revision.0)
}

fn revisions(instance: &str, revisions: std::ops::RangeInclusive<u64>) -> Vec<(String, u64)> {
    revisions.map(|revision| (instance.to_owned(), revision)).collect()
}

#[tokio::test]
async fn what_was_recorded_comes_first_and_then_what_is() {
    let store = Arc::new(MemoryStore::new());
    let host = doors(&store).await;
    host.instance("x").fire(DoorTrigger::Open).await.expect("it is shut");
    knock(&host, "x", 2).await;
    let mut all = host.subscribe(Start::Beginning).open().await.expect("fine");
    let Message::Record(first) = all.next().await.expect("it is read") else { panic!("a record") };
    assert_eq!((first.from, first.to), (Some(DoorState::Closed), Some(DoorState::Ajar)));
    assert_eq!((first.events.len(), first.record.revision), (1, Revision(1)));
    let (rest, said) = records(&mut all).await;
    assert_eq!((rest, said.is_caught_up()), (revisions("Door/x", 2..=3), true));
    let waiting = tokio::spawn(async move { place(record(all.next().await.expect("it is read")).record()) });
    knock(&host, "x", 1).await;
    assert_eq!(waiting.await.expect("no panic"), ("Door/x".to_owned(), 4));
}

fn record<T>(message: Message<T>) -> T {
    message.into_record().expect("a record")
}

/// Equal ids in two tenants, and two machines on one store: everybody sees what was asked for.
#[tokio::test]
async fn a_subscription_is_to_one_instance_one_tenant_one_machine_or_everything() {
    let store = Arc::new(MemoryStore::new());
    let host = doors(&store).await;
    let gates = Host::<Gate>::builder(Arc::clone(&store)).build().await.expect("fine");
    for tenant in ["a", "b"] {
        for instance in ["x", "y"] {
            let door = host.tenant(tenant).expect("an id").instance(instance);
            door.fire(DoorTrigger::Knock { times: 1 }).await.expect("always");
            door.fire(DoorTrigger::Open).await.expect("it is shut");
        }
    }
    knock(&host, "x", 1).await;
    gates.tenant("a").expect("an id").instance("x").fire(GateTrigger::Pass).await.expect("it is open");
    let seen = async |subscribe: Subscribe<Transition<Door>>| {
        let (mut seen, said) = records(&mut subscribe.open().await.expect("fine")).await;
        assert!(said.is_caught_up());
        seen.sort();
        seen
    };
    let places =
        |names: &[(&str, u64)]| names.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect::<Vec<_>>();
    let of_a = places(&[("a/Door/x", 1), ("a/Door/x", 2), ("a/Door/y", 1), ("a/Door/y", 2)]);
    assert_eq!(seen(host.tenant("a").expect("an id").subscribe(Start::Beginning)).await, of_a);
    assert_eq!(
        seen(host.tenant("a").expect("an id").instance("x").subscribe(Start::Beginning)).await,
        of_a[..2]
    );
    assert_eq!(seen(host.instance("x").subscribe(Start::Beginning)).await, places(&[("Door/x", 1)]));
    assert_eq!(seen(host.subscribe(Start::Beginning)).await, places(&[("Door/x", 1)]), "those of nobody");
    assert_eq!(seen(host.operator().subscribe(Start::Beginning)).await.len(), 9);
    let untyped =
        async |subscribe: Subscribe<Record>| records(&mut subscribe.open().await.expect("fine")).await.0;
    let everything = || Subscribe::to(Arc::clone(&store), Start::Beginning);
    assert_eq!(untyped(everything()).await.len(), 10);
    assert_eq!(untyped(everything().machine("Gate")).await, places(&[("a/Gate/x", 1)]));
    assert_eq!(untyped(everything().tenant("a")).await.len(), 5);
    assert_eq!(untyped(everything().tenant("")).await, places(&[("Door/x", 1)]));
    assert_eq!(untyped(everything().events(["door.opened"])).await.len(), 4);
}

#[tokio::test]
async fn records_are_chosen_by_the_names_of_their_events() {
    let store = Arc::new(MemoryStore::new());
    let host = doors(&store).await;
    for trigger in [DoorTrigger::Open, DoorTrigger::Knock { times: 1 }, DoorTrigger::Close, DoorTrigger::Rung]
    {
        host.instance("x").fire(trigger).await.expect("it is taken");
    }
    let subscribe = || host.subscribe(Start::Beginning);
    let opened = &mut subscribe().events(["door.opened", "door.shut"]).open().await.expect("fine");
    assert_eq!(records(opened).await.0, [("Door/x".to_owned(), 1), ("Door/x".to_owned(), 3)]);
    let knocked = &mut subscribe().events(["door.knocked"]).open().await.expect("fine");
    assert_eq!(records(knocked).await.0, [("Door/x".to_owned(), 2)]);
    assert_eq!(
        records(&mut subscribe().open().await.expect("fine")).await.0.len(),
        4,
        "also those without events"
    );
}

#[tokio::test]
async fn a_subscription_from_now_on_has_nothing_to_catch_up_with() {
    let store = Arc::new(MemoryStore::new());
    let host = doors(&store).await;
    knock(&host, "x", 3).await;
    let mut all = host.subscribe(Start::Now).open().await.expect("fine");
    let mut one = host.instance("x").subscribe(Start::Now).open().await.expect("fine");
    let mut behind = host.instance("x").subscribe(Start::Behind(Revision(3))).open().await.expect("fine");
    knock(&host, "x", 1).await;
    for subscription in [&mut all, &mut one, &mut behind] {
        let (seen, said) = records(subscription).await;
        assert_eq!((seen, said.is_caught_up()), (revisions("Door/x", 4..=4), true));
    }
    knock(&host, "y", 1).await;
    knock(&host, "x", 1).await;
    assert_eq!(place(&record(one.next().await.expect("it is read")).record), ("Door/x".to_owned(), 5));
    let other = host.subscribe(Start::Behind(one.position())).open().await;
    assert!(other.is_err(), "the place in one stream is none in all shards");
}

#[tokio::test]
async fn a_position_goes_on_where_it_was_taken() {
    let store = Arc::new(MemoryStore::with_shards(3));
    let host = doors(&store).await;
    for instance in ["x", "y", "z", "w"] {
        knock(&host, instance, 5).await;
    }
    let mut whole = host.subscribe(Start::Beginning).open().await.expect("fine");
    let mut texts = vec![whole.position().to_string()];
    let mut seen = Vec::new();
    while let Message::Record(item) = whole.next().await.expect("it is read") {
        seen.push(place(&item.record));
        texts.push(whole.position().to_string());
    }
    assert_eq!(seen.len(), 20);
    for (n, text) in texts.iter().enumerate() {
        let position: Position = text.parse().expect("it was printed");
        let mut rest = host.subscribe(Start::Behind(position)).open().await.expect("fine");
        let (mut rest, _) = records(&mut rest).await;
        rest.sort();
        let mut expected = seen[n..].to_vec();
        expected.sort();
        assert_eq!(rest, expected, "behind record {n}");
    }
}

/// Writers go on while nobody takes their records, and the subscription says that it fell behind.
#[tokio::test]
async fn a_slow_subscriber_falls_behind_and_is_told_so() {
    let store = Arc::new(MemoryStore::with_shards(1));
    let host = doors(&store).await;
    let mut slow = host.subscribe(Start::Beginning).open().await.expect("fine");
    assert!(slow.next().await.expect("it is read").is_caught_up());
    let many = u64::try_from(PAGE_MAX).expect("few") * 2 + 7;
    for _ in 0..many {
        host.instance("x")
            .fire(DoorTrigger::Knock { times: 1 })
            .await
            .expect("no writer waits for a subscriber");
    }
    assert!(matches!(slow.next().await.expect("it is read"), Message::FellBehind));
    let (seen, said) = records(&mut slow).await;
    assert_eq!((seen, said.is_caught_up()), (revisions("Door/x", 1..=many), true));
    knock(&host, "x", 1).await;
    assert!(
        matches!(slow.next().await.expect("it is read"), Message::Record(_)),
        "it is not behind any more"
    );
}

/// A shard that has much is not read to its end before the others are looked at.
#[tokio::test]
async fn shards_take_turns() {
    let store = Arc::new(MemoryStore::with_shards(2));
    let host = doors(&store).await;
    let of = |shard: u16| {
        (0..100_000).map(|n| n.to_string()).find(|id| shard_of(&store, id) == Shard(shard)).expect("one")
    };
    let (long, short) = (of(0), of(1));
    knock(&host, &long, PAGE_MAX * 3).await;
    knock(&host, &short, 3).await;
    let mut all = host.subscribe(Start::Beginning).open().await.expect("fine");
    let mut last = BTreeMap::new();
    for n in 0..PAGE_MAX * 3 + 3 {
        let record = record(all.next().await.expect("it is read")).record;
        let before = last.insert(record.stream.instance.to_string(), record.revision.0).unwrap_or_default();
        assert_eq!(record.revision.0, before + 1, "in order");
        if n == PAGE_MAX + 2 {
            assert_eq!(last.get(&short), Some(&3));
        }
    }
    assert!(all.next().await.expect("it is read").is_caught_up());
}

fn shard_of(store: &MemoryStore, instance: &str) -> Shard {
    store.shard(&StreamId::new("", "Door", instance))
}

/// A call that is given up loses nothing.
#[tokio::test]
async fn a_call_that_is_cancelled_loses_no_record() {
    let store = Arc::new(MemoryStore::new());
    let host = doors(&store).await;
    knock(&host, "x", 300).await;
    let mut all = host.subscribe(Start::Beginning).open().await.expect("fine");
    let (mut seen, mut given_up) = (0, 0);
    while seen < 300 {
        tokio::select! {
            biased;
            message = all.next() => {
                seen += 1;
                assert_eq!(record(message.expect("it is read")).record.revision.0, seen);
            }
            () = turns(given_up % 4) => given_up += 1,
        }
    }
    assert!(given_up > 0, "some calls were given up");
}

/// Returns when others have had this many turns.
async fn turns(turns: usize) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

/// A deletion is a record, and what is erased says so.
#[tokio::test]
async fn what_is_deleted_and_erased_is_told() -> Result<(), FireError> {
    let store = Arc::new(MemoryStore::new());
    let host = doors(&store).await;
    knock(&host, "x", 1).await;
    host.instance("x").delete().await?;
    store.erase(&host.repository().stream("", "x")).await.expect("memory");
    let mut all = host.subscribe(Start::Beginning).open().await.expect("fine");
    for kind in ["erased", "deleted"] {
        let transition = record(all.next().await.expect("it is read"));
        assert_eq!((transition.record.step.kind.name(), transition.to), (kind, None));
    }
    Ok(())
}
