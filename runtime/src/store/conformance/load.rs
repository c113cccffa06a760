//! Writers that note what they were told, for tests that kill servers under them: in the end the log is held against the
//! notes. What happens to the servers is the test's.

use super::{request, step};
use crate::store::{Head, Outcome, Revision, Store, StreamId, Unit};
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
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
    acknowledged: AtomicU64,
    /// When the last step was acknowledged, and the longest time between two.
    pause: Mutex<(Option<Instant>, Duration)>,
}

/// What one writer was told.
#[derive(Default)]
struct Notes {
    acknowledged: Vec<(StreamId, String)>,
    refused: Vec<(StreamId, String)>,
    unknown: usize,
    conflicts: usize,
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
}

impl Load {
    /// One writer on each of these handles: four streams of its own, and four that all write.
    pub fn start(handles: Vec<Arc<dyn Store>>) -> Self {
        let (over, acknowledged, pause) = Default::default();
        let shared = Arc::new(Shared { name: Uuid::new_v4(), over, acknowledged, pause });
        let writer = |(n, store)| tokio::spawn(write(Arc::clone(&shared), store, n));
        let writers = handles.into_iter().enumerate().map(writer).collect();
        Self { shared, writers }
    }

    /// Until so many more steps were acknowledged: it goes on.
    pub async fn goes_on(&self, steps: u64) {
        let wanted = self.shared.acknowledged.load(Ordering::Acquire) + steps;
        let reached = async {
            while self.shared.acknowledged.load(Ordering::Acquire) < wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.expect("steps are acknowledged again");
    }

    /// Ends it, and holds the log, as this handle reads it, against what the writers were told.
    pub async fn finish(self, store: &dyn Store) -> LoadReport {
        self.shared.over.store(true, Ordering::Release);
        let mut report = LoadReport::default();
        let (mut acknowledged, mut refused) = (Vec::new(), Vec::new());
        for writer in self.writers {
            let notes = writer.await.expect("a writer ends");
            report.unknown += notes.unknown;
            report.conflicts += notes.conflicts;
            acknowledged.extend(notes.acknowledged);
            refused.extend(notes.refused);
        }
        report.acknowledged = acknowledged.len();
        report.pause = self.shared.pause.lock().unwrap_or_else(PoisonError::into_inner).1;
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
        let written: Vec<_> = refused.iter().filter(|step| stands(step)).collect();
        assert!(written.is_empty(), "what was refused does not stand there: {written:?}");
        report
    }
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
                shared.acknowledge();
            }
            Some(Outcome::Conflict(head)) => {
                heads.insert(place, head);
                notes.conflicts += 1;
            }
            Some(Outcome::Unknown(_)) => {
                heads.remove(&place);
                notes.unknown += 1;
            }
            Some(Outcome::Refused(error)) => {
                assert!(error.is_retryable(), "a server that is gone comes back: {error:?}");
                heads.remove(&place);
                notes.refused.push((id, command));
            }
            other => panic!("nobody deletes it: {other:?}"),
        }
    }
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
    fn acknowledge(&self) {
        self.acknowledged.fetch_add(1, Ordering::AcqRel);
        let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        pause.1 = pause.0.map_or(pause.1, |last| pause.1.max(now - last));
        pause.0 = Some(now);
    }
}
