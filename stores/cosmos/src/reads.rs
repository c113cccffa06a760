//! Streams, the order of a shard, and what is listed of them.
//!
//! Everything is found through an index of one partition: records of a stream by their ids, the order by positions, streams
//! by their sort keys. Nothing is kept in memory between calls.

use crate::append::head;
use crate::error::{CosmosFailure, corrupt};
use crate::items::{AddressItem, END, HeadItem, OrderItem, RecordItem};
use crate::keys::{ORDER, partition, record_id, records_end, stream_digest, stream_sort_key};
use crate::runway::Order;
use crate::store::Core;
use azure_data_cosmos::feed::FeedScope;
use azure_data_cosmos::{Query, TransactionalBatch};
use serde::Deserialize;
use statewright::store::{Cursor, Head, Kind, Page, Record, Revision, Shard, StoreError, StreamId};

/// Records that are erased in one batch.
const ERASED_MAX: usize = 50;

/// Where a stream ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    pub(crate) revision: Revision,
    /// Nothing fits behind it any more.
    pub(crate) is_gone: bool,
}

#[derive(Deserialize)]
struct Stamped {
    stamp: String,
}

impl Core {
    /// The order item of a shard.
    pub(crate) async fn read_order(&self, shard: Shard) -> Result<Order, CosmosFailure> {
        let found = self.client.read::<OrderItem>(&partition(shard), ORDER).await?;
        Ok(found.map_or(Order { etag: None, end: 0 }, |(item, etag)| Order {
            etag: Some(etag),
            end: item.newest,
        }))
    }

    /// Whose write a record is; `None` when it is not there.
    pub(crate) async fn stamp_of(&self, shard: Shard, id: &str) -> Result<Option<String>, CosmosFailure> {
        Ok(self.client.read::<Stamped>(&partition(shard), id).await?.map(|(item, _)| item.stamp))
    }

    /// The end of a stream.
    pub(crate) async fn look_at_head(&self, shard: Shard, digest: &str) -> Result<Position, CosmosFailure> {
        let text =
            "SELECT TOP 1 c.kind, c.revision FROM c WHERE c.id > @after AND c.id < @end ORDER BY c.id DESC";
        let query = within(text, &record_id(digest, Revision(0)), &records_end(digest))?;
        let found = self.client.query::<HeadItem>(scope(shard), query, 1).await?;
        Ok(found.first().map_or(Position { revision: Revision(0), is_gone: false }, |item| {
            let is_gone = item.kind == END;
            Position { revision: Revision(item.revision - u64::from(is_gone)), is_gone }
        }))
    }

    pub(crate) async fn head(&self, stream: &StreamId) -> Result<Head, StoreError> {
        let position = self.look_at_head(self.shard(stream), &stream_digest(stream)).await;
        let position = position.map_err(|failure| failure.of(&self.name, "look at the head of a stream"))?;
        Ok(head(position.revision))
    }

    pub(crate) async fn read(
        &self,
        stream: &StreamId,
        after: Revision,
        limit: usize,
    ) -> Result<(Vec<Record>, Head), StoreError> {
        let digest = stream_digest(stream);
        let text = format!("SELECT TOP {limit} * FROM c WHERE c.id > @after AND c.id < @end ORDER BY c.id");
        let items = self.records(stream, &text, (&digest, after), limit).await?;
        let is_whole = items.len() < limit;
        let last = items.last().map(|item| item.revision - u64::from(item.kind == END));
        let records = items.into_iter().filter(|item| item.kind != END);
        let records: Vec<_> = records.map(|item| self.record(item)).collect::<Result<_, _>>()?;
        let newest = match last {
            Some(revision) if is_whole => head(Revision(revision)),
            None if is_whole && after == Revision(0) => Head::default(),
            // Records that were read stand for ever, so a head that is looked up later fits them.
            _ => self.head(stream).await?,
        };
        Ok((records, newest))
    }

    pub(crate) async fn scan(&self, shard: Shard, after: &Cursor, limit: usize) -> Result<Page, StoreError> {
        let text = format!("SELECT TOP {limit} * FROM c WHERE c.position > @after ORDER BY c.position");
        let query = Query::from(text).with_parameter("@after", after.position());
        let items = self.find::<RecordItem>(shard, query, limit, "read the order of a shard").await?;
        let cursors: Vec<_> =
            items.iter().map(|item| Cursor::of(item.position.unwrap_or_default())).collect();
        let records = items.into_iter().map(|item| self.record(item)).collect::<Result<_, _>>()?;
        let next = cursors.last().unwrap_or(after).clone();
        Ok(Page { records, cursors, next })
    }

