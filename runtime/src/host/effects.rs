//! Does recorded effects: read from the log behind a checkpoint, at least once, in order for each instance.
//!
//! One task for each shard reads a page, runs its effects and moves the checkpoint; a kill runs again what was done
//! since. An effect that fails is tried again with growing pauses and becomes a dead letter in the end; until then
//! the shard's next page waits.

use super::duty::{Duty, Tenure};
use super::{Host, Inner, fleet};
use crate::clock::Clock;
use crate::effect::{EffectAnswer, EffectCx, EffectError, HandledBy};
use crate::error::{FireError, LoadError, chain};
use crate::machine::Machine;
use crate::store::{
    Cell, CellKey, Cursor, Kind, Payload, Put, Record, RecordedEffect, Shard, StoreError, StreamId,
};
use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Records that are read at once; as many may be done again after a kill.
const PAGE_MAX: usize = 256;

/// Why a page of effects is not done.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A handler, its type forgotten.
pub(super) trait Handlers<M: Machine>: Send + Sync {
    fn handle<'a>(&'a self, cx: &'a EffectCx, effect: M::Effect) -> BoxFuture<'a, EffectAnswer<M>>;
}

pub(super) struct Bound<H>(pub(super) H);

impl<M: HandledBy<H>, H: Send + Sync> Handlers<M> for Bound<H> {
    fn handle<'a>(&'a self, cx: &'a EffectCx, effect: M::Effect) -> BoxFuture<'a, EffectAnswer<M>> {
        M::handle(&self.0, cx, effect)
    }
}

/// An effect that failed for good.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Its idempotency key.
    pub key: String,
    /// The instance whose step asked for it.
    pub instance: String,
    /// The effect as recorded.
    pub effect: RecordedEffect,
    /// What the handler said last, cause by cause.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
}

/// Does the effects of a shard while the host has it.
pub(super) fn duty<M: Machine>(host: &Host<M>, handlers: &Arc<dyn Handlers<M>>) -> Duty {
    let turns = Arc::new(Semaphore::new(host.0.options.effects_max));
    let (host, handlers) = (host.clone(), Arc::clone(handlers));
    let run = move |tenure: Tenure| -> BoxFuture<'static, ()> {
        let (host, handlers, turns) = (host.clone(), Arc::clone(&handlers), Arc::clone(&turns));
        Box::pin(async move {
            Dispatcher { host, handlers, turns, shard: tenure.shard, epoch: tenure.epoch }.run(&tenure).await;
        })
    };
    Duty { name: fleet::EFFECTS, run: Arc::new(run) }
}

struct Dispatcher<M: Machine> {
    host: Host<M>,
    handlers: Arc<dyn Handlers<M>>,
    turns: Arc<Semaphore>,
    shard: Shard,
    epoch: u64,
}

impl<M: Machine> Dispatcher<M> {
    /// Until the shard is given up. A store that does not answer is asked again, with growing pauses.
    async fn run(&self, tenure: &Tenure) {
        let mut delays = pauses();
        while !tenure.is_leaving() {
            let waited = match self.page().await {
                Ok(Some(end)) => tokio::select! {
                    () = tenure.left() => return,
                    changed = self.host.0.repository.store.changed(self.shard, &end) => changed.map_err(Into::into),
                },
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            match waited {
                Ok(()) => delays = pauses(),
                Err(error) => {
                    tracing::warn!(machine = M::DEFINITION.machine, shard = self.shard.0, %error, "effects cannot be done yet");
                    tokio::select! {
                        () = tenure.left() => return,
                        () = self.clock().sleep(delays.next().unwrap_or(PAUSE_MAX)) => {}
                    }
                }
            }
        }
    }

    /// Does the next page of records and moves the checkpoint behind it. `Some`: there is none, here is the end.
    async fn page(&self) -> Result<Option<Cursor>, Failure> {
        let store = &self.host.0.repository.store;
        let found = store.get(std::slice::from_ref(&self.key())).await?.pop();
        let (version, after) =
            found.map_or((0, Cursor::default()), |cell| (cell.version, Cursor(cell.value)));
        let page = store.scan(self.shard, &after, PAGE_MAX).await?;
        if page.records.is_empty() {
            return Ok(Some(after));
        }
        self.run_all(page.records).await?;
        let put = Put { key: self.key(), version: Some(version), value: Some(page.next.0) };
        // Another host on the same store may have been faster: then its checkpoint stands.
        store.put(vec![put]).await?;
        Ok(None)
    }

    /// The checkpoint is not to move when it fails: then not everything was done.
    async fn run_all(&self, records: Vec<Record>) -> Result<(), Failure> {
        let mut instances: BTreeMap<StreamId, Vec<Record>> = BTreeMap::new();
        let ours = |record: &Record| {
            *record.stream.machine == *M::DEFINITION.machine && record.step.kind == Kind::Step
        };
        for record in
            records.into_iter().filter(|record| ours(record) && !record.step.body.effects.is_empty())
        {
            instances.entry(record.stream.clone()).or_default().push(record);
        }
        let mut tasks = JoinSet::new();
        for records in instances.into_values() {
            let errand = Errand {
                host: self.host.clone(),
                handlers: Arc::clone(&self.handlers),
                shard: self.shard,
                epoch: self.epoch,
            };
            let turns = Arc::clone(&self.turns);
            tasks.spawn(async move {
                // The semaphore is never closed.
                let _turn = turns.acquire().await;
                for record in &records {
                    errand.run_record(record).await;
                }
            });
        }
        let mut done = Ok(());
        while let Some(ended) = tasks.join_next().await {
            done = done.and(ended.map_err(Into::into));
        }
        done
    }

    fn key(&self) -> CellKey {
        CellKey { shard: self.shard, name: format!("effects/{}", M::DEFINITION.machine).into() }
    }

    fn clock(&self) -> &dyn Clock {
        &*self.host.0.repository.clock
    }
}

struct Errand<M: Machine> {
    host: Host<M>,
    handlers: Arc<dyn Handlers<M>>,
    shard: Shard,
    epoch: u64,
}

impl<M: Machine> Errand<M> {
    async fn run_record(&self, record: &Record) {
        for (index, effect) in (0_u32..).zip(&record.step.body.effects) {
            let cx = EffectCx::new(record.stream.clone(), (record.revision.0, index)).during(self.epoch);
            if let Err((error, attempts)) = self.run_effect(&cx, effect).await {
                self.bury(&cx, effect, (&error, attempts)).await;
            }
        }
    }

