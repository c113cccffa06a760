//! Appends of one shard, one flight after the other.
//!
//! All appends of a shard change its order item, so two flights at once would only fail each other. What waits while one
//! is under way goes with the next: one batch, one charge for the order item. Who asked may stop waiting at any time; a
//! flight goes on, because others are on it.

use crate::append::{Job, Prepared};
use crate::statistics::{Counts, add};
use azure_core::http::Etag;
use statewright::store::Outcome;
use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Operations that the service takes in one batch.
pub(crate) const OPERATIONS_MAX: usize = 100;
/// Bytes of items in one batch: what the service takes, less what surrounds them.
pub(crate) const BYTES_MAX: usize = 1_900_000;

/// One shard's appends.
pub(crate) struct Runway {
    state: Mutex<Waiting>,
    /// The end of the shard's order as far as this process knows.
    pub(crate) tail: watch::Sender<u64>,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    is_flying: bool,
    order: Option<Order>,
}

/// The order item as it was last seen. Without a tag there is none yet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Order {
    pub(crate) etag: Option<Etag>,
    pub(crate) end: u64,
}

impl Runway {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::default(), tail: watch::Sender::new(0) }
    }

    /// Lets a job wait. True: nobody flies, so the caller has to see to it.
    pub(crate) fn push(&self, job: Job) -> bool {
        let mut state = self.state();
        state.jobs.push_back(job);
        !std::mem::replace(&mut state.is_flying, true)
    }

    /// The jobs of the next flight, and the order as it was left. `None`: nobody waits, and nobody flies any more.
    pub(crate) fn board(&self) -> Option<(Vec<Job>, Option<Order>)> {
        let mut state = self.state();
        let jobs = pick(&mut state.jobs);
        if jobs.is_empty() {
            state.is_flying = false;
            return None;
        }
        Some((jobs, state.order.take()))
    }

    /// Answers those who wait to stand where this append, which is recorded, stands: no batch has to find out that they
    /// fall.
    pub(crate) fn overtake(&self, recorded: &Prepared, counts: &Counts) {
        for (job, at) in self.overtaken(recorded) {
            add(&counts.conflicts, 1);
            let outcome = if recorded.is_last() { Outcome::Gone } else { Outcome::Conflict(recorded.head()) };
            job.fell(at, outcome);
        }
    }

    fn overtaken(&self, recorded: &Prepared) -> Vec<(Job, usize)> {
        let mut state = self.state();
        let (mut overtaken, mut left) = (Vec::new(), VecDeque::new());
        for job in state.jobs.drain(..) {
            match job.overtaken(recorded) {
                Some(at) => overtaken.push((job, at)),
                None => left.push_back(job),
            }
        }
        state.jobs = left;
        overtaken
    }

    /// Leaves the order for the next flight.
    pub(crate) fn leave(&self, order: Option<Order>) {
        self.state().order = order;
    }

    /// Whoever flew is gone: who waits is told by the loss of their senders.
    pub(crate) fn abandon(&self) {
        let mut state = self.state();
        state.is_flying = false;
        state.jobs.clear();
    }

    /// Wakes who waits for the order to grow.
    pub(crate) fn grown(&self, end: u64) -> bool {
        self.tail.send_if_modified(|tail| {
            let is_behind = *tail < end;
            *tail = end.max(*tail);
            is_behind
        })
    }

    fn state(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes what fits into one batch, in the order in which it came; of each stream the first alone.
fn pick(jobs: &mut VecDeque<Job>) -> Vec<Job> {
    let mut seen = HashSet::new();
    let (mut operations, mut bytes) = (1, 0);
    let (mut picked, mut left) = (Vec::new(), VecDeque::new());
    for job in jobs.drain(..) {
        let is_first = job.streams().all(|digest| !seen.contains(digest));
        seen.extend(job.streams().map(str::to_owned));
        let fits = operations + job.operations() <= OPERATIONS_MAX && bytes + job.bytes() <= BYTES_MAX;
        if is_first && fits {
            operations += job.operations();
            bytes += job.bytes();
            picked.push(job);
        } else {
            left.push_back(job);
        }
    }
    *jobs = left;
    picked
}
