//! Sixteen writers that dally and give up, and readers that follow: nothing is lost, nothing comes twice, and nothing
//! appears before a place that a reader has passed.

use super::{Place, append_one, step, stream};
use crate::store::{Cursor, Outcome, Record, Revision, Shard, Store, StreamId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

const WRITERS: usize = 16;
const STEPS: usize = 24;
/// The last step of a stream: behind it nothing that was given up can still land.
const END: &str = "end";

/// Over one handle.
pub async fn writers_that_give_up_disturb_no_reader(store: Arc<dyn Store>) {
    run(&[store]).await;
}

/// Over three handles, each written and read.
pub async fn writers_on_many_handles_disturb_no_reader<P: Place>(place: &P) {
    run(&[place.open().await, place.open().await, place.open().await]).await;
}

async fn run(handles: &[Arc<dyn Store>]) {
    let seed = fastrand::u64(..);
    // Shown when the case fails, to be set here again.
    println!("seed {seed}");
    let handle = |n: usize| Arc::clone(&handles[n % handles.len()]);
    let mut streams: BTreeMap<Shard, Vec<StreamId>> = BTreeMap::new();
    for n in 0..WRITERS {
        let id = writer(n);
        streams.entry(handles[0].shard(&id)).or_default().push(id);
    }
    let readers: Vec<_> = streams
        .iter()
        .enumerate()
        .map(|(n, (shard, ids))| (*shard, tokio::spawn(follow(handle(n), *shard, ids.len()))))
        .collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|n| tokio::spawn(write(handle(n), n, fastrand::Rng::with_seed(seed + n as u64))))
        .collect();
    let mut answered = BTreeSet::new();
    for writer in writers {
        answered.extend(writer.await.expect("the writer ends"));
    }
    for (n, (shard, reader)) in readers.into_iter().enumerate() {
        let followed = reader.await.expect("the reader ends");
        let there = whole(&*handle(n + 1), shard).await;
        assert_eq!(followed, there, "the order that a reader saw is the order that stands");
        let commands = check_once(&there, streams[&shard].len());
        answered.retain(|command| !commands.contains(&**command));
    }
    assert!(answered.is_empty(), "answered, and not there: {answered:?}");
}

/// Every stream in its order, and no command twice but the last one of each stream.
fn check_once(records: &[Record], streams: usize) -> BTreeSet<&str> {
    let mut last: BTreeMap<&StreamId, Revision> = BTreeMap::new();
    for record in records {
        let before = last.insert(&record.stream, record.revision).unwrap_or_default();
        assert_eq!(record.revision, before.plus(1), "{} is out of order", record.stream);
    }
    let commands: BTreeSet<_> = records.iter().map(|record| &*record.step.command).collect();
    assert_eq!(commands.len(), records.len() - streams + 1, "nothing stands there twice");
    commands
}

fn writer(n: usize) -> StreamId {
    stream(&format!("writer-{n}"))
}

/// Appends steps to a stream of its own, drops some of the calls half-way, and tells which were answered.
async fn write(store: Arc<dyn Store>, n: usize, mut dice: fastrand::Rng) -> BTreeSet<String> {
    let (id, mut answered) = (writer(n), BTreeSet::new());
    for k in 0..STEPS {
        let command = format!("{n}/{k}");
        let head = store.head(&id).await.expect("the head is read");
        tokio::time::sleep(Duration::from_micros(dice.u64(0..2_000))).await;
        let patience = Duration::from_micros(if dice.bool() { dice.u64(0..3_000) } else { 60_000_000 });
        let append = append_one(&*store, &id, head, step(&command));
        match tokio::time::timeout(patience, append).await {
            Ok(Outcome::Appended(_)) => assert!(answered.insert(command)),
            // The call that was given up before has landed in between.
            Ok(Outcome::Conflict(_)) | Err(_) => {}
            Ok(other) => panic!("{other:?}"),
        }
    }
    loop {
        let head = store.head(&id).await.expect("the head is read");
        match append_one(&*store, &id, head, step(END)).await {
            Outcome::Appended(_) => return answered,
            Outcome::Conflict(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// All that a reader sees until so many streams have ended.
async fn follow(store: Arc<dyn Store>, shard: Shard, streams: usize) -> Vec<Record> {
    let (mut cursor, mut seen, mut ended) = (Cursor::default(), Vec::new(), 0);
    while ended < streams {
        store.changed(shard, &cursor).await.expect("it is told");
        let page = store.scan(shard, &cursor, 5).await.expect("the shard is read");
        ended += page.records.iter().filter(|record| &*record.step.command == END).count();
        seen.extend(page.records);
        cursor = page.next;
    }
    seen
}

/// A shard from its beginning.
pub(super) async fn whole(store: &dyn Store, shard: Shard) -> Vec<Record> {
    let (mut cursor, mut seen) = (Cursor::default(), Vec::new());
    loop {
        let page = store.scan(shard, &cursor, 100).await.expect("the shard is read");
        if page.records.is_empty() {
            return seen;
        }
        seen.extend(page.records);
        cursor = page.next;
    }
}
