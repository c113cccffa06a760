//! Does recorded effects: read from the log behind a checkpoint, at least once, in order for each instance.
//!
//! Who has a shard reads its log through a bounded window and does the effects of each instance one behind the other. A
//! record is *settled* when its effects are done, or are dead letters, or when a cell says that they wait; the checkpoint
//! stands in front of the oldest record that is not settled, and a kill runs again what was done since it was written.
//!
//! An effect that fails *parks* its instance: a cell says which effect comes next, how often it failed, when it is due and
//! up to which record the instance waits. Records that are read while the cell stands make it say so before they are
//! settled, so that the log and the cells together hold all that is to be done, whoever is killed when. When it is due the
//! instance's own records are read from there and done in order, the cell goes, and only then what was read
//! meanwhile goes on: one lane for each instance, from the log or from the cell, never both.
//!
//! It knows no order between instances, and holds no effect that waits in memory.

mod dispatcher;
mod errand;
mod parked;
mod shelf;
mod window;

use super::duty::{Duty, Tenure};
use super::{Host, Inner, fleet};
use crate::effect::{EffectAnswer, EffectCx, HandledBy};
use crate::error::chain;
use crate::machine::Machine;
use crate::store::{Cell, RecordedEffect, Shard, StoreError};
use backon::{BackoffBuilder, ExponentialBuilder};
use dispatcher::Dispatcher;
use errand::Errand;
use futures_core::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

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
        Box::pin(run(host, handlers, turns, tenure))
    };
    Duty { name: fleet::EFFECTS, run: Arc::new(run) }
}

/// Until the shard is given up. What somebody else has changed is read anew.
async fn run<M: Machine>(
    host: Host<M>,
    handlers: Arc<dyn Handlers<M>>,
    turns: Arc<Semaphore>,
    tenure: Tenure,
) {
    let mut delays = pauses();
    while !tenure.is_leaving() {
        let (host, handlers, turns) = (host.clone(), Arc::clone(&handlers), Arc::clone(&turns));
        let clock = Arc::clone(&host.0.repository.clock);
        let errand = Errand { host, handlers, turns, tenure: tenure.clone() };
        let ended = match Dispatcher::open(errand).await {
            Ok(mut dispatcher) => dispatcher.work(&tenure).await,
            Err(failure) => Err(failure),
        };
        let Err(failure) = ended else { return };
        let shard = tenure.shard.0;
        tracing::warn!(
            machine = M::DEFINITION.machine,
            shard,
            error = chain(&failure),
            "effects are read anew"
        );
        tokio::select! {
            () = tenure.left() => return,
            () = clock.sleep(delays.next().unwrap_or(PAUSE_MAX)) => {}
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