    async fn run_effect(&self, cx: &EffectCx, effect: &RecordedEffect) -> Result<(), (EffectError, u32)> {
        let attempts_max = self.host.0.options.effect_attempts;
        let mut delays = pauses();
        let mut attempt = 1;
        loop {
            let error = match self.attempt(&cx.clone().again(attempt), effect).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if attempt >= attempts_max || !error.is_retryable() {
                return Err((error, attempt));
            }
            tracing::debug!(effect = %effect.name, key = cx.key(), attempt, "will be tried again");
            self.host.0.repository.clock.sleep(delays.next().unwrap_or(PAUSE_MAX)).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, cx: &EffectCx, effect: &RecordedEffect) -> Result<(), EffectError> {
        let Some(answer) = self.handle(cx, effect).await? else { return Ok(()) };
        let instance = self.host.handle(cx.tenant(), cx.instance());
        let command = instance.command(&cx.answer_id()).causation(&cx.key()).reserved();
        match command.fire(answer).await {
            // An answer that is not accepted any more, or that was given before, is done with: the machine has spoken.
            Ok(_) | Err(FireError::Rejected(_) | FireError::CommandIdReused { .. }) => Ok(()),
            Err(FireError::Load(error)) if matches!(*error, LoadError::Deleted { .. }) => Ok(()),
            Err(error) => Err(EffectError::retry(error)),
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

    async fn bury(&self, cx: &EffectCx, effect: &RecordedEffect, failure: (&EffectError, u32)) {
        let (error, attempts) = failure;
        let letter = DeadLetter {
            key: cx.key(),
            instance: cx.instance().to_owned(),
            effect: effect.clone(),
            error: chain(error),
            attempts,
        };
        tracing::error!(effect = %effect.name, key = letter.key, attempts, "the effect failed for good: see `dead_letters`");
        let name = format!("{}{}", dead_prefix::<M>(), letter.key).into();
        let value = match serde_json::to_vec(&letter) {
            Ok(value) => Bytes::from(value),
            Err(error) => {
                tracing::error!(key = letter.key, %error, "a dead letter cannot be written as JSON");
                return;
            }
        };
        let mut delays = pauses();
        loop {
            let key = CellKey { shard: self.shard, name: Box::clone(&name) };
            let put = Put { key, version: None, value: Some(value.clone()) };
            match self.host.0.repository.store.put(vec![put]).await {
                Ok(_) => return,
                Err(error) => tracing::warn!(%error, "a dead letter was not written yet"),
            }
            self.host.0.repository.clock.sleep(delays.next().unwrap_or(PAUSE_MAX)).await;
        }
    }
}

fn dead_prefix<M: Machine>() -> String {
    format!("dead/{}/", M::DEFINITION.machine)
}

/// Longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(10);

fn pauses() -> impl Iterator<Item = Duration> + Send {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(PAUSE_MAX)
        .without_max_times()
        .with_jitter()
        .build()
}

pub(super) async fn dead_letters<M: Machine>(
    inner: &Inner<M>,
    limit: usize,
) -> Result<Vec<DeadLetter>, StoreError> {
    let store = &inner.repository.store;
    let mut letters = Vec::new();
    for shard in (0..store.limits().shards).map(Shard) {
        let room = limit.saturating_sub(letters.len());
        let cells: Vec<Cell> = store.list(shard, &dead_prefix::<M>(), None, room).await?;
        for cell in cells {
            letters.push(serde_json::from_slice(&cell.value).map_err(|_| unreadable(&cell))?);
        }
    }
    Ok(letters)
}

fn unreadable(cell: &Cell) -> StoreError {
    let what = format!("the cell `{}` is no dead letter: remove it", cell.key.name);
    StoreError::Corrupt { store: "the shelf".to_owned(), what }
}
