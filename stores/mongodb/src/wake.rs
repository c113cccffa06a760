//! Who waits for a shard to grow is woken: by this handle's own commits, by the server's change stream over the counters,
//! or where it has none by looking at them again and again.
//!
//! A wake-up says that there is something; what there is says the log alone.

use crate::link::{Counter, Link};
use crate::statistics::Counts;
use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::change_stream::ChangeStream;
use statewright::store::{Shard, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long the server keeps a question for changes open.
const AWAIT: Duration = Duration::from_secs(1);

/// How often the counters are looked at where there is no change stream.
const POLL_EVERY: Duration = Duration::from_millis(100);

/// How often a change stream is asked for again where there is none.
const REOPEN_EVERY: Duration = Duration::from_secs(10);

/// The highest position known of each shard.
#[derive(Clone, Debug)]
pub(crate) struct Wake(Arc<[watch::Sender<i64>]>);

impl Wake {
    pub(crate) fn new(shards: u16) -> Self {
        Self((0..shards).map(|_| watch::Sender::new(0)).collect())
    }

    /// A shard has come to a position.
    pub(crate) fn reached(&self, shard: i32, position: i64) {
        if let Some(known) = usize::try_from(shard).ok().and_then(|shard| self.0.get(shard)) {
            known.send_if_modified(|known| {
                let grown = *known < position;
                *known = (*known).max(position);
                grown
            });
        }
    }

    /// Returns when a shard is known to have come further.
    pub(crate) async fn behind(&self, shard: Shard, position: u64, link: &Link) -> Result<(), StoreError> {
        let known = self.0.get(usize::from(shard.0)).ok_or_else(|| link.corrupt("there is no such shard"))?;
        let further = known.subscribe().wait_for(|known| known.cast_unsigned() > position).await.is_ok();
        if further { Ok(()) } else { Err(link.closed()) }
    }
}

/// Watches until it is aborted.
pub(crate) async fn watch(link: Link, counts: Arc<Counts>, wake: Wake) {
    loop {
        match open(&link).await {
            Ok(stream) => {
                counts.change_streams.add(1);
                // What happened before the stream began is in the counters.
                if poll(&link, &counts, &wake).await {
                    follow(stream, &link, &wake).await;
                }
            }
            Err(error) => {
                tracing::debug!(store = %link.name, %error, "no change stream; the counters are looked at instead");
            }
        }
        let reopen = Instant::now() + REOPEN_EVERY;
        while Instant::now() < reopen {
            poll(&link, &counts, &wake).await;
            tokio::time::sleep(POLL_EVERY).await;
        }
    }
}

async fn open(link: &Link) -> Result<ChangeStream<Document>, StoreError> {
    let counters = link.counters();
    let updates = [doc! { "$match": { "operationType": "update" } }];
    let opened = link.call("open a change stream", counters.watch().pipeline(updates).max_await_time(AWAIT));
    Ok(opened.await?.with_type())
}

/// Whether the counters were read.
async fn poll(link: &Link, counts: &Counts, wake: &Wake) -> bool {
    counts.polls.add(1);
    let counters = link.counters();
    let read = async {
        let found = counters.find(doc! {}).max_time(link.timeout).await?;
        found.try_collect::<Vec<Counter>>().await
    };
    match link.call("read the counters", Box::pin(read)).await {
        Ok(found) => {
            for counter in found {
                wake.reached(counter.shard, counter.position);
            }
            true
        }
        Err(error) => {
            tracing::debug!(store = %link.name, %error, "the counters were not read");
            false
        }
    }
}

/// Until the stream fails.
async fn follow(mut stream: ChangeStream<Document>, link: &Link, wake: &Wake) {
    let patience = link.timeout + AWAIT;
    while stream.is_alive() {
        match tokio::time::timeout(patience, stream.next_if_any()).await {
            Ok(Ok(Some(change))) => {
                if let Some((shard, position)) = read_change(&change) {
                    wake.reached(shard, position);
                }
            }
            Ok(Ok(None)) => {}
            Ok(Err(error)) => {
                let error = link.failed("follow a change stream", &error);
                tracing::debug!(store = %link.name, %error, "the change stream ended");
                return;
            }
            Err(_) => return,
        }
    }
}

fn read_change(change: &Document) -> Option<(i32, i64)> {
    let shard = change.get_document("documentKey").ok()?.get_i32("_id").ok()?;
    let fields = change.get_document("updateDescription").ok()?.get_document("updatedFields").ok()?;
    Some((shard, fields.get_i64("position").ok()?))
}

#[cfg(test)]
mod tests {
    use super::read_change;
    use mongodb::bson::doc;

    #[test]
    fn a_change_of_a_counter_tells_shard_and_position() {
        let change = doc! {
            "documentKey": { "_id": 3 },
            "updateDescription": { "updatedFields": { "position": 12_i64 } },
        };
        assert_eq!(read_change(&change), Some((3, 12)));
        assert_eq!(read_change(&doc! { "documentKey": { "_id": "cells" } }), None);
    }
}
