//! The writers of a handle: each has a part of the shards, and writes what waits for them in one transaction.
//!
//! Nothing is delayed to make batches larger: what waits when a writer is free is its next batch, with what those hand in
//! who were just answered and are about to run.

use crate::connections::Connections;
use crate::error::{Failure, PostgresError};
use crate::rows::{Address, Request};
use crate::shelf::Change;
use crate::statistics::count;
use crate::tail::Tails;
use crate::transaction::{Done, Fate, Item, Look, Together, write, write_one};
use crate::wake::Ends;
use backon::{BackoffBuilder, ExponentialBuilder};
use statewright::store::{Outcome, StoreError};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Most items of one transaction.
const BATCH_MAX: usize = 1_024;

/// Most bytes of one transaction, unless a single item has more.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// Most times that a transaction is tried again which met others.
const RETRIES_MAX: usize = 8;

/// How often others are let run while none of them hands anything in.
const YIELDS_MAX: usize = 3;

/// What a writer is asked, and since when.
pub(crate) struct Job {
    pub(crate) since: Instant,
    pub(crate) work: Work,
}

pub(crate) enum Work {
    /// One append for itself.
    Append(Request, oneshot::Sender<Outcome>),
    /// Appends that stand or fall together.
    Whole(Vec<Request>, oneshot::Sender<Vec<Outcome>>),
    /// Cells, each for itself; the new version of those that fit.
    Cells(Vec<Change>, oneshot::Sender<Result<Vec<Option<u64>>, StoreError>>),
}

/// Who is told what became of an item.
enum Reply {
    Append(oneshot::Sender<Outcome>),
    Cells(oneshot::Sender<Result<Vec<Option<u64>>, StoreError>>),
}

pub(crate) struct Writer {
    pub(crate) connections: Arc<Connections>,
    pub(crate) ends: Arc<Ends>,
    pub(crate) tails: Arc<Tails>,
    pub(crate) jobs: mpsc::Receiver<Job>,
}

struct Waiting {
    item: Item,
    since: Instant,
    reply: Reply,
}

impl Writer {
    /// Until the last handle is gone and all that waited is written.
    pub(crate) async fn run(mut self) {
        let mut waiting: VecDeque<Waiting> = VecDeque::new();
        let mut yields = 0;
        loop {
            let job = if waiting.is_empty() { self.jobs.recv().await } else { self.jobs.try_recv().ok() };
            match job {
                Some(Job { since, work }) => {
                    yields = 0;
                    waiting.extend(self.take(work, since).await);
                    if waiting.len() < BATCH_MAX {
                        continue;
                    }
                }
                None if waiting.is_empty() => return,
                None if yields < YIELDS_MAX => {
                    yields += 1;
                    tokio::task::yield_now().await;
                    continue;
                }
                None => {}
            }
            self.write_batch(next_batch(&mut waiting)).await;
        }
    }

    /// What is to wait; what stands or falls as one is written at once.
    async fn take(&self, work: Work, since: Instant) -> Option<Waiting> {
        let (item, reply) = match work {
            Work::Append(request, reply) => (Item::Append(request), Reply::Append(reply)),
            Work::Cells(changes, reply) => (Item::Cells(changes), Reply::Cells(reply)),
            Work::Whole(requests, reply) => {
                let items: Vec<_> = requests.into_iter().map(Item::Append).collect();
                // Nobody may be waiting any more.
                let _ = reply.send(self.write_whole(&items, since).await);
                return None;
            }
        };
        Some(Waiting { item, since, reply })
    }

