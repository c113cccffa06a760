//! What was, asked of one instance with a million records and a history snapshot every hundred.

use crate::Failure;
use crate::machine::{Added, Counter, note};
use jiff::Timestamp;
use statewright::Repository;
use statewright::history::History;
use statewright::store::{
    Append, Head, Outcome, Payload, RecordedEvent, RecordedStep, Revision, Store, StreamId, Unit,
};
use statewright_sqlite::SqliteStore;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const RECORDS: u64 = 1_000_000;
const EVERY: NonZeroU64 = NonZeroU64::MIN.saturating_add(99);
/// Questions of each kind, at random moments.
const ASKED: usize = 1_000;

pub(crate) async fn run() -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let store = Arc::new(SqliteStore::open(folder.path().join("bench.db"))?);
    let repository = Repository::<Counter>::new(Arc::clone(&store));
    let stream = repository.stream("", "long");
    fill(&store, &stream).await?;
    let history = repository.history(&stream);
    let began = Instant::now();
    let written = history.checkpoint(EVERY).await?;
    println!("\n{written} snapshots of {RECORDS} records in {:?}", began.elapsed());
    println!("{:<32} {:>12} {:>12} {:>12}", "history", "median, µs", "99 %, µs", "most, µs");
    let mut rng = fastrand::Rng::with_seed(1);
    let mut revision = || rng.u64(1..=RECORDS);
    let mut times = Vec::new();
    for _ in 0..ASKED {
        let (asked, began) = (time(revision())?, Instant::now());
        history.state_at(asked).await?;
        times.push(began.elapsed());
    }
    show("state_at", &mut times);
    for _ in 0..ASKED {
        let (asked, began) = (time(revision())?, Instant::now());
        history.data_at(asked).await?;
        times.push(began.elapsed());
    }
    show("data_at a time", &mut times);
    for _ in 0..ASKED {
        let (asked, began) = (Revision(revision()), Instant::now());
        history.data_at(asked).await?;
        times.push(began.elapsed());
    }
    show("data_at a revision", &mut times);
    spans(&history).await
}

async fn spans(history: &History<Counter>) -> Result<(), Failure> {
    for (name, from) in [("distribution, all", 0), ("distribution, the last 1,000", RECORDS - 1_000)] {
        let began = Instant::now();
        history.distribution(time(from)?, time(RECORDS)?).await?;
        show(name, &mut vec![began.elapsed()]);
    }
    Ok(())
}

/// A record each second.
fn time(revision: u64) -> Result<Timestamp, Failure> {
    Ok(Timestamp::from_second(i64::try_from(revision)?)?)
}

async fn fill(store: &SqliteStore, stream: &StreamId) -> Result<(), Failure> {
    let mut head = Head::default();
    while head.revision.0 < RECORDS {
        let steps = (head.revision.0 + 1..=RECORDS).take(1_000).map(step).collect::<Result<_, _>>()?;
        let append = Append { stream: stream.clone(), after: head, steps };
        match store.append(vec![append], Unit::Each).await.pop() {
            Some(Outcome::Appended(next)) => head = next,
            other => return Err(format!("{other:?}").into()),
        }
    }
    Ok(())
}

fn step(revision: u64) -> Result<RecordedStep, Failure> {
    let (from, to) = if revision.is_multiple_of(2) { ("Odd", "Even") } else { ("Even", "Odd") };
    let mut step = RecordedStep {
        at: time(revision)?,
        command: revision.to_string().into(),
        trigger: "Add".into(),
        from: from.into(),
        to: to.into(),
        ..RecordedStep::default()
    };
    let payload = Payload::of(&Added { n: revision, note: note() })?;
    step.body.events.push(RecordedEvent { name: "counter.added".into(), version: 1, payload });
    Ok(step)
}

fn show(name: &str, times: &mut Vec<Duration>) {
    times.sort_unstable();
    let at = |share: usize| times.get((times.len() - 1) * share / 100).map_or(0, Duration::as_micros);
    println!("{name:<32} {:>12} {:>12} {:>12}", at(50), at(99), at(100));
    times.clear();
}
