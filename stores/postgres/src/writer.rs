//! The writer of a handle: writes what waits in one transaction, or in several at once where that is a lot.
//!
//! Nothing is delayed to make batches larger: what waits when its shards are free is the next batch, with what those hand in
//! who were just answered and are about to run.

use crate::connections::Connections;
use crate::error::{Failure, PostgresError};
use crate::queue::{Job, Queue, Reply, Work};
use crate::statistics::count;
use crate::tail::Tails;
use crate::transaction::{Done, Fate, Item, Look, Together, write, write_one};
use crate::wake::Ends;
use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use statewright::store::{Outcome, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Most times that a transaction is tried again which met others.
const RETRIES_MAX: usize = 8;

/// How often others are let run while none of them hands anything in.
const YIELDS_MAX: usize = 3;

pub(crate) struct Writer {
    pub(crate) connections: Arc<Connections>,
    pub(crate) ends: Arc<Ends>,
    pub(crate) tails: Arc<Tails>,
    /// Most transactions at once.
    pub(crate) transactions_max: usize,
}

impl Writer {
    /// Until the last handle is gone and all that waited is written.
    pub(crate) async fn run(self, mut jobs: mpsc::Receiver<Job>) {
        let mut queue = Queue::default();
        let mut writing = FuturesUnordered::new();
        let (mut open, mut yields) = (true, 0);
        loop {
            let ready = writing.len() < self.transactions_max && queue.is_ready();
            if ready && yields == YIELDS_MAX {
                yields = 0;
                let transactions = queue.next(self.transactions_max - writing.len());
                writing.extend(transactions.into_iter().map(|jobs| self.write(jobs)));
                continue;
            }
            tokio::select! {
                biased;
                Some(shards) = writing.next() => {
                    yields = 0;
                    queue.end(&shards);
                }
                job = jobs.recv(), if open && !queue.is_full() => {
                    yields = 0;
                    open = job.is_some();
                    let mut next = job;
                    while let Some(job) = next {
                        queue.push(job);
                        next = if queue.is_full() { None } else { jobs.try_recv().ok() };
                    }
                }
                () = tokio::task::yield_now(), if ready => yields += 1,
                else => return,
            }
        }
    }

    /// One transaction; its shards, when it has ended and all are told.
    async fn write(&self, jobs: Vec<Job>) -> Vec<i16> {
        let shards = jobs.iter().flat_map(Job::shards).collect();
        let (mut items, mut replies) = (Vec::with_capacity(jobs.len()), Vec::with_capacity(jobs.len()));
        for Job { since, work } in jobs {
            match work {
                // Nobody may be waiting any more.
                Work::Whole(items, reply) => drop(reply.send(self.write_whole(&items, since).await)),
                Work::One(item, reply) => {
                    // Whoever asked does not wait for ever, and nothing was written yet.
                    if let Some(late) = self.late(since) {
                        reply.send(Err(Failure::Down(late)));
                    } else {
                        items.push(item);
                        replies.push(reply);
                    }
                }
            }
        }
        for (fate, reply) in self.settle(&items).await.into_iter().zip(replies) {
            reply.send(fate);
        }
        shards
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
        let ends: Vec<_> = done.grown.iter().map(|grown| (grown.shard, grown.end)).collect();
        for grown in done.grown {
            self.tails.grow(grown);
        }
        self.ends.grown(&ends);
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
            [Item::Append(request)] if together == Together::No && request.steps.len() == 1 => {
                self.connections.is_set().then_some(request)
            }
            _ => None,
        };
        let mut look = Look::Quick;
        loop {
            let connection = self.connections.get("write").await.map_err(Failure::Down)?;
            let ended = match alone {
                Some(request) if look == Look::Quick => {
                    write_one(&self.connections, connection, request).await
                }
                _ => write(&self.connections, connection, items, ((together, look), &self.tails)).await,
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
