//! One transaction: the counters of its shards first, then what is there, then what fits, then the commit.
//!
//! Whoever has raised a shard's counter has the shard until the transaction ends: another transaction that raises it
//! fails at once. So what is looked at behind it is the newest there is, commits of one shard follow each other, and
//! positions become visible in their order, without a hole. It tries nothing again.
//!
//! A transaction outlives its connection, and holds its shards for as long as the server lets it, a minute. So one that
//! was left without a word is ended by the next one in its session, and [`clear`] begins one for that alone.

use super::plan::{End, Plan, Wish};
use crate::codec::{Row, behind_stream, record_key, stream_key};
use crate::link::{COUNTERS, Counter, Link, durable};
use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::error::{Error, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT};
use mongodb::options::ReadConcern;
use mongodb::{ClientSession, Collection};
use serde::Deserialize;
use statewright::store::{Kind, StoreError, StreamId};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// How often a commit is asked for in a row before it is looked for.
const COMMITS_MAX: usize = 3;

/// How often the end of a transaction that was left is asked for: for about a minute, the longest that a server keeps one.
const CLEARS_MAX: usize = 60;

/// Keys that one look-up asks for at the most.
const KEYS_MAX: usize = 1_024;

/// Why a transaction was not carried out.
pub(super) enum Failed {
    /// Nothing was written, and trying again may help.
    Transient(StoreError),
    /// The commit was asked for and nobody knows what came of it.
    Lost(StoreError),
    /// Nothing was written.
    Other(StoreError),
}

/// How far a transaction has come, for whoever gives up waiting.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) committing: bool,
}

/// What is looked at of a record.
#[derive(Deserialize)]
struct Glimpse {
    key: String,
    revision: i64,
    kind: Kind,
}

pub(super) struct Transaction<'a> {
    link: &'a Link,
    session: &'a mut ClientSession,
}

type Step<T> = Result<T, Failed>;

impl<'a> Transaction<'a> {
    /// In a session in which an earlier one may have been left: the server ends that when it hears of this one.
    pub(super) async fn begin(link: &'a Link, session: &'a mut ClientSession) -> Step<Self> {
        // Says to the driver that the earlier one is over; whether the server hears of it does not matter.
        let _ = session.abort_transaction().await;
        let began =
            session.start_transaction().read_concern(ReadConcern::majority()).write_concern(durable());
        let began = began.max_commit_time(link.timeout).await;
        began.map_err(|error| failed(link, "begin a transaction", &error))?;
        Ok(Self { link, session })
    }

    /// Raises the counters, in the order of the shards, and tells where they stand then.
    pub(super) async fn raise(&mut self, by: &BTreeMap<i32, i64>) -> Step<BTreeMap<i32, i64>> {
        self.add(by).await?;
        let shards: Vec<i32> = by.keys().copied().collect();
        let counters: Collection<Counter> = self.link.counters();
        let found = async {
            let filter = doc! { "_id": { "$in": shards } };
            let mut cursor = counters.find(filter).session(&mut *self.session).await?;
            cursor.stream(&mut *self.session).try_collect::<Vec<Counter>>().await
        };
        let found = found.await.map_err(|error| failed(self.link, "read the counters", &error))?;
        Ok(found.into_iter().map(|counter| (counter.shard, counter.position)).collect())
    }

    /// Adds to counters, or with negative numbers takes back what was raised too much.
    pub(super) async fn add(&mut self, by: &BTreeMap<i32, i64>) -> Step<()> {
        let add = by.iter().map(|(shard, n)| {
            doc! { "q": { "_id": shard }, "u": { "$inc": { "position": n } } }
        });
        let command = doc! { "update": COUNTERS, "updates": add.collect::<Vec<_>>(), "ordered": true };
        let told = self.link.database.run_command(command).session(&mut *self.session).await;
        let told = told.map_err(|error| failed(self.link, "raise the counters", &error))?;
        let written = told.get_i32("n").ok().and_then(|n| usize::try_from(n).ok());
        if told.contains_key("writeErrors") || written != Some(by.len()) {
            return Err(Failed::Other(self.link.corrupt("a shard has no counter")));
        }
        Ok(())
    }

