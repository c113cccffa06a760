//! Batches: every request has one result, whatever happens; what is recorded is reported, and nothing twice.

mod atomic;
mod ends;
mod generated;
mod results;
mod retried;
mod streamed;

use statewright::host::{BatchItem, BatchOutcome, BatchRequest};
use statewright::store::{Cursor, Shard, Store};
use statewright_tests::{Door, DoorTrigger};

/// Requests with the command ids 0, 1, 2 and so on.
fn numbered(asked: impl IntoIterator<Item = (&'static str, DoorTrigger)>) -> Vec<BatchRequest<Door>> {
    let request = |(n, (id, trigger)): (usize, _)| BatchRequest::new(id, trigger).command(&n.to_string());
    asked.into_iter().enumerate().map(request).collect()
}

/// Instance and command id of every record, in the order of the shards.
async fn records(store: &impl Store) -> Vec<(String, String)> {
    let mut records = Vec::new();
    for shard in 0..store.limits().shards {
        let page = store.scan(Shard(shard), &Cursor::default(), 100_000).await.expect("it reads");
        records.extend(page.records.into_iter().map(|record| {
            let (instance, command) = (record.stream.instance.to_string(), record.step.command.to_string());
            (instance, command)
        }));
    }
    records
}

/// One word for each outcome.
fn words(items: &[BatchItem<Door>]) -> Vec<&'static str> {
    items.iter().map(word).collect()
}

fn word(item: &BatchItem<Door>) -> &'static str {
    match &item.outcome {
        BatchOutcome::Succeeded(fired) if fired.duplicate => "duplicate",
        BatchOutcome::Succeeded(_) => "succeeded",
        BatchOutcome::Failed(_) => "failed",
        BatchOutcome::Skipped(_) => "skipped",
        BatchOutcome::TimedOut(_) => "timed out",
        BatchOutcome::Unknown(_) => "unknown",
    }
}
