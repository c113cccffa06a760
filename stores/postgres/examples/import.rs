//! How quickly records come from `SQLite` to PostgreSQL: `cargo run --release -p statewright-postgres --example import`.
//!
//! The server is the one that `DATABASE_URL` names, or a private one. Two logs of 200,000 records in 20,000 streams are moved,
//! of fewer or more streams if a number is given: one whose streams were written one after the other, and one in which they
//! grew all at once.

use statewright::copy;
use statewright::store::{
    Append, Head, Outcome, Payload, RecordedEvent, RecordedStep, Revision, Store, StreamId, Unit,
};
use statewright_postgres::Options;
use statewright_sqlite::SqliteStore;
use std::error::Error;
use std::sync::Arc;
use std::time::Instant;
use tokio_postgres::NoTls;

const STREAMS: u64 = 20_000;

/// Records of each stream.
const STEPS: u64 = 10;

/// Streams that are written in one call to the source.
const BATCH: u64 = 1_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let streams = std::env::args().nth(1).map_or(Ok(STREAMS), |streams| streams.parse())?;
    let server = statewright_services::postgres()?;
    let folder = tempfile::tempdir()?;
    for (name, steps) in [("one_after_the_other", STEPS), ("all_at_once", 1)] {
        let source = Arc::new(SqliteStore::open(folder.path().join(name))?);
        fill(&source, streams, steps).await?;
        let schema = format!("import_{name}_{}", std::process::id());
        let options = Options::from_url(server.url())?.schema(&schema);
        options.create().await?;
        let target = Arc::new(options.open().await?);
        let moving = copy(source, Arc::clone(&target));
        let records = streams * STEPS;
        let began = Instant::now();
        assert_eq!(moving.catch_up().await?.records, records);
        tell(name, "catch_up", records, began);
        let began = Instant::now();
        assert_eq!(moving.catch_up().await?.records, 0);
        tell(name, "again", records, began);
        let began = Instant::now();
        assert_eq!(moving.verify().await?.records, records);
        tell(name, "verify", records, began);
        let (client, connection) = tokio_postgres::connect(server.url(), NoTls).await?;
        tokio::spawn(connection);
        client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await?;
    }
    Ok(())
}

/// `at_once` steps of each stream, then the next of each, until all have all.
async fn fill(source: &SqliteStore, streams: u64, at_once: u64) -> Result<(), Box<dyn Error + Send + Sync>> {
    for after in (0..STEPS).step_by(usize::try_from(at_once)?) {
        for first in (0..streams).step_by(usize::try_from(BATCH)?) {
            let append = |n| {
                let stream = StreamId::new("", "Order", &format!("order-{n}"));
                let steps = (0..at_once).map(|step| step_of(&format!("{n}-{after}-{step}"))).collect();
                Append { stream, after: Head { revision: Revision(after), token: after }, steps }
            };
            let batch = (first..streams.min(first + BATCH)).map(append).collect();
            let outcomes = source.append(batch, Unit::Each).await;
            assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Appended(_))));
        }
    }
    Ok(())
}

/// About 300 bytes.
fn step_of(command: &str) -> RecordedStep {
    let mut step = RecordedStep { command: command.into(), trigger: "Pay".into(), ..RecordedStep::default() };
    (step.from, step.to) = ("Open".into(), "Paid".into());
    let payload = Payload::of(&"x".repeat(200)).unwrap_or_default();
    step.body.events.push(RecordedEvent { name: "order.paid".into(), version: 1, payload });
    step
}

fn tell(log: &str, what: &str, records: u64, began: Instant) {
    let (seconds, millis) = (began.elapsed().as_secs_f64(), began.elapsed().as_millis());
    #[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
    let pace = records as f64 / seconds;
    println!("{log} {what}: {records} records in {millis} ms, {pace:.0}/s");
}
