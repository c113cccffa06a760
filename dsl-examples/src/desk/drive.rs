//! Fires one trigger for each row: rows of one incident in order, incidents side by side.

use super::arguments::Arguments;
use super::input::{Input, Row};
use super::report::{Report, Tally};
use dsl_examples::incident::{Incident, IncidentTrigger};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use statewright::{FireError, Host};
use statewright_sqlite::SqliteStore;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Rows that wait for one worker.
const WAITING_MAX: usize = 64;

/// Command ids that the host remembers of one incident: a rerun recognises that many rows of each.
const ROWS_REMEMBERED: usize = 100_000;

/// Whatever ends the job.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs the job; the answer is the report and the number of bad rows.
pub(crate) async fn drive(arguments: &Arguments, input: Input) -> Result<(Report, u64), Failure> {
    let store = Arc::new(SqliteStore::open(&arguments.store)?);
    let host = Host::<Incident>::builder(Arc::clone(&store)).command_window(ROWS_REMEMBERED).build().await?;
    let bar = progress(input.len());
    let began = Instant::now();
    let (mut tally, last, bad) = fire_all(&host, input, (arguments.concurrency.get(), &bar)).await?;
    let took = began.elapsed();
    bar.finish_and_clear();
    tally.measure(&host, last).await?;
    host.shutdown().await;
    store.close();
    Ok((Report::of(tally, took), bad))
}

/// Each worker has its incidents, so that the rows of one stay in order.
async fn fire_all(
    host: &Host<Incident>,
    input: Input,
    how: (usize, &ProgressBar),
) -> Result<(Tally, Timestamp, u64), Failure> {
    let (concurrency, bar) = how;
    let mut workers = JoinSet::new();
    let queues: Vec<_> = (0..concurrency).map(|_| start_worker(host, &mut workers, bar)).collect();
    let (mut last, mut bad) = (Timestamp::MIN, 0);
    for row in input {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                bad += 1;
                bar.suspend(|| eprintln!("dsl-examples: {error}"));
                continue;
            }
        };
        last = last.max(row.time);
        let Some(queue) = queues.get(worker_of(&row.case, concurrency)) else { break };
        if queue.send(row).await.is_err() {
            // Its worker has failed, and says so below.
            break;
        }
    }
    drop(queues);
    let mut tally = Tally::default();
    while let Some(done) = workers.join_next().await {
        tally.add(done??);
    }
    Ok((tally, last, bad))
}

fn worker_of(case: &str, workers: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    case.hash(&mut hasher);
    usize::try_from(hasher.finish() % workers as u64).unwrap_or_default()
}

fn start_worker(
    host: &Host<Incident>,
    workers: &mut JoinSet<Result<Tally, FireError>>,
    bar: &ProgressBar,
) -> mpsc::Sender<Row> {
    let (sender, mut rows) = mpsc::channel(WAITING_MAX);
    let (host, bar) = (host.clone(), bar.clone());
    workers.spawn(async move {
        let mut tally = Tally::default();
        while let Some(row) = rows.recv().await {
            fire(&host, row, &mut tally).await?;
            bar.inc(1);
        }
        Ok(tally)
    });
    sender
}

/// A refusal is recorded, so that a row once refused stays refused when the job is run again.
async fn fire(host: &Host<Incident>, row: Row, tally: &mut Tally) -> Result<(), FireError> {
    let Row { number, case, time, to, by } = row;
    let command = host.instance(&case).command(&number.to_string()).at(time).record_rejection();
    match command.fire(IncidentTrigger::Move { to, by }).await {
        Ok(_) => tally.accepted += 1,
        Err(FireError::Rejected(rejection)) => tally.reject(&rejection, to),
        Err(error) => return Err(error),
    }
    tally.cases.insert(case);
    Ok(())
}

/// Drawn on a terminal only.
fn progress(rows: Option<u64>) -> ProgressBar {
    let (bar, template) = match rows {
        Some(rows) => {
            (ProgressBar::new(rows), "{bar:30} {human_pos} of {human_len} rows, {per_sec}, {eta} to go")
        }
        None => (ProgressBar::new_spinner(), "{spinner} {human_pos} rows, {per_sec}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
