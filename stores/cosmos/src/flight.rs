//! One batch of a shard, from the ground to its outcome.
//!
//! A batch changes the order item at its tag, reads the record that each append has to stand behind, and creates the
//! records: the service carries out all of it or nothing. Its answer may be lost, and the SDK repeats what it believes
//! lost. What keeps that from recording twice, or from being called a conflict, is the tag together with a *stamp* in every
//! record:
//!
//! - While the order item stands at the tag, the batch has not landed and still may. Sending it again is safe: one of the
//!   two lands, the other finds the tag gone.
//! - Once the tag is gone, the batch has landed or never will. Its first record tells: it bears the stamp or not.

use crate::append::{Job, head};
use crate::error::CosmosFailure;
use crate::items::{END, OrderItem};
use crate::keys::{ORDER, partition};
use crate::runway::{Order, Runway};
use crate::statistics::add;
use crate::store::Core;
use azure_core::http::Etag;
use azure_data_cosmos::TransactionalBatch;
use azure_data_cosmos::models::TransactionalBatchOperationResult;
use azure_data_cosmos::options::{BatchReplaceOptions, Precondition};
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use statewright::store::{Outcome, Shard};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// How often a write is made again, because others were faster or its answer was lost.
pub(crate) const TRIES_MAX: u32 = 12;
/// How often of these an answer may be lost: each may take a whole timeout.
const LOST_MAX: u32 = 2;
/// The sub-status of a logical partition that is full.
const FULL: u32 = 1014;

/// The pauses between the tries of a write.
pub(crate) fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(5))
        .with_max_delay(Duration::from_millis(500))
        .with_max_times(TRIES_MAX as usize)
        .with_jitter()
        .build()
}

/// Flies for a runway until nobody waits there.
pub(crate) fn launch(core: Arc<Core>, shard: Shard) {
    tokio::spawn(async move {
        let Some(runway) = core.runway(shard) else { return };
        let mut crew = Crew { runway, is_on_duty: true };
        while let Some((jobs, order)) = runway.board() {
            let order = Flight::of(&core, shard, runway, jobs).fly(order).await;
            runway.leave(order);
        }
        crew.is_on_duty = false;
    });
}

/// Frees the runway when its task ends before its time.
struct Crew<'a> {
    runway: &'a Runway,
    is_on_duty: bool,
}

impl Drop for Crew<'_> {
    fn drop(&mut self) {
        if self.is_on_duty {
            self.runway.abandon();
        }
    }
}

struct Flight<'a> {
    core: &'a Core,
    shard: Shard,
    runway: &'a Runway,
    jobs: Vec<Job>,
    stamp: String,
    /// The failure of a batch that was sent and may still land.
    doubt: Option<CosmosFailure>,
}

/// What became of a batch that was sent.
enum Sent {
    /// Recorded, and the order stands there.
    Recorded(Order),
    /// The order item is not at its tag, or somebody changes it right now.
    Moved,
    /// An append stands behind no head.
    Fell { job: usize, append: usize },
    /// The service does not take an operation of a job.
    Refused { job: usize, why: CosmosFailure },
    /// The service did not begin with it.
    Denied(CosmosFailure),
    /// Nobody knows.
    Lost(CosmosFailure),
}

/// What is found when the tag is gone.
enum Found {
    /// The batch landed.
    Landed(Order),
    /// It did not and never will.
    Moved(Order),
    /// It could not be found out.
    Unclear,
}

impl<'a> Flight<'a> {
    fn of(core: &'a Core, shard: Shard, runway: &'a Runway, jobs: Vec<Job>) -> Self {
        Self { core, shard, runway, jobs, stamp: Uuid::new_v4().simple().to_string(), doubt: None }
    }

    /// Answers every job. Returns the order as it was left, if that is known.
    async fn fly(mut self, known: Option<Order>) -> Option<Order> {
        let (mut order, mut pauses, mut lost) = (known, pauses(), 0);
        while !self.jobs.is_empty() {
            let at = match self.order(order.take()).await {
                Ok(at) => at,
                Err(failure) => return self.give_up(&failure),
            };
            match self.send(&at).await {
                Sent::Recorded(next) => return self.recorded(next),
                Sent::Denied(failure) => return self.give_up(&failure),
                Sent::Lost(failure) if lost == LOST_MAX => {
                    self.doubt = Some(failure);
                    break;
                }
                Sent::Lost(failure) => {
                    add(&self.core.client.counts.looks, 1);
                    lost += 1;
                    self.doubt = Some(failure);
                    order = Some(at);
                }
                Sent::Moved => match self.look(&at).await {
                    Found::Landed(next) => return self.recorded(next),
                    Found::Moved(next) => order = Some(next),
                    Found::Unclear => order = Some(at),
                },
                Sent::Fell { job, append } => {
                    self.fell(job, append).await;
                    order = Some(at);
                    continue;
                }
                Sent::Refused { job, why } => {
                    self.doubt = None;
                    self.jobs.remove(job).refused(&self.core.name, &why);
                    order = Some(at);
                    continue;
                }
            }
            let Some(pause) = pauses.next() else { break };
            tokio::time::sleep(pause).await;
        }
        if self.jobs.is_empty() {
            order
        } else {
            self.give_up(&CosmosFailure::Contended { tries: TRIES_MAX })
        }
    }

    async fn order(&self, known: Option<Order>) -> Result<Order, CosmosFailure> {
        match known {
            Some(order) => Ok(order),
            None => self.core.read_order(self.shard).await,
        }
    }