    async fn write_batch(&self, batch: Vec<Waiting>) {
        let (mut items, mut replies) = (Vec::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
        for Waiting { item, since, reply } in batch {
            // Whoever asked does not wait for ever, and nothing was written yet.
            if let Some(late) = self.late(since) {
                reply.send(Err(Failure::Down(late)));
            } else {
                items.push(item);
                replies.push(reply);
            }
        }
        for (fate, reply) in self.settle(&items).await.into_iter().zip(replies) {
            reply.send(fate);
        }
    }

    fn late(&self, since: Instant) -> Option<StoreError> {
        let max = self.connections.call_timeout;
        let timeout = PostgresError::Timeout { millis: max.as_millis() };
        (since.elapsed() > max).then(|| self.connections.name.own("take a call from the queue", timeout))
    }

    /// Cuts a batch that is refused in two until the item stands alone that is to blame.
    async fn settle(&self, items: &[Item]) -> Vec<Result<Fate, Failure>> {
        let mut settled: Vec<Result<Fate, Failure>> = Vec::with_capacity(items.len());
        let mut parts = Vec::from([items]);
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let asked: Vec<&Item> = part.iter().collect();
            match self.attempt(&asked, Together::No).await {
                Ok(done) => settled.extend(self.tell(done).into_iter().map(Ok)),
                Err(Failure::Refused(_)) if asked.len() > 1 => {
                    count(&self.connections.counters.bisections, 1);
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                Err(failure) => settled.extend(asked.iter().map(|_| Err(failure.again()))),
            }
        }
        settled
    }

    async fn write_whole(&self, items: &[Item], since: Instant) -> Vec<Outcome> {
        let asked: Vec<&Item> = items.iter().collect();
        let ended = match self.late(since) {
            Some(late) => Err(Failure::Down(late)),
            None => self.attempt(&asked, Together::Yes).await,
        };
        match ended {
            Ok(done) if done.fates.iter().all(Fate::fits) => {
                self.tell(done).into_iter().map(|fate| outcome(Ok(fate))).collect()
            }
            Ok(done) => {
                let fallen = |fate| match fate {
                    Fate::Written(_) => Outcome::Refused(StoreError::Batch),
                    fate => outcome(Ok(fate)),
                };
                done.fates.into_iter().map(fallen).collect()
            }
            Err(failure) => items.iter().map(|_| outcome(Err(failure.again()))).collect(),
        }
    }

    /// Counts what stands, and wakes who waits for it.
    fn tell(&self, done: Done) -> Vec<Fate> {
        let counters = &self.connections.counters;
        let of = |kind: fn(&Fate) -> bool| done.fates.iter().filter(|fate| kind(fate)).count();
        count(&counters.appends, of(|fate| matches!(fate, Fate::Written(_))));
        count(&counters.conflicts, of(|fate| matches!(fate, Fate::Conflict(_))));
        count(&counters.batches, 1);
        let ends = done.grown.iter().map(|grown| (grown.shard, grown.end)).collect();
        for grown in done.grown {
            self.tails.grow(grown);
        }
        self.ends.grown(ends);
        done.fates
    }

    /// One transaction, tried again while others are met.
    async fn attempt(&self, items: &[&Item], together: Together) -> Result<Done, Failure> {
        let mut pauses = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(Duration::from_millis(1))
            .with_max_delay(Duration::from_millis(100))
            .with_max_times(RETRIES_MAX)
            .build();
        let alone = match items {
            [Item::Append(request)] if together == Together::No && request.steps.len() == 1 => Some(request),
            _ => None,
        };
        let mut look = Look::Quick;
        loop {
            let connection = self.connections.get("write").await.map_err(Failure::Down)?;
            let ended = match alone {
                Some(request) if look == Look::Quick => {
                    write_one(&self.connections, connection, request).await
                }
                _ => write(&self.connections, connection, items, (together, look)).await,
            };
            match ended {
                Err(Failure::Taken(_)) if look == Look::Quick => look = Look::Exact,
                Err(failure @ (Failure::Again(_) | Failure::Taken(_))) => match pauses.next() {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(failure),
                },
                ended => return ended,
            }
            count(&self.connections.counters.retries, 1);
        }
    }
}

impl Reply {
    /// Nobody may be waiting any more.
    fn send(self, fate: Result<Fate, Failure>) {
        match self {
            Self::Append(reply) => drop(reply.send(outcome(fate))),
            Self::Cells(reply) => {
                let versions = fate.map(|fate| match fate {
                    Fate::Versions(versions) => versions,
                    _ => Vec::new(),
                });
                drop(reply.send(versions.map_err(Failure::error)));
            }
        }
    }
}

fn outcome(fate: Result<Fate, Failure>) -> Outcome {
    match fate {
        Ok(Fate::Written(head)) => Outcome::Appended(head),
        Ok(Fate::Conflict(head)) => Outcome::Conflict(head),
        Ok(Fate::Gone) => Outcome::Gone,
        // No append has the fate of a cell.
        Ok(Fate::Versions(_)) => Outcome::Refused(StoreError::Batch),
        Err(Failure::Lost(error)) => Outcome::Unknown(error),
        Err(failure) => Outcome::Refused(failure.error()),
    }
}

/// What is written next: at most one append of each stream, in the order in which they came.
fn next_batch(waiting: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let mut batch: Vec<Waiting> = Vec::new();
    let mut streams: HashSet<Arc<Address>> = HashSet::new();
    let mut left = VecDeque::new();
    let mut bytes = 0_usize;
    while let Some(next) = waiting.pop_front() {
        bytes = bytes.saturating_add(next.item.bytes());
        let room = batch.is_empty() || (batch.len() < BATCH_MAX && bytes <= BATCH_BYTES_MAX);
        // What stands behind one that is left may be of the same stream, and is not to overtake it.
        let first = next.item.stream().is_none_or(|stream| streams.insert(Arc::clone(stream)));
        if room && first {
            batch.push(next);
        } else {
            left.push_back(next);
        }
    }
    *waiting = left;
    batch
}
