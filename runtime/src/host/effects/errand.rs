//! Does effects one behind the other, until one of them is to be tried again later.
//!
//! What failed for good becomes a dead letter and the next one goes on. It writes no checkpoint and no cell of what waits:
//! it says how it ended.

use super::letters::DeadLetter;
use super::options::Way;
use super::parked::Spot;
use super::{Means, is_unordered, pauses};
use crate::breaker::{Breaker, Permit};
use crate::effect::{EffectAnswer, EffectCx, EffectError};
use crate::error::{FireError, LoadError, logged};
use crate::host::Host;
use crate::host::duty::Tenure;
use crate::machine::Machine;
use crate::observe::{Span, effect_outcome};
use crate::personal::{Seals, in_effect};
use crate::store::{Kind, Payload, Put, Record, RecordedEffect, Revision, StoreError, StreamId};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::SemaphorePermit;
use tokio::task::JoinSet;

/// Records of one instance that are read at once.
const READ_MAX: usize = 64;

/// How long an instance waits that the store or the host, and not a handler, has let down.
const LET_DOWN: Duration = Duration::from_secs(5);

/// How long an effect waits for its turn among those of its name, and for the next chance if none came.
const TURN_MAX: Duration = Duration::from_secs(1);

/// Effects of one instance that are to be done in order.
pub(super) struct Job {
    pub(super) stream: StreamId,
    /// The first, and how often it failed.
    pub(super) spot: Spot,
    pub(super) attempts: u32,
    /// The last record.
    pub(super) through: Revision,
    /// It is the first alone.
    pub(super) is_one: bool,
    /// The first record, if it was read.
    pub(super) record: Option<Arc<Record>>,
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
    Waits(Duration),
    Failed(EffectError),
    Left,
}

pub(super) struct Errand<M: Machine> {
    pub(super) host: Host<M>,
    pub(super) means: Arc<Means<M>>,
    pub(super) tenure: Tenure,
}

impl<M: Machine> Errand<M> {
    /// What an erased tenant has left undone waits for nothing.
    pub(super) async fn run(&self, job: Job) -> End {
        let tenant = Arc::clone(&job.stream.tenant);
        let end = self.run_all(job).await;
        let is_stopped = matches!(end, End::Stopped(_));
        if is_stopped && self.host.0.is_erased(&tenant).await.unwrap_or(false) { End::Done } else { end }
    }

