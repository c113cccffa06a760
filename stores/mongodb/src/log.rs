//! Reading the log, and emptying what was deleted. All of it is asked of the primary, with read concern `majority`.
//!
//! Nothing is appended here; see [`crate::writer`].

use crate::codec::{Row, behind_stream, head, record_key, stream_key};
use crate::link::{Counter, Link};
use futures_util::TryStreamExt;
use mongodb::Collection;
use mongodb::bson::{Document, doc};
use serde::Deserialize;
use statewright::store::{Cursor, Head, Kind, Page, Record, Revision, Shard, StoreError, StreamId};
use std::sync::Arc;

/// Records, and addresses, that one answer holds at the most, whatever the caller asks for.
const PAGE_MAX: usize = 10_000;

/// How often a page and the head behind it are read until they fit together.
const READS_MAX: u32 = 3;

#[derive(Deserialize)]
struct Last {
    revision: i64,
    kind: Kind,
}

#[derive(Deserialize)]
struct Address {
    tenant: Arc<str>,
    machine: Arc<str>,
    instance: Arc<str>,
}

fn page(limit: usize) -> i64 {
    i64::try_from(limit.min(PAGE_MAX)).unwrap_or(i64::MAX)
}

fn of_stream(stream: &StreamId) -> Document {
    doc! { "$gt": stream_key(stream), "$lt": behind_stream(stream) }
}

impl Link {
    pub(crate) async fn head(&self, stream: &StreamId) -> Result<Head, StoreError> {
        Ok(self.last(stream).await?.map_or_else(Head::default, |last| head(last.revision)))
    }

    async fn last(&self, stream: &StreamId) -> Result<Option<Last>, StoreError> {
        let records = self.records().clone_with_type::<Last>();
        let find = records.find_one(doc! { "key": of_stream(stream) }).sort(doc! { "key": -1 });
        let find = find.projection(doc! { "_id": 0, "revision": 1, "kind": 1 }).max_time(self.timeout);
        self.call("read a head", find).await
    }

    /// A full page is the same at the later moment of the head; a page that is not full tells the head itself.
    pub(crate) async fn read(
        &self,
        stream: &StreamId,
        after: Revision,
        limit: usize,
    ) -> Result<(Vec<Record>, Head), StoreError> {
        for _ in 0..READS_MAX {
            let records = self.behind(stream, after, limit).await?;
            match records.last() {
                Some(last) if records.len() < limit.min(PAGE_MAX) => {
                    let revision = last.revision.0.cast_signed();
                    return Ok((records, head(revision)));
                }
                None if after == Revision(0) && limit > 0 => return Ok((records, Head::default())),
                _ => {}
            }
            let end = self.head(stream).await?;
            if !records.is_empty() || limit == 0 || end.revision <= after {
                return Ok((records, end));
            }
        }
        Err(StoreError::Contended { stream: stream.clone(), tries: READS_MAX })
    }

    async fn behind(
        &self,
        stream: &StreamId,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let after = i64::try_from(after.0).unwrap_or(i64::MAX);
        let keys = doc! { "$gt": record_key(stream, after), "$lt": behind_stream(stream) };
        let rows = self.rows(doc! { "key": keys }, doc! { "key": 1 }, limit).await?;
        rows.into_iter().map(|row| row.record().map_err(|what| self.corrupt(what))).collect()
    }

    async fn rows(&self, filter: Document, order: Document, limit: usize) -> Result<Vec<Row>, StoreError> {
        let find = self.records();
        let read = async {
            let rows = find.find(filter).sort(order).limit(page(limit)).max_time(self.timeout).await?;
            rows.try_collect().await
        };
        self.call("read records", Box::pin(read)).await
    }

    pub(crate) async fn scan(&self, shard: Shard, after: &Cursor, limit: usize) -> Result<Page, StoreError> {
        if limit == 0 {
            return Ok(Page { records: Vec::new(), cursors: Vec::new(), next: after.clone() });
        }
        let from = i64::try_from(after.position()).unwrap_or(i64::MAX);
        let filter = doc! { "shard": i32::from(shard.0), "position": { "$gt": from } };
        let rows = self.rows(filter, doc! { "shard": 1, "position": 1 }, limit).await?;
        let cursors: Vec<_> = rows.iter().map(|row| Cursor::of(row.position.cast_unsigned())).collect();
        let records = rows.into_iter().map(|row| row.record().map_err(|what| self.corrupt(what)));
        let next = cursors.last().unwrap_or(after).clone();
        Ok(Page { records: records.collect::<Result<_, _>>()?, cursors, next })
    }

    pub(crate) async fn shard_end(&self, shard: Shard) -> Result<Cursor, StoreError> {
        let counters: Collection<Counter> = self.counters();
        let find = counters.find_one(doc! { "_id": i32::from(shard.0) }).max_time(self.timeout);
        let found = self.call("read a counter", find).await?;
        let counter = found.ok_or_else(|| self.corrupt(format!("shard {} has no counter", shard.0)))?;
        Ok(Cursor::of(counter.position.cast_unsigned()))
    }

    pub(crate) async fn streams(
        &self,
        shard: Shard,
        after: Option<&StreamId>,
        limit: usize,
    ) -> Result<Vec<StreamId>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let mut filter = doc! { "shard": i32::from(shard.0), "revision": 1_i64 };
        if let Some(after) = after {
            filter.insert("key", doc! { "$gt": behind_stream(after) });
        }
        let records = self.records().clone_with_type::<Address>();
        let read = async {
            let find = records.find(filter).sort(doc! { "shard": 1, "key": 1 }).limit(page(limit));
            let parts = doc! { "_id": 0, "tenant": 1, "machine": 1, "instance": 1 };
            find.projection(parts).max_time(self.timeout).await?.try_collect::<Vec<_>>().await
        };
        let found = self.call("list streams", Box::pin(read)).await?;
        let id = |Address { tenant, machine, instance }| StreamId { tenant, machine, instance };
        Ok(found.into_iter().map(id).collect())
    }

    /// Can be asked again when it was cut off: what is empty already is passed over.
    pub(crate) async fn erase(&self, stream: &StreamId) -> Result<(), StoreError> {
        let Some(Last { revision, kind: Kind::Deleted }) = self.last(stream).await? else { return Ok(()) };
        let keys = doc! { "$gt": stream_key(stream), "$lt": record_key(stream, revision) };
        let filter = doc! { "key": keys, "kind": { "$ne": Kind::Erased.name() } };
        let empty = doc! { "$set": {
            "kind": Kind::Erased.name(), "command": "", "trigger": "", "from": "", "to": "", "body": "{}",
        } };
        self.call("erase a stream", self.records().update_many(filter, empty)).await.map(|_| ())
    }
}