    pub(crate) async fn end(&self, shard: Shard) -> Result<Cursor, StoreError> {
        let order = self.read_order(shard).await;
        let order = order.map_err(|failure| failure.of(&self.name, "look at the end of a shard"))?;
        Ok(Cursor::of(order.end))
    }

    pub(crate) async fn streams(
        &self,
        shard: Shard,
        after: Option<&StreamId>,
        limit: usize,
    ) -> Result<Vec<StreamId>, StoreError> {
        let text = format!(
            "SELECT TOP {limit} c.tenant, c.machine, c.instance FROM c WHERE c.stream > @after ORDER BY c.stream"
        );
        let after = after.map(stream_sort_key).unwrap_or_default();
        let query = Query::from(text).with_parameter("@after", after);
        let items = self.find::<AddressItem>(shard, query, limit, "list streams").await?;
        Ok(items.iter().map(AddressItem::stream).collect())
    }

    /// Empties what stands before a deletion, some records at a time. A repeated or broken off call goes on with what is
    /// left.
    pub(crate) async fn erase(&self, stream: &StreamId) -> Result<(), StoreError> {
        const DOING: &str = "erase a stream";
        let (shard, digest) = (self.shard(stream), stream_digest(stream));
        let end = self.look_at_head(shard, &digest).await.map_err(|failure| failure.of(&self.name, DOING))?;
        if !end.is_gone {
            return Ok(());
        }
        let text = format!(
            "SELECT TOP {ERASED_MAX} c.id, c.shard, c.kind, c.revision, c.position, c.stream, c.tenant, c.machine, c.instance, c.at \
             FROM c WHERE c.id > @after AND c.id < @end AND c.kind != '{}' ORDER BY c.id",
            Kind::Erased.name()
        );
        let mut after = Revision(0);
        loop {
            let mut items = self.records(stream, &text, (&digest, after), ERASED_MAX).await?;
            let Some(last) = items.last().map(|item| Revision(item.revision)) else { return Ok(()) };
            items.retain(|item| item.kind != END && item.revision < end.revision.0);
            if !items.is_empty() {
                self.empty(shard, items).await.map_err(|failure| failure.of(&self.name, DOING))?;
            }
            after = last;
        }
    }

    async fn empty(&self, shard: Shard, items: Vec<RecordItem>) -> Result<(), CosmosFailure> {
        let mut batch = TransactionalBatch::new(partition(shard));
        for item in items.into_iter().map(RecordItem::erased) {
            batch = batch.replace_item(item.id.clone(), item, None).map_err(CosmosFailure::answered)?;
        }
        let results = self.client.batch(batch).await?;
        match results.iter().find(|result| !result.is_success() && result.status_code() != 424) {
            None => Ok(()),
            Some(result) => Err(CosmosFailure::Operation {
                status: result.status_code(),
                sub_status: result.substatus_code().unwrap_or_default(),
            }),
        }
    }

    async fn records(
        &self,
        stream: &StreamId,
        text: &str,
        (digest, after): (&str, Revision),
        limit: usize,
    ) -> Result<Vec<RecordItem>, StoreError> {
        let query = within(text, &record_id(digest, after), &records_end(digest));
        let query = query.map_err(|failure| failure.of(&self.name, "read a stream"))?;
        self.find(self.shard(stream), Ok(query), limit, "read a stream").await
    }

    async fn find<T: serde::de::DeserializeOwned + Send + 'static>(
        &self,
        shard: Shard,
        query: azure_data_cosmos::Result<Query>,
        limit: usize,
        doing: &'static str,
    ) -> Result<Vec<T>, StoreError> {
        let query = query.map_err(|error| CosmosFailure::answered(error).of(&self.name, doing))?;
        let found = self.client.query(scope(shard), query, limit).await;
        found.map_err(|failure| failure.of(&self.name, doing))
    }

    fn record(&self, item: RecordItem) -> Result<Record, StoreError> {
        item.into_record().map_err(|what| corrupt(&self.name, what))
    }
}

pub(crate) fn scope(shard: Shard) -> FeedScope {
    FeedScope::partition(partition(shard))
}

fn within(text: &str, after: &str, end: &str) -> Result<Query, CosmosFailure> {
    Query::from(text)
        .with_parameter("@after", after)
        .and_then(|query| query.with_parameter("@end", end))
        .map_err(CosmosFailure::answered)
}
