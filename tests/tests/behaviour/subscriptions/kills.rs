//! 16 writers and 4 subscribers, random pauses and kills: every record once, in order, for each.

use super::turns;
use crate::crash::kill_after;
use statewright::Host;
use statewright::clock::FakeClock;
use statewright::history::Transition;
use statewright::store::{Cursor, MemoryStore, Record, Revision, Shard, Store};
use statewright::subscription::{Consumer, Message, Start};
use statewright_sqlite::SqliteStore;
use statewright_sqlite::rusqlite::Row;
use statewright_tests::follow::Seen;
use statewright_tests::{Door, DoorTrigger};
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

const ROUNDS: u64 = 10;

/// `name instance revision`, as the killed processes have said.
type Lines = Vec<(String, String, u64)>;

/// Two subscriptions that acknowledge now and then, two projections; all of it one process, which is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_record_comes_once_in_order_whatever_is_killed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("doors.db");
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut lines = Lines::new();
    for round in 0..ROUNDS {
        let follow = Command::new(env!("CARGO_BIN_EXE_follow"));
        kill_after((follow, &file), round, rng.usize(1..1_000), |line| {
            let parts: Vec<_> = line.split(' ').collect();
            // The kill may cut the last line.
            if let [name, door, revision] = parts[..] {
                lines.push((name.to_owned(), door.to_owned(), revision.parse().expect("a number")));
            }
        });
    }
    let store = Arc::new(SqliteStore::open(&file).expect("a killed process leaves a store that opens"));
    let host = Host::<Door>::builder(Arc::clone(&store)).effects_elsewhere().build().await.expect("fine");
    let log = log(&store).await;
    for name in ["a", "b"] {
        let mut rest = host.subscribe(Start::Beginning).named(name).open().await.expect("fine");
        while let Message::Record(item) = rest.next().await.expect("it is read") {
            let (door, revision) = place(&item.record);
            lines.push((name.to_owned(), door, revision));
        }
        let said = lines.iter().filter(|(who, _, _)| who == name);
        check(&log, said.map(|(_, door, revision)| (door.clone(), *revision)));
    }
    for name in ["c", "d"] {
        let mut rest = store.project(Seen { name }, host.subscribe(Start::Beginning)).expect("a name");
        while rest.advance().await.expect("no record came twice").done < log.len() as u64 {}
        let sql = format!("SELECT door, revision FROM {name}_1_records ORDER BY n");
        let read = move |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()));
        let rows = store.query(move |file| file.prepare(&sql)?.query_map([], read)?.collect());
        let rows: Vec<(String, u64)> = rows.await.expect("it is read");
        assert_eq!(rows, log, "`{name}` has each record, in order, and none twice");
    }
    host.shutdown().await;
    assert!(log.len() > 100, "the load did something");
}

async fn log(store: &SqliteStore) -> Vec<(String, u64)> {
    let (mut log, mut at) = (Vec::new(), Cursor::default());
    loop {
        let page = store.scan(Shard(0), &at, 1_000).await.expect("it reads");
        if page.records.is_empty() {
            return log;
        }
        log.extend(page.records.iter().map(place));
        at = page.next;
    }
}

fn place(record: &Record) -> (String, u64) {
    (record.stream.instance.to_string(), record.revision.0)
}

/// Who drops what came before has every record once, in the order of the log: nothing is ever left out.
fn check(log: &[(String, u64)], said: impl Iterator<Item = (String, u64)>) {
    let order: BTreeMap<_, _> = log.iter().zip(0..).collect();
    let mut next = 0;
    for place in said {
        let at = *order.get(&place).expect("it is recorded");
        assert!(at <= next, "{place:?} came before what stands before it");
        next = next.max(at + 1);
    }
    assert_eq!(next, log.len(), "everything came");
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// A store with two hosts and many shards; of each subscription two consumers, which are dropped at any place and begin
/// anew.
#[tokio::test]
async fn consumers_that_come_and_go_miss_nothing() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let (store, clock) = (Arc::new(MemoryStore::with_shards(8)), FakeClock::default());
    let hosts = [open(&store, &clock).await, open(&store, &clock).await];
    let writers: Vec<_> =
        (0..16).map(|writer| tokio::spawn(write(hosts[writer % 2].clone(), rng.fork()))).collect();
    let mut follows = NAMES.map(Follow::new);
    for turn in 0.. {
        assert!(turn < 20_000, "it comes to an end");
        for follow in &mut follows {
            follow.turn(&hosts, &mut rng).await;
        }
        clock.advance(Duration::from_millis(rng.u64(0..2_000)));
        if writers.iter().all(tokio::task::JoinHandle::is_finished)
            && follows.iter().all(|follow| follow.seen.values().sum::<u64>() == 16 * 60)
        {
            break;
        }
    }
    for door in 0..24 {
        let stream = hosts[0].repository().stream("", &format!("door-{door}"));
        let head = store.head(&stream).await.expect("memory").revision;
        for follow in &follows {
            let last = follow.seen.get(&*stream.instance).copied().unwrap_or_default();
            assert_eq!(Revision(last), head, "{} of {stream}", follow.name);
        }
    }
    assert!(follows.iter().all(|follow| follow.killed > 0));
}

async fn open(store: &Arc<MemoryStore>, clock: &FakeClock) -> Host<Door> {
    let builder = Host::builder(Arc::clone(store)).clock(clock.clone()).effects_elsewhere();
    builder.conflict_retries(1_000).build().await.expect("fine")
}

async fn write(host: Host<Door>, mut rng: fastrand::Rng) {
    for _ in 0..60 {
        let door = host.instance(&format!("door-{}", rng.u8(0..24)));
        door.fire(DoorTrigger::Knock { times: 1 }).await.expect("always");
        turns(rng.usize(0..40)).await;
    }
}

/// One subscription, and what its consumers were handed.
struct Follow {
    name: &'static str,
    consumers: [Option<Consumer<Transition<Door>>>; 2],
    /// The last revision of each instance.
    seen: BTreeMap<String, u64>,
    killed: u64,
}

impl Follow {
    fn new(name: &'static str) -> Self {
        Self { name, consumers: [None, None], seen: BTreeMap::new(), killed: 0 }
    }

    async fn turn(&mut self, hosts: &[Host<Door>; 2], rng: &mut fastrand::Rng) {
        for (slot, host) in hosts.iter().enumerate() {
            match &mut self.consumers[slot] {
                None => {
                    let opened = host.subscribe(Start::Beginning).named(self.name).open().await;
                    self.consumers[slot] = Some(opened.expect("fine"));
                }
                Some(_) if rng.u8(0..40) == 0 => {
                    self.consumers[slot] = None;
                    self.killed += 1;
                }
                Some(consumer) => take(consumer, &mut self.seen, rng).await,
            }
        }
    }
}

/// A few records, and an acknowledgement now and then.
async fn take(
    consumer: &mut Consumer<Transition<Door>>,
    seen: &mut BTreeMap<String, u64>,
    rng: &mut fastrand::Rng,
) {
    for _ in 0..rng.usize(0..20) {
        let message = tokio::select! {
            biased;
            message = consumer.next() => message.expect("it is read"),
            () = turns(rng.usize(0..40)) => break,
        };
        let Some(item) = message.into_record() else { continue };
        let (door, revision) = place(&item.record);
        let last = seen.entry(door).or_default();
        assert!(revision <= *last + 1, "something was left out before {revision} of {}", item.record.stream);
        *last = revision.max(*last);
    }
    if rng.bool() {
        consumer.ack().await.expect("memory");
    }
}
