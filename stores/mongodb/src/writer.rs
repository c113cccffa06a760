//! The writers: what waits for one when it is free becomes one transaction. The shards are divided among them.
//!
//! A writer is a task of its own, so that whoever stops waiting for an append leaves nothing half done.

mod group;
mod plan;
mod transaction;

use crate::codec::Prepared;
use crate::link::Link;
use crate::statistics::Counts;
use crate::wake::Wake;
use group::{Desk, overdue};
use plan::Wish;
use statewright::store::{Outcome, Shard, StoreError, Unit};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Most appends of one transaction.
const GROUP_MAX: usize = 1_024;

/// A transaction takes no further append once it has this many bytes.
const GROUP_BYTES_MAX: usize = 4 << 20;

/// An append that waits, and who waits for it.
struct Job {
    wish: Wish,
    reply: oneshot::Sender<Outcome>,
    /// When it is too late to begin it.
    deadline: Instant,
    permit: OwnedSemaphorePermit,
}

/// One writer's queue, and its turn: held by whoever writes in its shards.
struct Lane {
    jobs: mpsc::UnboundedSender<Job>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// All writers of a store.
pub(crate) struct Writers {
    desk: Arc<Desk>,
    /// Empty once the store is closed.
    lanes: Mutex<Vec<Lane>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    room: Arc<Semaphore>,
    queue_max: usize,
}

impl Writers {
    pub(crate) fn start(
        link: Link,
        counts: Arc<Counts>,
        wake: Wake,
        (lanes, queue_max): (u16, usize),
    ) -> Self {
        let desk = Arc::new(Desk { link, counts, wake });
        let started = (0..lanes).map(|_| {
            let (jobs, waiting) = mpsc::unbounded_channel();
            let turn = Arc::default();
            let task = tokio::spawn(run(Arc::clone(&desk), waiting, Arc::clone(&turn)));
            (Lane { jobs, turn }, task)
        });
        let (lanes, tasks): (Vec<_>, Vec<_>) = started.unzip();
        let queue_max = queue_max.min(Semaphore::MAX_PERMITS);
        let room = Arc::new(Semaphore::new(queue_max));
        Self { desk, lanes: Mutex::new(lanes), tasks: Mutex::new(tasks), room, queue_max }
    }

    /// Each for itself; outcomes in the order given.
    pub(crate) async fn append_each(&self, batch: Vec<Prepared>) -> Vec<Outcome> {
        let deadline = Instant::now() + self.desk.link.timeout;
        let mut waiting = Vec::with_capacity(batch.len());
        for prepared in batch {
            waiting.push(self.queue(prepared, deadline).await);
        }
        let mut outcomes = Vec::with_capacity(waiting.len());
        for reply in waiting {
            outcomes.push(match reply {
                Ok(reply) => reply.await.unwrap_or_else(|_| Outcome::Unknown(self.desk.link.closed())),
                Err(refusal) => Outcome::Refused(refusal),
            });
        }
        outcomes
    }

    async fn queue(
        &self,
        prepared: Prepared,
        deadline: Instant,
    ) -> Result<oneshot::Receiver<Outcome>, StoreError> {
        let room = tokio::time::timeout_at(deadline, Arc::clone(&self.room).acquire_owned()).await;
        let permit = room.map_err(|_| overdue(&self.desk.link))?.map_err(|_| self.desk.link.closed())?;
        let (reply, answer) = oneshot::channel();
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.get(place(prepared.shard, lanes.len())).ok_or_else(|| self.desk.link.closed())?;
        let job = Job { wish: Wish::of(prepared), reply, deadline, permit };
        lane.jobs.send(job).map_err(|_| self.desk.link.closed())?;
        Ok(answer)
    }