    async fn send(&mut self, at: &Order) -> Sent {
        let (batch, next) = match self.batch(at) {
            Ok(batch) => batch,
            Err(failure) => return Sent::Denied(failure),
        };
        let results = match self.core.client.batch(batch).await {
            Ok(results) => results,
            Err(failure) if failure.status().0 == 449 => return Sent::Moved,
            Err(failure) if failure.is_refusal() => return Sent::Denied(self.named(failure)),
            Err(failure) => return Sent::Lost(failure),
        };
        let failed = results.iter().position(|result| !result.is_success() && result.status_code() != 424);
        let tag = results.first().and_then(TransactionalBatchOperationResult::etag);
        match (failed, tag) {
            (Some(at), _) => results.get(at).map_or(Sent::Moved, |result| self.failed(at, result)),
            (None, Some(tag)) => Sent::Recorded(Order { etag: Some(Etag::from(tag.to_owned())), end: next }),
            // It is recorded, and what is asked next asks for the tag.
            (None, None) => Sent::Recorded(Order { etag: None, end: next }),
        }
    }

    /// The batch, and the end of the order behind it.
    fn batch(&mut self, at: &Order) -> Result<(TransactionalBatch, u64), CosmosFailure> {
        let mut end = at.end;
        let appends = self.jobs.iter_mut().flat_map(|job| &mut job.appends);
        for item in appends.flat_map(|append| &mut append.items).filter(|item| item.kind != END) {
            end += 1;
            item.position = Some(end);
            item.stamp.clone_from(&self.stamp);
        }
        let order = OrderItem { id: ORDER.to_owned(), shard: partition(self.shard), newest: end };
        let mut batch = TransactionalBatch::new(partition(self.shard));
        batch = match &at.etag {
            None => batch.create_item(order),
            Some(tag) => {
                let unchanged =
                    BatchReplaceOptions::default().with_precondition(Precondition::IfMatch(tag.clone()));
                batch.replace_item(ORDER, order, Some(unchanged))
            }
        }
        .map_err(CosmosFailure::answered)?;
        for append in self.jobs.iter().flat_map(|job| &job.appends) {
            if let Some(id) = append.behind() {
                batch = batch.read_item(id, None);
            }
            for item in &append.items {
                batch = batch.create_item(item).map_err(CosmosFailure::answered)?;
            }
        }
        Ok((batch, end))
    }

    /// What it means that the operation at that place failed, as the first one.
    fn failed(&self, at: usize, result: &TransactionalBatchOperationResult) -> Sent {
        let status = result.status_code();
        if status == 449 || (at == 0 && matches!(status, 404 | 409 | 412)) {
            return Sent::Moved;
        }
        let why =
            CosmosFailure::Operation { status, sub_status: result.substatus_code().unwrap_or_default() };
        let mut first = 1;
        for (job, appends) in self.jobs.iter().map(|job| &job.appends).enumerate() {
            for (append, prepared) in appends.iter().enumerate() {
                first += prepared.operations();
                if at > 0 && at < first {
                    let fell = matches!(status, 404 | 409);
                    return if fell {
                        Sent::Fell { job, append }
                    } else {
                        Sent::Refused { job, why: self.named(why) }
                    };
                }
            }
        }
        Sent::Denied(self.named(why))
    }

    /// The failure by the name that it has for this store.
    fn named(&self, failure: CosmosFailure) -> CosmosFailure {
        match failure.status() {
            (403, FULL) => CosmosFailure::ShardFull { shard: self.shard.0 },
            _ => failure,
        }
    }

    /// The tag is gone: who took it?
    async fn look(&mut self, at: &Order) -> Found {
        add(&self.core.client.counts.moved, 1);
        let first = self.jobs.iter().flat_map(|job| &job.appends).flat_map(|append| &append.items).next();
        let Some(id) = first.map(|item| item.id.clone()) else { return Found::Unclear };
        let found = match self.core.read_order(self.shard).await {
            Ok(order) if order.etag == at.etag => return Found::Unclear,
            Ok(order) => self.core.stamp_of(self.shard, &id).await.map(|stamp| (stamp, order)),
            Err(failure) => Err(failure),
        };
        match found {
            Ok((Some(stamp), order)) if stamp == self.stamp => Found::Landed(order),
            Ok((_, order)) => {
                self.doubt = None;
                Found::Moved(order)
            }
            Err(failure) => {
                self.doubt = Some(failure);
                Found::Unclear
            }
        }
    }

    fn recorded(self, order: Order) -> Option<Order> {
        let appends: usize = self.jobs.iter().map(|job| job.appends.len()).sum();
        add(&self.core.client.counts.appends, appends as u64);
        add(&self.core.client.counts.batches, 1);
        for job in self.jobs {
            for append in &job.appends {
                self.runway.overtake(append, &self.core.client.counts);
            }
            job.appended();
        }
        self.runway.grown(order.end);
        order.etag.is_some().then_some(order)
    }

    /// One append stands behind no head, and takes its job with it. The order stood at its tag, so whatever was sent before
    /// has not landed, and cannot as long as the log is as it is.
    async fn fell(&mut self, job: usize, append: usize) {
        self.doubt = None;
        add(&self.core.client.counts.conflicts, 1);
        let job = self.jobs.remove(job);
        let Some(prepared) = job.appends.get(append) else { return };
        let outcome = match self.core.look_at_head(self.shard, &prepared.digest).await {
            Ok(position) if position.is_gone => Outcome::Gone,
            Ok(position) => Outcome::Conflict(head(position.revision)),
            Err(failure) => Outcome::Refused(failure.of(&self.core.name, "look at the head of a stream")),
        };
        job.fell(append, outcome);
    }

    fn give_up(self, failure: &CosmosFailure) -> Option<Order> {
        for job in self.jobs {
            match &self.doubt {
                Some(doubt) => job.unknown(&self.core.name, doubt),
                None => job.refused(&self.core.name, failure),
            }
        }
        None
    }
}
