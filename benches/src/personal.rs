//! What personal data costs in a host whose store costs nothing: a step that seals a field, and a load that opens one,
//! beside the same machine without it.

use crate::Failure;
use crate::machine::{Counter, CounterTrigger, note};
use serde::{Deserialize, Serialize};
use statewright::host::HostBuilder;
use statewright::personal::KeyRing;
use statewright::prelude::*;
use statewright::store::MemoryStore;
use statewright::{Host, Machine};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Turns of each machine, one after the other; the median counts.
const TURNS: usize = 15;

const INSTANCES: u32 = 256;

/// Of each instance: also what a load reads.
const STEPS: u32 = 40;

state_machine! {
    /// A counter whose notes are somebody's.
    pub(crate) machine Confidant {
        data Total;
        triggers { Add { n: u64, note: String } }
        events { Confided }
        initial Even;
        state Even { on Add { n, note } => Odd emit Confided { n, note: Personal::new(note) }; }
        state Odd { on Add { n, note } => Even emit Confided { n, note: Personal::new(note) }; }
    }
}

/// What was added up.
#[derive(Serialize, Deserialize, Default)]
pub(crate) struct Total {
    total: u64,
}

/// Something was added.
#[derive(EventVersion, Serialize, Deserialize, Clone, Debug)]
#[event(name = "confidant.confided", version = 1)]
pub(crate) struct Confided {
    /// How much, and for this bench also whose.
    pub(crate) n: u64,
    /// Why.
    #[event(personal = n)]
    pub(crate) note: Personal<String>,
}

impl Apply<Confided> for Total {
    fn apply(&mut self, event: &Confided) {
        self.total += event.n;
    }
}

pub(crate) async fn run() -> Result<(), Failure> {
    let plain = |n, note| CounterTrigger::Add { n, note };
    let sealed = |n, note| ConfidantTrigger::Add { n, note };
    let mut turns = [const { Vec::new() }; 2];
    for _ in 0..TURNS {
        turns[0].push(turn::<Counter>(plain).await?);
        turns[1].push(turn::<Confidant>(sealed).await?);
    }
    println!("\n{:<24} {:>14} {:>14}", "ns for each record", "step", "load");
    let [plain, sealed] = turns.map(|turns| (median(&turns, |turn| turn.0), median(&turns, |turn| turn.1)));
    println!("{:<24} {:>14.0} {:>14.0}", "plain", plain.0, plain.1);
    println!("{:<24} {:>14.0} {:>14.0}", "one personal field", sealed.0, sealed.1);
    println!("{:<24} {:>14.2} {:>14.2}", "ratio", sealed.0 / plain.0, sealed.1 / plain.1);
    Ok(())
}

/// How long all steps took, and then all loads in a host that has loaded nothing yet.
async fn turn<M: Machine>(trigger: fn(u64, String) -> M::Trigger) -> Result<(Duration, Duration), Failure> {
    let store = Arc::new(MemoryStore::with_shards(16));
    let host = builder::<M>(&store).build().await?;
    let began = Instant::now();
    for _ in 0..STEPS {
        for instance in 0..INSTANCES {
            host.instance(&instance.to_string()).fire(trigger(instance.into(), note())).await?;
        }
    }
    let steps = began.elapsed();
    host.shutdown().await;
    let host = builder::<M>(&store).build().await?;
    let began = Instant::now();
    for instance in 0..INSTANCES {
        host.instance(&instance.to_string()).state().await?;
    }
    let loads = began.elapsed();
    host.shutdown().await;
    Ok((steps, loads))
}

fn builder<M: Machine>(store: &Arc<MemoryStore>) -> HostBuilder<M> {
    Host::<M>::builder(Arc::clone(store)).personal_key(KeyRing::new("2026", [26; 32]))
}

/// Nanoseconds for each record.
fn median<T>(turns: &[T], time: impl Fn(&T) -> Duration) -> f64 {
    let mut times: Vec<Duration> = turns.iter().map(time).collect();
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e9 / f64::from(INSTANCES * STEPS)
}