    /// As one, whatever the shards: its transaction has the turns of all writers whose shards it touches.
    pub(crate) async fn append_whole(&self, batch: Vec<Prepared>) -> Vec<Outcome> {
        let count = batch.len();
        let turns = self.turns(&batch);
        let desk = Arc::clone(&self.desk);
        let permits = u32::try_from(count.min(self.queue_max)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room);
        let refuse = |error: &dyn Fn() -> StoreError| (0..count).map(|_| Outcome::Refused(error())).collect();
        if turns.is_empty() {
            return refuse(&|| self.desk.link.closed());
        }
        let written = tokio::spawn(async move {
            let deadline = Instant::now() + desk.link.timeout;
            let begun = tokio::time::timeout_at(deadline, async {
                let permit = room.acquire_many_owned(permits).await;
                let mut held = Vec::with_capacity(turns.len());
                for turn in turns {
                    held.push(turn.lock_owned().await);
                }
                (permit, held)
            });
            let Ok((_permit, _held)) = begun.await else { return None };
            let mut wishes: Vec<Wish> = batch.into_iter().map(Wish::of).collect();
            Some(desk.carry_out(&mut wishes, Unit::Batch).await)
        });
        match written.await {
            Ok(Some(outcomes)) => outcomes,
            Ok(None) => refuse(&|| overdue(&self.desk.link)),
            Err(_) => (0..count).map(|_| Outcome::Unknown(self.desk.link.closed())).collect(),
        }
    }

    /// In one order for all, so that nobody waits in a circle.
    fn turns(&self, batch: &[Prepared]) -> Vec<Arc<tokio::sync::Mutex<()>>> {
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let places: BTreeSet<_> = batch.iter().map(|prepared| place(prepared.shard, lanes.len())).collect();
        places.into_iter().filter_map(|place| Some(Arc::clone(&lanes.get(place)?.turn))).collect()
    }

    /// Takes nothing more, and returns when what waits is written.
    pub(crate) async fn close(&self) {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            if task.await.is_err() {
                tracing::error!(store = %self.desk.link.name, "a writer panicked");
            }
        }
    }
}

/// The writer of a shard.
fn place(shard: Shard, lanes: usize) -> usize {
    usize::from(shard.0) % lanes.max(1)
}

/// One writer, until nobody can hand it anything any more.
async fn run(desk: Arc<Desk>, mut waiting: mpsc::UnboundedReceiver<Job>, turn: Arc<tokio::sync::Mutex<()>>) {
    let mut next = None;
    loop {
        let first = match next.take() {
            Some(job) => job,
            None => match waiting.recv().await {
                Some(job) => job,
                None => break,
            },
        };
        let turn = turn.lock().await;
        let mut group = Group::default();
        let mut job = Some(first);
        while let Some(taken) = job {
            if !group.has_room(&taken) {
                next = Some(taken);
                break;
            }
            group.push(taken, &desk.link);
            job = waiting.try_recv().ok();
        }
        group.write(&desk).await;
        drop(turn);
    }
}

/// What becomes one transaction.
#[derive(Default)]
struct Group {
    bytes: usize,
    wishes: Vec<Wish>,
    replies: Vec<(oneshot::Sender<Outcome>, OwnedSemaphorePermit)>,
}

impl Group {
    fn has_room(&self, job: &Job) -> bool {
        let full = self.wishes.len() >= GROUP_MAX
            || self.bytes.saturating_add(job.wish.prepared.bytes) > GROUP_BYTES_MAX;
        self.wishes.is_empty() || !full
    }

    fn push(&mut self, job: Job, link: &Link) {
        if job.deadline <= Instant::now() {
            // Nobody may be waiting any more.
            let _ = job.reply.send(Outcome::Refused(overdue(link)));
            return;
        }
        self.bytes = self.bytes.saturating_add(job.wish.prepared.bytes);
        self.wishes.push(job.wish);
        self.replies.push((job.reply, job.permit));
    }

    async fn write(mut self, desk: &Desk) {
        if self.wishes.is_empty() {
            return;
        }
        let outcomes = desk.carry_out(&mut self.wishes, Unit::Each).await;
        for ((reply, permit), outcome) in self.replies.into_iter().zip(outcomes) {
            drop(permit);
            // Nobody may be waiting any more.
            let _ = reply.send(outcome);
        }
    }
}
