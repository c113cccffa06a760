//! What is written down of a subscription with a name: it goes on where it was, and several consumers share it.

use super::{doors, knock, record};
use statewright::clock::FakeClock;
use statewright::history::Transition;
use statewright::store::{
    Append, CellKey, Cursor, Head, MemoryStore, Record, RecordedStep, Shard, Store, StreamId, Unit,
};
use statewright::subscription::{Consumer, Message, Start, Subscribe, SubscriptionError};
use statewright::{Host, LoadError};
use statewright_tests::Door;
use statewright_tests::ticket::{v1, v2};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

async fn consumer(host: &Host<Door>) -> Consumer<Transition<Door>> {
    host.subscribe(Start::Beginning).named("bells").open().await.expect("fine")
}

async fn next(consumer: &mut Consumer<Transition<Door>>) -> (String, u64) {
    let record = record(consumer.next().await.expect("it is read")).record;
    (record.stream.instance.to_string(), record.revision.0)
}

#[tokio::test]
async fn it_goes_on_behind_what_was_acknowledged() {
    let store = Arc::new(MemoryStore::new());
    let host = doors(&store).await;
    knock(&host, "x", 5).await;
    let mut first = consumer(&host).await;
    for n in 1..=3 {
        assert_eq!(next(&mut first).await, ("x".to_owned(), n));
        if n == 2 {
            assert_eq!(first.ack().await.expect("memory"), BTreeSet::new());
        }
    }
    first.close().await;
    let mut second = consumer(&host).await;
    for n in 3..=5 {
        assert_eq!(next(&mut second).await, ("x".to_owned(), n));
    }
    second.ack().await.expect("memory");
    assert!(second.next().await.expect("it is read").is_caught_up());
    let mut other = host.subscribe(Start::Beginning).named("other").open().await.expect("fine");
    assert_eq!(next(&mut other).await, ("x".to_owned(), 1), "another name has its own checkpoint");
    let all = host.operator().subscribe(Start::Beginning);
    let mut all = all.named("bells").open().await.expect("fine");
    assert_eq!(next(&mut all).await.1, 1, "and so has the same name over something else");
    let mut of_one =
        host.instance("x").subscribe(Start::Beginning).named("bells").open().await.expect("fine");
    assert_eq!(next(&mut of_one).await.1, 1);
    of_one.ack().await.expect("memory");
    of_one.close().await;
    let mut of_one = host.instance("x").subscribe(Start::Now).named("bells").open().await.expect("fine");
    assert_eq!(next(&mut of_one).await.1, 2, "where it begins counts once");
}

/// "Now" is when the name is used first, not when somebody comes to it.
#[tokio::test]
async fn what_comes_between_two_consumers_is_not_missed() {
    let store = Arc::new(MemoryStore::new());
    let host = doors(&store).await;
    knock(&host, "x", 2).await;
    let open = async || host.subscribe(Start::Now).named("bells").open().await.expect("fine");
    open().await.close().await;
    knock(&host, "x", 1).await;
    assert_eq!(next(&mut open().await).await, ("x".to_owned(), 3));
}

