//! Does effects one behind the other, until one of them is to be tried again later.
//!
//! What failed for good becomes a dead letter and the next one goes on. It writes no checkpoint and no cell of what waits:
//! it says how it ended.

use super::parked::Spot;
use super::{DeadLetter, Handlers, dead_prefix, pauses};
use crate::effect::{EffectAnswer, EffectCx, EffectError};
use crate::error::{FireError, LoadError, chain};
use crate::host::Host;
use crate::host::duty::Tenure;
use crate::machine::Machine;
use crate::store::{CellKey, Kind, Payload, Put, Record, RecordedEffect, Revision, StoreError, StreamId};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Records of one instance that are read at once.
const READ_MAX: usize = 64;

/// How long an instance waits that the store or the host, and not a handler, has let down.
const LET_DOWN: Duration = Duration::from_secs(5);

/// Effects of one instance that are to be done in order.
pub(super) struct Job {
    pub(super) stream: StreamId,
    /// The first, and how often it failed.
    pub(super) spot: Spot,
    pub(super) attempts: u32,
    /// The last record.
    pub(super) through: Revision,
    /// The first record, if it was read.
    pub(super) record: Option<Record>,
    /// Somebody may have begun with it before: what has an answer in the log is done.
    pub(super) old: bool,
}

/// How it ended.
#[derive(Debug)]
pub(super) enum End {
    /// Everything is done, or buried.
    Done,
    /// Something is to be tried again.
    Stopped(Stop),
    /// The shard is given up; nothing is said about what is done.
    Left,
}

/// Where it stopped.
#[derive(Debug)]
pub(super) struct Stop {
    /// Everything before is done.
    pub(super) spot: Spot,
    /// How often this one failed.
    pub(super) attempts: u32,
    /// When it is to be tried again.
    pub(super) pause: Duration,
}

/// What became of one effect.
enum Fate {
    Done,
    /// The effect is not to blame, so it is no attempt.
    LetDown,
    Failed(EffectError),
    Left,
}

pub(super) struct Errand<M: Machine> {
    pub(super) host: Host<M>,
    pub(super) handlers: Arc<dyn Handlers<M>>,
    pub(super) turns: Arc<Semaphore>,
    pub(super) tenure: Tenure,
}

impl<M: Machine> Errand<M> {
    pub(super) async fn run(&self, mut job: Job) -> End {
        let records = match job.record.take() {
            Some(record) => Ok(vec![record]),
            None => self.read(&job).await,
        };
        let records = match records {
            Ok(records) => records,
            Err(error) => {
                tracing::warn!(stream = %job.stream, %error, "effects that wait cannot be read yet");
                return End::Stopped(Stop { spot: job.spot, attempts: job.attempts, pause: LET_DOWN });
            }
        };
        let through = job.through;
        for record in records.iter().filter(|record| record.revision <= through) {
            if let Some(end) = self.run_record(&mut job, record).await {
                return end;
            }
            (job.spot, job.attempts) = (Spot { revision: record.revision.plus(1), index: 0 }, 0);
        }
        // A log that ends before has nothing more.
        if job.spot.revision > through || records.len() < READ_MAX {
            return End::Done;
        }
        End::Stopped(Stop { spot: job.spot, attempts: 0, pause: Duration::ZERO })
    }

    async fn read(&self, job: &Job) -> Result<Vec<Record>, StoreError> {
        let store = &self.host.0.repository.store;
        Ok(store.read(&job.stream, job.spot.revision.before(), READ_MAX).await?.0)
    }

    /// `Some`: it goes no further for now.
    async fn run_record(&self, job: &mut Job, record: &Record) -> Option<End> {
        if record.step.kind != Kind::Step {
            return None;
        }
        let begin = if record.revision == job.spot.revision { job.spot.index } else { 0 };
        for (index, effect) in (0..).zip(&record.step.body.effects).skip_while(|(index, _)| *index < begin) {
            let spot = Spot { revision: record.revision, index };
            let attempt = if spot == job.spot { job.attempts + 1 } else { 1 };
            let cx = EffectCx::new(job.stream.clone(), (spot.revision.0, index));
            let cx = cx.during(self.tenure.epoch).again(attempt);
            match self.run_effect(&cx, effect, job.old || attempt > 1).await {
                Fate::Done => {}
                Fate::Left => return Some(End::Left),
                Fate::LetDown => {
                    return Some(End::Stopped(Stop { spot, attempts: attempt - 1, pause: LET_DOWN }));
                }
                Fate::Failed(error) => {
                    if error.is_retryable() && attempt < self.host.0.options.effect_attempts {
                        tracing::debug!(effect = %effect.name, key = cx.key(), attempt, "will be tried again");
                        return Some(End::Stopped(Stop { spot, attempts: attempt, pause: pause(attempt) }));
                    }
                    self.bury(&cx, effect, &error).await;
                }
            }
        }
        None
    }

