//! A batch beside the same steps fired one by one: many instances, few steps each, in an order that goes round all of them.

use crate::Failure;
use crate::machine::{Counter, CounterTrigger, note};
use crate::steps::per_second;
use statewright::Host;
use statewright::host::{BatchOptions, BatchRequest};
use statewright_sqlite::SqliteStore;
use std::time::Instant;
use tempfile::TempDir;

/// Each figure is the median of this many runs, in turn.
const RUNS: usize = 5;

const INSTANCES: usize = 10_000;
const STEPS_EACH: u64 = 10;
const STEPS: usize = INSTANCES * 10;

/// Tasks that fire one by one, and instances that the batch works on at once.
const TASKS: usize = 256;

/// How the steps are fired.
#[derive(Clone, Copy)]
enum How {
    OneByOne,
    FireAll,
    Streamed,
}

const WAYS: [(&str, How); 3] = [
    ("one by one, 256 tasks", How::OneByOne),
    ("a batch, all at once", How::FireAll),
    ("a batch, streamed", How::Streamed),
];

pub(crate) async fn run() -> Result<(), Failure> {
    println!("\n{:<24} {:>14} {:>14}", "100 k steps, 10 k ids", "steps per s", "ratio");
    let mut rates = [const { Vec::new() }; WAYS.len()];
    for _ in 0..RUNS {
        for ((_, how), rates) in WAYS.into_iter().zip(&mut rates) {
            rates.push(run_once(how).await?);
        }
    }
    let mut first = None;
    for ((name, _), mut rates) in WAYS.into_iter().zip(rates) {
        rates.sort_unstable();
        let median = rates[rates.len() / 2];
        println!("{name:<24} {median:>14} {:>13}%", median * 100 / *first.get_or_insert(median));
    }
    Ok(())
}

async fn run_once(how: How) -> Result<u128, Failure> {
    let folder = TempDir::new()?;
    // Room for all: the order goes round, and a cache that is a little too small would miss every time.
    let builder = Host::<Counter>::builder(SqliteStore::open(folder.path().join("bench.db"))?);
    let host = builder.cache_max(2 * INSTANCES).build().await?;
    let began = Instant::now();
    match how {
        How::OneByOne => one_by_one(&host).await?,
        How::FireAll => {
            let report = host.batch(options()).fire_all(requests()).await;
            check(report.is_success(), &report.counts)?;
        }
        How::Streamed => {
            let mut results = host.batch(options()).fire_each(requests());
            while results.next().await.is_some() {}
            check(results.counts().succeeded == STEPS as u64, &results.counts())?;
        }
    }
    let rate = per_second(STEPS, began);
    host.shutdown().await;
    Ok(rate)
}

fn check(all: bool, counts: &impl std::fmt::Display) -> Result<(), Failure> {
    if all { Ok(()) } else { Err(counts.to_string().into()) }
}

fn options() -> BatchOptions {
    BatchOptions::default().parallelism(TASKS)
}

fn requests() -> impl Iterator<Item = BatchRequest<Counter>> + Send {
    (0..STEPS_EACH)
        .flat_map(|n| (0..INSTANCES).map(move |id| (n, id)))
        .map(|(n, id)| BatchRequest::new(&id.to_string(), CounterTrigger::Add { n, note: note() }))
}

async fn one_by_one(host: &Host<Counter>) -> Result<(), Failure> {
    let fire = |task: usize| {
        let host = host.clone();
        tokio::spawn(async move {
            for n in 0..STEPS_EACH {
                for id in (task..INSTANCES).step_by(TASKS) {
                    let trigger = CounterTrigger::Add { n, note: note() };
                    host.instance(&id.to_string()).fire(trigger).await?;
                }
            }
            Ok::<_, statewright::FireError>(())
        })
    };
    for task in (0..TASKS).map(fire).collect::<Vec<_>>() {
        task.await??;
    }
    Ok(())
}