    async fn run_all(&self, mut job: Job) -> End {
        let records = match job.record.take() {
            Some(record) => Ok(vec![Arc::unwrap_or_clone(record)]),
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
        Ok(store
            .read(&job.stream, job.spot.revision.before(), if job.is_one { 1 } else { READ_MAX })
            .await?
            .0)
    }

    /// `Some`: it goes no further for now.
    async fn run_record(&self, job: &mut Job, record: &Record) -> Option<End> {
        if record.step.kind != Kind::Step {
            return None;
        }
        let begin = if record.revision == job.spot.revision { job.spot.index } else { 0 };
        let effects = (0..).zip(&record.step.body.effects).skip_while(|(index, _)| *index < begin);
        let is_part = |effect: &RecordedEffect| job.is_one || !is_unordered::<M>(effect);
        let effects: Vec<_> = effects.take(if job.is_one { 1 } else { usize::MAX }).collect();
        for (index, effect) in effects.into_iter().filter(|(_, effect)| is_part(effect)) {
            let spot = Spot { revision: record.revision, index };
            let attempt = if spot == job.spot { job.attempts + 1 } else { 1 };
            let cx = EffectCx::new(job.stream.clone(), (spot.revision.0, index));
            let cx = cx.during(self.tenure.epoch).again(attempt);
            match self.run_effect(&cx, effect, job.old || attempt > 1).await {
                Fate::Done => {}
                Fate::Left => return Some(End::Left),
                Fate::Waits(pause) => {
                    return Some(End::Stopped(Stop { spot, attempts: attempt - 1, pause }));
                }
                Fate::Failed(error) => {
                    if error.is_retryable() && attempt < self.means.ways.of(&effect.name).attempts {
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
        let way = self.means.ways.of(&effect.name);
        let _own = match self.own_turn(way).await {
            Ok(turn) => turn,
            Err(fate) => return fate,
        };
        let _turn = tokio::select! {
            () = self.tenure.left() => return Fate::Left,
            // The semaphore is never closed.
            turn = self.means.turns.acquire() => turn,
        };
        let repository = &self.host.0.repository;
        let seals = match repository.seals_of_data(cx.stream(), [&effect.payload]).await {
            Ok(seals) => seals,
            Err(source) => {
                let error = LoadError::Store { stream: cx.stream().clone(), source };
                return let_down(cx, &FireError::Load(Arc::new(error)));
            }
        };
        let permit = match way.breaker.as_ref().map(Breaker::try_enter).transpose() {
            Ok(permit) => permit,
            Err(open) => return Fate::Waits(open.retry_after.max(TURN_MAX)),
        };
        let answer = match said(permit, self.handle(cx, (effect, seals), way.timeout).await) {
            Ok(Some(answer)) => answer,
            Ok(None) => return Fate::Done,
            Err(error) => return Fate::Failed(error),
        };
        let command = instance.command(&cx.answer_id()).causation(&cx.key()).reserved();
        match command.fire(answer).await {
            // An answer that is not accepted any more, or that was given before, is done with: the machine has spoken.
            Ok(_) | Err(FireError::Rejected(_) | FireError::CommandIdReused { .. }) => Fate::Done,
            Err(error) if is_deleted(&error) => Fate::Done,
            Err(
                error @ (FireError::Encode { .. } | FireError::Personal { .. } | FireError::Panicked { .. }),
            ) => Fate::Failed(EffectError::retry(error)),
            Err(error) => let_down(cx, &error),
        }
    }

    /// A turn among the effects of its name. Who waits for long makes room: others of the shard may be done at once.
    async fn own_turn<'a>(&self, way: &'a Way) -> Result<Option<SemaphorePermit<'a>>, Fate> {
        let Some(turns) = &way.turns else { return Ok(None) };
        tokio::select! {
            () = self.tenure.left() => Err(Fate::Left),
            () = self.host.0.repository.clock.sleep(TURN_MAX) => Err(Fate::Waits(TURN_MAX)),
            // The semaphore is never closed.
            turn = turns.acquire() => Ok(turn.ok()),
        }
    }

    /// What reads the effect and what does it is code of the user's: it runs in a task of its own, so that a panic is a
    /// failure like another. The task ends with this call.
    async fn handle(
        &self,
        cx: &EffectCx,
        (effect, mut seals): (&RecordedEffect, Seals),
        timeout: Duration,
    ) -> EffectAnswer<M> {
        let (means, cx, recorded) = (Arc::clone(&self.means), cx.clone(), effect.clone());
        let (observer, name) = (&self.host.0.observer, declared::<M>(&effect.name));
        let (began, span) = (observer.start(), Span::effect(&cx, name));
        let mut task = JoinSet::new();
        task.spawn(span.around(async move {
            let json = Payload::of(&recorded).map_err(EffectError::fatal)?;
            let read = || in_effect(cx.stream(), &recorded.name, || json.decode::<M::Effect>());
            let typed = seals.enter(read).map_err(EffectError::fatal)?;
            means.handlers.handle(&cx, typed).await
        }));
        let failed = |how: String| Err(EffectError::retry(format!("the handler of `{}` {how}", effect.name)));
        let (answer, outcome) = tokio::select! {
            answer = task.join_next() => match answer {
                Some(Ok(answer)) => {
                    let outcome = effect_outcome(&answer);
                    (answer, outcome)
                }
                // What it said may hold a payload, so it is not carried on.
                _ => (failed("panicked".to_owned()), "panicked"),
            },
            () = self.host.0.repository.clock.sleep(timeout) => {
                (failed(format!("did not answer in {timeout:?}")), "timed_out")
            }
        };
        span.outcome(outcome);
        observer.effect(name, outcome, began);
        answer
    }

    /// The next effect has to wait for it: what is not written down would be lost.
    async fn bury(&self, cx: &EffectCx, effect: &RecordedEffect, error: &EffectError) {
        let (key, attempts) = (cx.key(), cx.attempt());
        tracing::error!(effect = %effect.name, key, attempts, "the effect failed for good: see `dead_letters`");
        let repository = &self.host.0.repository;
        let letter = DeadLetter::new(cx, effect, (error, repository.clock.now()));
        let put = letter.put(self.tenure.shard, M::DEFINITION.machine);
        let mut delays = pauses();
        while let Err(error) = self.write_letter(cx, &put).await {
            tracing::warn!(%error, "a dead letter was not written yet");
            repository.clock.sleep(delays.next().unwrap_or_default()).await;
        }
        self.host.0.observer.dead_letter(declared::<M>(&effect.name));
    }

    /// Whoever erases the tenant has either marked it before this looks, or finds the letter.
    async fn write_letter(&self, cx: &EffectCx, letter: &Put) -> Result<(), StoreError> {
        let store = &self.host.0.repository.store;
        store.put(vec![letter.clone()]).await?;
        if self.host.0.is_erased(&Arc::from(cx.tenant())).await? {
            store.put(vec![Put { value: None, ..letter.clone() }]).await?;
        }
        Ok(())
    }
}

/// Its name as the block has it: what is recorded may be an older release's.
fn declared<M: Machine>(name: &str) -> &'static str {
    M::DEFINITION.effects.iter().find(|effect| effect.name == name).map_or("(unknown)", |effect| effect.name)
}

fn is_deleted(error: &FireError) -> bool {
    matches!(error, FireError::Load(error) if error.is_gone())
}

fn let_down(cx: &EffectCx, error: &FireError) -> Fate {
    tracing::warn!(key = cx.key(), error = logged(error), "an effect waits for its instance");
    Fate::Waits(LET_DOWN)
}

/// Tells the breaker. What is fatal says nothing against what is behind it.
fn said<T>(permit: Option<Permit>, answer: Result<T, EffectError>) -> Result<T, EffectError> {
    let failed = answer.as_ref().is_err_and(EffectError::is_retryable);
    match permit {
        Some(permit) if failed => permit.fail(),
        Some(permit) => permit.succeed(),
        None => {}
    }
    answer
}

/// How long to wait after so many failures.
fn pause(attempts: u32) -> Duration {
    let nth = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    pauses().nth(nth.min(16)).unwrap_or_default()
}
