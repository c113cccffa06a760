//! How those who wait for a shard to grow are told.
//!
//! What this process appends wakes them at once. For what others append, one of those who wait asks for the ends of all
//! shards in one query, and tells everybody: the cost does not grow with how many wait. It asks soon again while something
//! happens, and ever more rarely while nothing does.

use crate::error::CosmosFailure;
use crate::keys::ORDER;
use crate::statistics::add;
use crate::store::Core;
use azure_data_cosmos::Query;
use azure_data_cosmos::feed::FeedScope;
use serde::Deserialize;
use statewright::store::{Cursor, Shard, StoreError};
use std::time::Duration;
use tokio::time::Instant;

/// When to ask next. Whoever holds it asks.
pub(crate) struct Pace {
    next: Instant,
    pause: Duration,
    min: Duration,
    max: Duration,
}

#[derive(Deserialize)]
struct End {
    shard: String,
    newest: u64,
}

impl Pace {
    /// Between these pauses.
    pub(crate) fn between(min: Duration, max: Duration) -> Self {
        Self { next: Instant::now(), pause: min, min, max: max.max(min) }
    }

    fn after(&mut self, has_grown: bool) {
        self.pause = if has_grown { self.min } else { (self.pause * 2).min(self.max) };
        self.next = Instant::now() + self.pause;
    }
}

impl Core {
    pub(crate) async fn changed(&self, shard: Shard, after: &Cursor) -> Result<(), StoreError> {
        let Some(runway) = self.runway(shard) else { return std::future::pending().await };
        let mut tail = runway.tail.subscribe();
        while *tail.borrow_and_update() <= after.position() {
            tokio::select! {
                // The runway outlives this call, so its sender does too.
                _ = tail.changed() => {}
                asked = self.ask() => asked.map_err(|failure| failure.of(&self.name, "ask for what is new"))?,
            }
        }
        Ok(())
    }

    /// Waits for its turn and for the time, then asks for everybody. Broken off, it leaves the time as it is.
    async fn ask(&self) -> Result<(), CosmosFailure> {
        let mut pace = self.pace.lock().await;
        tokio::time::sleep_until(pace.next).await;
        add(&self.client.counts.polls, 1);
        let query = Query::from("SELECT c.shard, c.newest FROM c WHERE c.id = @id");
        let query = query.with_parameter("@id", ORDER).map_err(CosmosFailure::answered)?;
        let ends = self.client.query::<End>(FeedScope::full_container(), query, self.runways.len()).await;
        let mut has_grown = false;
        for end in ends.as_ref().map_or(&[][..], Vec::as_slice) {
            let runway = end.shard.parse().ok().and_then(|shard| self.runway(Shard(shard)));
            has_grown |= runway.is_some_and(|runway| runway.grown(end.newest));
        }
        pace.after(has_grown);
        ends.map(drop)
    }
}
