//! Writers that note what they were told, for tests that kill servers under them: in the end the log is held against the
//! notes. What happens to the servers is the test's.

use super::{request, step};
use crate::store::{Head, Outcome, Revision, Store, StreamId, Unit};
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::error::Elapsed;
use uuid::Uuid;

/// Streams that only one writer writes.
const OWN: usize = 4;

/// Streams that all writers write.
const HOT: usize = 4;

/// How long the store is asked again for what it does not tell.
const PATIENCE: Duration = Duration::from_mins(1);

/// Writers at work.
pub struct Load {
    shared: Arc<Shared>,
    writers: Vec<JoinHandle<Notes>>,
}

struct Shared {
    /// Tells its steps from those of another load on the same store.
    name: Uuid,
    over: AtomicBool,
    /// Steps of each writer.
    acknowledged: Vec<AtomicU64>,
    pause: Mutex<Pause>,
}

/// When the last step was acknowledged, and the longest time between two.
#[derive(Clone, Copy, Default)]
struct Pause {
    last: Option<Instant>,
    longest: Duration,
}

/// What one writer was told.
#[derive(Default)]
struct Notes {
    acknowledged: Vec<(StreamId, String)>,
    /// Refused, or met another head.
    unwritten: Vec<(StreamId, String)>,
    unknown: usize,
    conflicts: usize,
    pause: Pause,
}

/// What came of a load.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct LoadReport {
    /// Steps that were acknowledged; each stands in the log once.
    pub acknowledged: usize,
    /// Steps whose fate was unknown.
    pub unknown: usize,
    /// Appends that met another head.
    pub conflicts: usize,
    /// The longest time in which no step was acknowledged.
    pub pause: Duration,
    /// The longest time in which no step of one writer was acknowledged.
    pub pause_of_one: Duration,
}

impl Load {
    /// One writer on each of these handles: four streams of its own, and four that all write.
    pub fn start(handles: Vec<Arc<dyn Store>>) -> Self {
        let acknowledged = handles.iter().map(|_| AtomicU64::default()).collect();
        let (over, pause) = Default::default();
        let shared = Arc::new(Shared { name: Uuid::new_v4(), over, acknowledged, pause });
        let writer = |(n, store)| tokio::spawn(write(Arc::clone(&shared), store, n));
        let writers = handles.into_iter().enumerate().map(writer).collect();
        Self { shared, writers }
    }

    /// Until so many more steps were acknowledged: it goes on.
    pub async fn goes_on(&self, steps: u64) {
        let before: u64 = self.acknowledged().iter().sum();
        let reached = || self.acknowledged().iter().sum::<u64>() >= before + steps;
        until(reached).await.expect("steps are acknowledged again");
    }

    /// Until so many more steps of every writer were acknowledged: all handles go on.
    pub async fn all_go_on(&self, steps: u64) {
        let before = self.acknowledged();
        let reached = || self.acknowledged().iter().zip(&before).all(|(now, before)| *now >= before + steps);
        until(reached).await.expect("steps of every writer are acknowledged again");
    }

    fn acknowledged(&self) -> Vec<u64> {
        self.shared.acknowledged.iter().map(|steps| steps.load(Ordering::Acquire)).collect()
    }

    /// Ends it, and holds the log, as this handle reads it, against what the writers were told.
    pub async fn finish(self, store: &dyn Store) -> LoadReport {
        self.shared.over.store(true, Ordering::Release);
        let mut report = LoadReport::default();
        let (mut acknowledged, mut unwritten) = (Vec::new(), Vec::new());
        for writer in self.writers {
            let notes = writer.await.expect("a writer ends");
            report.unknown += notes.unknown;
            report.conflicts += notes.conflicts;
            report.pause_of_one = report.pause_of_one.max(notes.pause.longest);
            acknowledged.extend(notes.acknowledged);
            unwritten.extend(notes.unwritten);
        }
        report.acknowledged = acknowledged.len();
        report.pause = self.shared.pause.lock().unwrap_or_else(PoisonError::into_inner).longest;
        let log = log(store).await;
        let stands = |(stream, command): &(StreamId, String)| {
            log.get(stream).is_some_and(|commands| commands.contains(command))
        };
        let lost: Vec<_> = acknowledged.iter().filter(|step| !stands(step)).collect();
        assert!(
            lost.is_empty(),
            "{} of {} acknowledged steps are lost: {lost:?}",
            lost.len(),
            acknowledged.len()
        );
        let written: Vec<_> = unwritten.iter().filter(|step| stands(step)).collect();
        assert!(written.is_empty(), "what was refused or met another head does not stand there: {written:?}");
        report
    }
}

