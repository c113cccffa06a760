//! Fires one trigger for each row, as one batch: rows of one incident in order, incidents side by side.

use super::arguments::Arguments;
use super::input::{Input, Row};
use super::keep::Keep;
use super::progress;
use super::report::{Report, Tally};
use dsl_examples::incident::{Incident, IncidentTrigger, Substatus};
use futures_core::Stream;
use indicatif::ProgressBar;
use jiff::Timestamp;
use statewright::host::{BatchItem, BatchOptions, BatchOutcome, BatchRequest};
use statewright::{FireError, Host};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Rows that are read before the batch takes them.
const WAITING_MAX: usize = 1_024;

/// Command ids that the host remembers of one incident: a rerun recognises that many rows of each.
const ROWS_REMEMBERED: usize = 100_000;

/// Whatever ends the job.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A row that is neither recorded nor refused.
#[derive(Debug, thiserror::Error)]
#[error("a row of incident `{case}` came to no end")]
struct Unsettled {
    case: String,
    #[source]
    why: Option<FireError>,
}

/// Runs the job; the answer is the report and the number of bad rows.
pub(crate) async fn drive(arguments: &Arguments, input: Input) -> Result<(Report, u64), Failure> {
    let keep = Keep::make(&arguments.store).await?;
    let host = Host::<Incident>::builder(keep.store()).command_window(ROWS_REMEMBERED).build().await?;
    let bar = progress::bar(input.len());
    let began = Instant::now();
    let (mut tally, last, bad) = fire_all(&host, input, (arguments.concurrency.get(), &bar)).await?;
    let took = began.elapsed();
    bar.finish_and_clear();
    tally.measure(&host, last).await?;
    host.shutdown().await;
    keep.close();
    Ok((Report::of(tally, took), bad))
}

/// The batch takes as long as the log: it may be a pipe that somebody writes into.
async fn fire_all(
    host: &Host<Incident>,
    input: Input,
    (concurrency, bar): (usize, &ProgressBar),
) -> Result<(Tally, Timestamp, u64), Failure> {
    let (sender, read) = mpsc::channel(WAITING_MAX);
    let shown = bar.clone();
    let reader = tokio::task::spawn_blocking(move || read_all(input, &sender, &shown));
    let targets = Targets::default();
    let rows = Rows { host: host.clone(), read, taken: 0, targets: targets.clone() };
    let options = BatchOptions::default().parallelism(concurrency).timeout(Duration::MAX);
    let mut results = host.batch(options.progress(progress::follow(bar))).fire_stream(rows);
    let mut tally = Tally::default();
    while let Some(item) = results.next().await {
        note(item, &targets, &mut tally)?;
    }
    let (last, bad) = reader.await?;
    Ok((tally, last, bad))
}

/// The answer is the time of the last row and the number of bad ones.
fn read_all(input: Input, rows: &mpsc::Sender<Row>, bar: &ProgressBar) -> (Timestamp, u64) {
    let (mut last, mut bad) = (Timestamp::MIN, 0);
    for row in input {
        match row {
            Ok(row) => {
                last = last.max(row.time);
                if rows.blocking_send(row).is_err() {
                    // The batch has ended, and says why.
                    break;
                }
            }
            Err(error) => {
                bad += 1;
                bar.suspend(|| eprintln!("dsl-examples: {error}"));
            }
        }
    }
    (last, bad)
}

/// Where the rows that are under way lead, by their place in the batch.
#[derive(Clone, Default)]
struct Targets(Arc<Mutex<HashMap<u64, Substatus>>>);

impl Targets {
    fn put(&self, place: u64, to: Substatus) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(place, to);
    }

    fn take(&self, place: u64) -> Option<Substatus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&place)
    }
}

/// Rows as requests.
struct Rows {
    host: Host<Incident>,
    read: mpsc::Receiver<Row>,
    taken: u64,
    targets: Targets,
}

impl Stream for Rows {
    type Item = BatchRequest<Incident>;

    /// A refusal is recorded, so that a row once refused stays refused when the job is run again.
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let row = std::task::ready!(self.read.poll_recv(cx));
        Poll::Ready(row.map(|Row { number, case, time, to, by }| {
            self.targets.put(self.taken, to);
            self.taken += 1;
            let command = self.host.instance(&case).command(&number.to_string()).at(time);
            command.record_rejection().for_batch(IncidentTrigger::Move { to, by })
        }))
    }
}

fn note(item: BatchItem<Incident>, targets: &Targets, tally: &mut Tally) -> Result<(), Failure> {
    let BatchItem { place, stream, outcome, .. } = item;
    let case = stream.instance.to_string();
    let why = match (outcome, targets.take(place)) {
        (BatchOutcome::Succeeded(_), _) => {
            tally.accepted += 1;
            tally.cases.insert(case);
            return Ok(());
        }
        (BatchOutcome::Failed(FireError::Rejected(rejection)), Some(to)) => {
            tally.reject(&rejection, to);
            tally.cases.insert(case);
            return Ok(());
        }
        (BatchOutcome::Failed(error), _) => Some(error),
        (BatchOutcome::Unknown(error), _) => error,
        (BatchOutcome::Skipped(_) | BatchOutcome::TimedOut(_), _) => None,
    };
    Err(Unsettled { case, why }.into())
}
