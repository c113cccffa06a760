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
//! meanwhile goes on: one lane for each instance, from the log or from the cell, never both. An `#[unordered]` effect, and a
//! dead letter that is done again, have a lane and a cell of their own. A handler that is slow keeps nobody else waiting
//! either: its lane goes on the shelf as it is, before the window is full for long, and the cell goes when it is done.
//!
//! It knows no order between instances, and holds no effect that waits in memory.

mod dispatcher;
mod errand;
mod lane;
mod letters;
mod options;
mod parked;
mod shelf;
mod window;

pub(crate) use dispatcher::effects_checkpoint;
pub use letters::{DeadLetter, DeadLetterError, DeadLetters};
pub use options::EffectOptions;
pub(super) use options::Ways;

use super::duty::{Duty, Tenure};
use super::{Host, fleet};
use crate::effect::{EffectAnswer, EffectCx, HandledBy};
use crate::error::chain;
use crate::machine::Machine;
use crate::store::RecordedEffect;
use backon::{BackoffBuilder, ExponentialBuilder};
use dispatcher::Dispatcher;
use errand::Errand;
use futures_core::future::BoxFuture;
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

/// What the effects of a host are done with, in all its shards.
pub(super) struct Means<M: Machine> {
    handlers: Arc<dyn Handlers<M>>,
    ways: Ways,
    turns: Semaphore,
}

impl<M: Machine> Means<M> {
    pub(super) fn new(handlers: Arc<dyn Handlers<M>>, ways: Ways, effects_max: usize) -> Arc<Self> {
        let turns = Semaphore::new(effects_max.min(Semaphore::MAX_PERMITS));
        Arc::new(Self { handlers, ways, turns })
    }
}

/// Does the effects of a shard while the host has it.
pub(super) fn duty<M: Machine>(host: &Host<M>, means: Arc<Means<M>>) -> Duty {
    let host = host.clone();
    let run = move |tenure: Tenure| -> BoxFuture<'static, ()> {
        Box::pin(run(host.clone(), Arc::clone(&means), tenure))
    };
    Duty { name: fleet::EFFECTS, run: Arc::new(run) }
}

/// Until the shard is given up. What somebody else has changed is read anew.
async fn run<M: Machine>(host: Host<M>, means: Arc<Means<M>>, tenure: Tenure) {
    let clock = Arc::clone(&host.0.repository.clock);
    let mut delays = pauses();
    let progress = Arc::new(host.0.pulse.watch(fleet::EFFECTS, tenure.shard));
    while !tenure.is_leaving() {
        let errand = Errand { host: host.clone(), means: Arc::clone(&means), tenure: tenure.clone() };
        let ended = match Dispatcher::open(errand, &progress).await {
            Ok(mut dispatcher) => dispatcher.work(&tenure).await,
            Err(failure) => Err(failure),
        };
        let Err(failure) = ended else { return };
        progress.is_stuck();
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

/// Whether the machine says so. An effect that it does not know keeps its order.
fn is_unordered<M: Machine>(effect: &RecordedEffect) -> bool {
    M::DEFINITION.effects.iter().any(|def| def.unordered && *def.name == *effect.name)
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