async fn until(reached: impl Fn() -> bool) -> Result<(), Elapsed> {
    let reached = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await
}

/// The commands of every stream; none comes twice, and no revision is missing.
async fn log(store: &dyn Store) -> BTreeMap<StreamId, HashSet<String>> {
    let mut log = BTreeMap::new();
    for shard in (0..store.limits().shards).map(crate::store::Shard) {
        for stream in store.streams(shard, None, 10_000).await.expect("streams are listed") {
            let (mut commands, mut at) = (HashSet::new(), Revision(0));
            loop {
                let (records, _) = store.read(&stream, at, 1_000).await.expect("a stream is read");
                let Some(last) = records.last() else { break };
                let end = last.revision;
                for (record, n) in records.into_iter().zip(1..) {
                    assert_eq!(record.revision, at.plus(n), "no revision of `{stream}` is missing");
                    let command = record.step.command.to_string();
                    assert!(commands.insert(command), "no step of `{stream}` stands there twice");
                }
                at = end;
            }
            log.insert(stream, commands);
        }
    }
    log
}

async fn write(shared: Arc<Shared>, store: Arc<dyn Store>, writer: usize) -> Notes {
    let mut notes = Notes::default();
    let mut heads: BTreeMap<usize, Head> = BTreeMap::new();
    for n in 0.. {
        if shared.over.load(Ordering::Acquire) {
            break;
        }
        let place = n % (OWN + HOT);
        let name = if place < OWN { format!("own {writer} {place}") } else { format!("hot {place}") };
        let (id, command) = (StreamId::new("load", "Order", &name), format!("{}/{writer}/{n}", shared.name));
        let head = match heads.get(&place) {
            Some(head) => *head,
            None => head_of(&*store, &id).await,
        };
        let append = request(&id, head, vec![step(&command)]);
        match store.append(vec![append], Unit::Each).await.pop() {
            Some(Outcome::Appended(head)) => {
                heads.insert(place, head);
                notes.acknowledged.push((id, command));
                notes.pause.end();
                shared.acknowledge(writer);
            }
            Some(Outcome::Conflict(head)) => {
                heads.insert(place, head);
                notes.unwritten.push((id, command));
                notes.conflicts += 1;
            }
            Some(Outcome::Unknown(_)) => {
                heads.remove(&place);
                notes.unknown += 1;
            }
            Some(Outcome::Refused(error)) => {
                assert!(error.is_retryable(), "a server that is gone comes back: {error:?}");
                heads.remove(&place);
                notes.unwritten.push((id, command));
            }
            other => panic!("nobody deletes it: {other:?}"),
        }
    }
    notes.pause.end();
    notes
}

async fn head_of(store: &dyn Store, id: &StreamId) -> Head {
    let began = Instant::now();
    loop {
        match store.head(id).await {
            Ok(head) => return head,
            Err(error) => assert!(began.elapsed() < PATIENCE, "the handle does not work again: {error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Shared {
    fn acknowledge(&self, writer: usize) {
        self.acknowledged[writer].fetch_add(1, Ordering::AcqRel);
        self.pause.lock().unwrap_or_else(PoisonError::into_inner).end();
    }
}

impl Pause {
    fn end(&mut self) {
        let now = Instant::now();
        self.longest = self.last.map_or(self.longest, |last| self.longest.max(now - last));
        self.last = Some(now);
    }
}