    async fn run_effect(&self, cx: &EffectCx, effect: &RecordedEffect, old: bool) -> Fate {
        let instance = self.host.handle(cx.tenant(), cx.instance());
        if old {
            match instance.has_recorded(cx.answer_id()).await {
                Ok(true) => return Fate::Done,
                Ok(false) => {}
                Err(error) if is_deleted(&error) => {}
                Err(error) => return let_down(cx, &error),
            }
        }
        let turn = tokio::select! {
            () = self.tenure.left() => return Fate::Left,
            // The semaphore is never closed.
            turn = self.turns.acquire() => turn,
        };
        let answer = match self.handle(cx, effect).await {
            Ok(Some(answer)) => answer,
            Ok(None) => return Fate::Done,
            Err(error) => return Fate::Failed(error),
        };
        let command = instance.command(&cx.answer_id()).causation(&cx.key()).reserved();
        let answered = command.fire(answer).await;
        drop(turn);
        match answered {
            // An answer that is not accepted any more, or that was given before, is done with: the machine has spoken.
            Ok(_) | Err(FireError::Rejected(_) | FireError::CommandIdReused { .. }) => Fate::Done,
            Err(error) if is_deleted(&error) => Fate::Done,
            Err(error @ (FireError::Encode { .. } | FireError::Panicked { .. })) => {
                Fate::Failed(EffectError::retry(error))
            }
            Err(error) => let_down(cx, &error),
        }
    }

    /// What reads the effect and what does it is code of the user's: it runs in a task of its own, so that a panic is a
    /// failure like another. The task ends with this call.
    async fn handle(&self, cx: &EffectCx, effect: &RecordedEffect) -> EffectAnswer<M> {
        let (handlers, cx, recorded) = (Arc::clone(&self.handlers), cx.clone(), effect.clone());
        let mut task = JoinSet::new();
        task.spawn(async move {
            let json = Payload::of(&recorded).map_err(EffectError::fatal)?;
            let typed = json.decode::<M::Effect>().map_err(EffectError::fatal)?;
            handlers.handle(&cx, typed).await
        });
        match task.join_next().await {
            Some(Ok(answer)) => answer,
            // What it said may hold a payload, so it is not carried on.
            _ => Err(EffectError::retry(format!("the handler of `{}` panicked", effect.name))),
        }
    }

    /// The next effect has to wait for it: what is not written down would be lost.
    async fn bury(&self, cx: &EffectCx, effect: &RecordedEffect, error: &EffectError) {
        let letter = DeadLetter {
            key: cx.key(),
            instance: cx.instance().to_owned(),
            effect: effect.clone(),
            error: chain(error),
            attempts: cx.attempt(),
        };
        let attempts = letter.attempts;
        tracing::error!(effect = %effect.name, key = letter.key, attempts, "the effect failed for good: see `dead_letters`");
        let name = format!("{}{}", dead_prefix::<M>(), letter.key).into();
        // Strings, numbers and JSON that was read: nothing of it can fail to be written.
        let value = Some(Bytes::from(serde_json::to_vec(&letter).unwrap_or_default()));
        let put = Put { key: CellKey { shard: self.tenure.shard, name }, version: None, value };
        let mut delays = pauses();
        while let Err(error) = self.host.0.repository.store.put(vec![put.clone()]).await {
            tracing::warn!(%error, "a dead letter was not written yet");
            self.host.0.repository.clock.sleep(delays.next().unwrap_or_default()).await;
        }
    }
}

fn is_deleted(error: &FireError) -> bool {
    matches!(error, FireError::Load(error) if matches!(**error, LoadError::Deleted { .. }))
}

fn let_down(cx: &EffectCx, error: &FireError) -> Fate {
    tracing::warn!(key = cx.key(), error = chain(error), "an effect waits for its instance");
    Fate::LetDown
}

/// How long to wait after so many failures.
fn pause(attempts: u32) -> Duration {
    let nth = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    pauses().nth(nth.min(16)).unwrap_or_default()
}