/// Two, then one, then two: every record comes in order and none twice, and both have something to do.
#[tokio::test]
async fn consumers_of_a_name_share_its_shards() {
    let store = Arc::new(MemoryStore::with_shards(32));
    let host = doors(&store).await;
    let instances: Vec<_> = (0..64).map(|n| format!("{n}-is-its-number")).collect();
    for instance in &instances {
        knock(&host, instance, 2).await;
    }
    let clock = FakeClock::default();
    let mut log = Log::default();
    let mut first = shared(&store, &clock).await;
    assert_eq!(first.shards().len(), 32, "what is free is held at once");
    log.take(&mut first, 40).await;
    let mut second = shared(&store, &clock).await;
    for _ in 0..100 {
        log.take(&mut first, 1).await;
        log.take(&mut second, 1).await;
        clock.advance(Duration::from_secs(1));
    }
    let (of_first, of_second) = (first.shards(), second.shards());
    assert!(!of_first.is_empty() && !of_second.is_empty(), "{of_first:?} {of_second:?}");
    assert_eq!(of_first.iter().chain(&of_second).collect::<BTreeSet<_>>().len(), 32, "each has one");
    for instance in &instances {
        knock(&host, instance, 2).await;
    }
    first.close().await;
    for _ in 0..300 {
        log.take(&mut second, 1).await;
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(second.shards().len(), 32);
    assert_eq!(log.0.len(), 64);
    assert!(log.0.values().all(|revision| *revision == 4), "{log:?}");
}

/// What is under way is not handed to the one who is to have the shard, until it is done.
#[tokio::test]
async fn a_shard_is_given_away_when_all_of_it_is_acknowledged() {
    let store = Arc::new(MemoryStore::with_shards(32));
    let host = doors(&store).await;
    let instances: Vec<_> = (0..64).map(|n| format!("{n}-is-its-number")).collect();
    for instance in &instances {
        knock(&host, instance, 1).await;
    }
    let clock = FakeClock::default();
    let mut first = shared(&store, &clock).await;
    for _ in 0..64 {
        assert!(first.next().await.expect("it is read").into_record().is_some());
    }
    let mut second = shared(&store, &clock).await;
    let mut log = Log::default();
    for _ in 0..20 {
        let open = tokio::select! {
            biased;
            message = first.next() => message.expect("it is read").into_record(),
            () = super::turns(64) => None,
        };
        assert!(open.is_none(), "everything was handed out");
        log.take(&mut second, 64).await;
        clock.advance(Duration::from_secs(1));
    }
    let busy: BTreeSet<_> = instances.iter().map(|id| super::shard_of(&store, id)).collect();
    assert!(busy.is_subset(&first.shards().into_iter().collect()), "nothing is acknowledged");
    assert_eq!(log.0.len(), 0);
    assert_eq!(first.ack().await.expect("memory"), BTreeSet::new());
    for _ in 0..20 {
        log.take(&mut first, 1).await;
        log.take(&mut second, 64).await;
        clock.advance(Duration::from_secs(1));
    }
    assert!(second.shards().iter().any(|shard| busy.contains(shard)));
    assert_eq!(log.0.len(), 0, "what is acknowledged does not come again");
    for instance in &instances {
        knock(&host, instance, 1).await;
    }
    let mut of_second = 0;
    while let Some(message) = tokio::select! {
        biased;
        message = second.next() => Some(message.expect("it is read")),
        () = super::turns(64) => None,
    } {
        if let Message::Record(record) = message {
            assert_eq!(record.revision.0, 2);
            of_second += 1;
        }
    }
    assert!(of_second > 0);
}

async fn shared(store: &Arc<MemoryStore>, clock: &FakeClock) -> Consumer<Record> {
    let subscribe = Subscribe::to(Arc::clone(store), Start::Beginning).machine("Door").clock(clock.clone());
    subscribe.named("bells").open().await.expect("fine")
}

/// The last revision of each instance.
#[derive(Debug, Default)]
struct Log(BTreeMap<String, u64>);

impl Log {
    /// Takes and acknowledges up to this many records, as long as there are any.
    async fn take(&mut self, consumer: &mut Consumer<Record>, records: usize) {
        for _ in 0..records {
            let message = tokio::select! {
                biased;
                message = consumer.next() => message.expect("it is read"),
                () = super::turns(64) => return,
            };
            let Some(record) = message.into_record() else { continue };
            let last = self.0.entry(record.stream.instance.to_string()).or_default();
            *last += 1;
            assert_eq!(record.revision.0, *last, "each once, in order");
            assert_eq!(consumer.ack().await.expect("memory"), BTreeSet::new());
        }
    }
}

/// It cannot give its leases back: they are free when they stood still for their time.
#[test]
fn what_a_killed_consumer_had_goes_to_another_one() {
    let store = Arc::new(MemoryStore::with_shards(4));
    let clock = FakeClock::default();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let killed = runtime();
    let mut first = killed.block_on(async {
        let host = doors(&store).await;
        knock(&host, "x", 3).await;
        let mut first = shared(&store, &clock).await;
        assert!(first.next().await.expect("it is read").into_record().is_some());
        first.ack().await.expect("memory");
        assert!(first.next().await.expect("it is read").into_record().is_some());
        first
    });
    // Its leases are not renewed and not given back: nothing of it runs any more.
    drop(killed);
    runtime().block_on(async {
        let mut second = shared(&store, &clock).await;
        assert_eq!(second.shards(), []);
        let mut turns = 0;
        let record = loop {
            let message = tokio::select! {
                biased;
                message = second.next() => message.expect("it is read"),
                () = super::turns(64) => {
                    clock.advance(Duration::from_secs(1));
                    turns += 1;
                    assert!(turns < 30, "a lease is ten seconds");
                    continue;
                }
            };
            if let Message::Record(record) = message {
                break record;
            }
        };
        assert!(turns >= 10, "not before the lease is over");
        assert_eq!(record.revision.0, 2, "what was not acknowledged comes again");
        let lost = first.ack().await.expect("memory");
        assert_eq!(lost, BTreeSet::from([store.shard(&record.stream)]), "the killed one comes too late");
        assert_eq!(second.ack().await.expect("memory"), BTreeSet::new());
    });
}

#[tokio::test]
async fn a_reset_is_told_to_who_is_at_work() {
    let store = Arc::new(MemoryStore::with_shards(1));
    let host = doors(&store).await;
    knock(&host, "x", 3).await;
    let mut bells = consumer(&host).await;
    for n in 1..=2 {
        assert_eq!(next(&mut bells).await.1, n);
    }
    bells.ack().await.expect("memory");
    assert_eq!(next(&mut bells).await.1, 3);
    host.subscribe(Start::Beginning).named("bells").reset().await.expect("memory");
    assert_eq!(bells.ack().await.expect("memory"), BTreeSet::from([Shard(0)]));
    for n in 1..=3 {
        assert_eq!(next(&mut bells).await.1, n, "it begins anew");
    }
    assert_eq!(bells.ack().await.expect("memory"), BTreeSet::new());
}

/// What is passed over is not read again and again, and not written down for each record.
#[tokio::test]
async fn long_stretches_without_anything_are_written_down() {
    let store = Arc::new(MemoryStore::with_shards(1));
    let host = doors(&store).await;
    let key = CellKey { shard: Shard(0), name: "checkpoint/Door//*/bells".into() };
    let mut head = Head::default();
    let stream = StreamId::new("", "Door", "x");
    for _ in 0..9 {
        let steps =
            vec![
                RecordedStep { from: "Closed".into(), to: "Closed".into(), ..RecordedStep::default() };
                1_000
            ];
        let append = Append { stream: stream.clone(), after: head, steps };
        store.append(vec![append], Unit::Each).await;
        head = store.head(&stream).await.expect("memory");
    }
    let subscribe = host.subscribe(Start::Beginning).events(["door.opened"]);
    let mut opened = subscribe.named("bells").open().await.expect("fine");
    assert!(opened.next().await.expect("it is read").is_caught_up());
    let cell = store.get(std::slice::from_ref(&key)).await.expect("memory").pop().expect("a checkpoint");
    let text = String::from_utf8(cell.value.to_vec()).expect("JSON");
    assert!(text.contains(&Cursor::of(8_192).to_string()), "{text}");
    // Begun, taken over, and twice 4,096 records.
    assert_eq!(cell.version, 4);
}

/// Another consumer, another process: the same record stops it, until a program comes that can read it.
#[tokio::test]
async fn a_record_of_the_future_stops_the_name_until_the_newer_program_comes() {
    let store = Arc::new(MemoryStore::new());
    let host = Host::<v2::Ticket>::builder(Arc::clone(&store)).build().await.expect("fine");
    let note = |text: &str| v2::TicketTrigger::Note { text: text.to_owned(), author: "ann".to_owned() };
    host.instance("t").fire(v2::TicketTrigger::Solve).await.expect("it is open");
    host.instance("t").fire(note("dark")).await.expect("it is taken");
    for round in 0..2 {
        let old = Host::<v1::Ticket>::builder(Arc::clone(&store)).build().await.expect("fine");
        let mut notes = old.subscribe(Start::Beginning).named("notes").open().await.expect("fine");
        if round == 0 {
            assert!(notes.next().await.expect("it is read").into_record().is_some());
            notes.ack().await.expect("memory");
        }
        for _ in 0..2 {
            let error = notes.next().await.expect_err("version 2 of the event");
            let SubscriptionError::Unreadable { source } = &error else { panic!("{error:?}") };
            let LoadError::Decode { stream, source, .. } = &**source else { panic!("{source:?}") };
            assert_eq!(
                (&*stream.instance, source.revision, &*source.event, source.version),
                ("t", 2, "ticket.noted", 2)
            );
        }
        notes.ack().await.expect("nothing is handed out");
        notes.close().await;
    }
    let mut notes = host.subscribe(Start::Beginning).named("notes").open().await.expect("fine");
    let transition = notes.next().await.expect("it is read").into_record().expect("a record");
    assert_eq!(transition.record.revision.0, 2);
}