    /// Where the streams end that are wished for, as of now.
    pub(super) async fn ends(&mut self, wishes: &[Wish]) -> Step<HashMap<StreamId, End>> {
        let mut firsts: HashMap<&StreamId, i64> = HashMap::with_capacity(wishes.len());
        for wish in wishes {
            firsts.entry(&wish.prepared.stream).or_insert(wish.prepared.after());
        }
        let keys = firsts.iter().flat_map(|(stream, after)| {
            [record_key(stream, *after), record_key(stream, after.saturating_add(1))]
        });
        let found = self.glimpse(keys.collect()).await?;
        let mut ends = HashMap::with_capacity(firsts.len());
        for (stream, after) in firsts {
            let last = found.get(&record_key(stream, after));
            let followed = found.contains_key(&record_key(stream, after.saturating_add(1)));
            let end = match last {
                _ if followed => self.end(stream).await?,
                Some(kind) => End { revision: after, deleted: *kind == Kind::Deleted },
                None => self.end(stream).await?,
            };
            ends.insert(stream.clone(), end);
        }
        Ok(ends)
    }

    async fn glimpse(&mut self, keys: Vec<String>) -> Step<HashMap<String, Kind>> {
        let records = self.link.records().clone_with_type::<Glimpse>();
        let mut found = HashMap::with_capacity(keys.len());
        for keys in keys.chunks(KEYS_MAX) {
            let read = async {
                let filter = doc! { "key": { "$in": keys } };
                let find = records.find(filter).projection(glimpsed()).max_time(self.link.timeout);
                let mut cursor = find.session(&mut *self.session).await?;
                cursor.stream(&mut *self.session).try_collect::<Vec<Glimpse>>().await
            };
            let page = read.await.map_err(|error| failed(self.link, "look at what is there", &error))?;
            found.extend(page.into_iter().map(|glimpse| (glimpse.key, glimpse.kind)));
        }
        Ok(found)
    }

    async fn end(&mut self, stream: &StreamId) -> Step<End> {
        let records = self.link.records().clone_with_type::<Glimpse>();
        let filter = doc! { "key": { "$gt": stream_key(stream), "$lt": behind_stream(stream) } };
        let find = records.find_one(filter).sort(doc! { "key": -1 }).projection(glimpsed());
        let last = find.session(&mut *self.session).await;
        let last = last.map_err(|error| failed(self.link, "find the end of a stream", &error))?;
        Ok(last.map_or_else(End::default, |last| End {
            revision: last.revision,
            deleted: last.kind == Kind::Deleted,
        }))
    }

    /// Those of the records that are there, whole.
    pub(super) async fn rows(&mut self, keys: Vec<String>) -> Step<Vec<Row>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let read = async {
            let find = self.link.records();
            let find = find.find(doc! { "key": { "$in": keys } }).max_time(self.link.timeout);
            let mut cursor = find.session(&mut *self.session).await?;
            cursor.stream(&mut *self.session).try_collect::<Vec<Row>>().await
        };
        read.await.map_err(|error| failed(self.link, "look for what was committed", &error))
    }

    pub(super) async fn insert(&mut self, plan: &Plan, wishes: &[Wish]) -> Step<()> {
        let rows: Vec<&Row> = plan.fitting(wishes).flat_map(|wish| &wish.prepared.rows).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let inserted = self.link.records().insert_many(rows).session(&mut *self.session).await;
        inserted.map(|_| ()).map_err(|error| failed(self.link, "insert records", &error))
    }

    pub(super) async fn commit(self) -> Step<()> {
        let mut asked = 0;
        loop {
            asked += 1;
            match self.session.commit_transaction().await {
                Ok(()) => return Ok(()),
                Err(error)
                    if asked < COMMITS_MAX && error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) => {}
                Err(error) => return Err(Failed::Lost(self.link.failed("commit", &error))),
            }
        }
    }
}

/// Ends what may have been left in a session, as soon as the server hears of it; a server that hears nothing ends it by
/// itself.
pub(super) async fn clear(link: Link, mut session: ClientSession) {
    let pauses = ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(10))
        .with_max_delay(Duration::from_secs(1))
        .with_max_times(CLEARS_MAX)
        .build();
    for pause in pauses {
        if Transaction::begin(&link, &mut session).await.is_ok() {
            let counters: Collection<Counter> = link.counters();
            let look = counters.find_one(doc! {}).max_time(link.timeout).session(&mut session);
            if link.call("end what was left", look).await.is_ok() {
                let _ = session.abort_transaction().await;
                return;
            }
        }
        tokio::time::sleep(pause).await;
    }
}

fn glimpsed() -> Document {
    doc! { "_id": 0, "key": 1, "revision": 1, "kind": 1 }
}

fn failed(link: &Link, doing: &'static str, error: &Error) -> Failed {
    let said = link.failed(doing, error);
    if error.contains_label(TRANSIENT_TRANSACTION_ERROR) || said.is_retryable() {
        Failed::Transient(said)
    } else {
        Failed::Other(said)
    }
}
