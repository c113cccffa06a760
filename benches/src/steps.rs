//! Durable steps per second, of the host and of the store alone.

use crate::Failure;
use crate::machine::{Added, Counter, CounterTrigger, note};
use statewright::Host;
use statewright::store::{
    Append, Head, Outcome, Payload, RecordedEvent, RecordedStep, Store, StreamId, Unit,
};
use statewright_sqlite::SqliteStore;
use std::sync::Arc;
use std::time::Instant;
use tempfile::TempDir;

/// Each figure is the better of this many runs, host and store in turn.
const RUNS: usize = 3;

struct Load {
    name: &'static str,
    tasks: usize,
    steps: usize,
    /// All tasks fire at one instance.
    one: bool,
}

const LOADS: &[Load] = &[
    Load { name: "1 instance, 1 caller", tasks: 1, steps: 5_000, one: false },
    Load { name: "64 instances", tasks: 64, steps: 100_000, one: false },
    Load { name: "256 instances", tasks: 256, steps: 200_000, one: false },
    Load { name: "1 instance, 64 callers", tasks: 64, steps: 60_000, one: true },
];

pub(crate) async fn run() -> Result<(), Failure> {
    println!("\n{:<24} {:>14} {:>14} {:>7}", "durable steps", "host, per s", "store, per s", "ratio");
    for load in LOADS {
        let (mut host, mut store) = (0, 0);
        for _ in 0..RUNS {
            host = host.max(run_host(load).await?);
            // One stream takes one append at a time: there is no ceiling to compare with.
            store = store.max(if load.one { 0 } else { run_store(load).await? });
        }
        match store {
            0 => println!("{:<24} {host:>14} {:>14} {:>7}", load.name, "", ""),
            _ => println!("{:<24} {host:>14} {store:>14} {:>6}%", load.name, host * 100 / store),
        }
    }
    Ok(())
}

async fn run_host(load: &Load) -> Result<u128, Failure> {
    let folder = TempDir::new()?;
    let host = Host::<Counter>::builder(SqliteStore::open(folder.path().join("bench.db"))?).build().await?;
    let each = load.steps / load.tasks;
    let began = Instant::now();
    let fire = |task: usize| {
        let instance = host.instance(&if load.one { 0 } else { task }.to_string());
        tokio::spawn(async move {
            for n in 0..each as u64 {
                instance.fire(CounterTrigger::Add { n, note: note() }).await?;
            }
            Ok::<_, statewright::FireError>(())
        })
    };
    for task in (0..load.tasks).map(fire).collect::<Vec<_>>() {
        task.await??;
    }
    let rate = per_second(each * load.tasks, began);
    host.shutdown().await;
    Ok(rate)
}

async fn run_store(load: &Load) -> Result<u128, Failure> {
    let folder = TempDir::new()?;
    let store = Arc::new(SqliteStore::open(folder.path().join("bench.db"))?);
    let each = load.steps / load.tasks;
    let began = Instant::now();
    let write = |task: usize| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let stream = StreamId::new("", "Counter", &task.to_string());
            let mut head = Head::default();
            for n in 0..each as u64 {
                let append = Append { stream: stream.clone(), after: head, steps: vec![step(n)?] };
                match store.append(vec![append], Unit::Each).await.pop() {
                    Some(Outcome::Appended(next)) => head = next,
                    other => return Err(Failure::from(format!("{other:?}"))),
                }
            }
            Ok(())
        })
    };
    for task in (0..load.tasks).map(write).collect::<Vec<_>>() {
        task.await??;
    }
    Ok(per_second(each * load.tasks, began))
}

fn step(n: u64) -> Result<RecordedStep, Failure> {
    let mut step =
        RecordedStep { command: n.to_string().into(), trigger: "Add".into(), ..RecordedStep::default() };
    let payload = Payload::of(&Added { n, note: note() })?;
    step.body.events.push(RecordedEvent { name: "counter.added".into(), version: 1, payload });
    Ok(step)
}

pub(crate) fn per_second(count: usize, began: Instant) -> u128 {
    count as u128 * 1_000_000 / began.elapsed().as_micros().max(1)
}
