//! The store itself: the contract over one connection.

use crate::append::BATCH_MAX;
use crate::error::NatsError;
use crate::link::Link;
use crate::options::Options;
use crate::places::Places;
use crate::schema::Made;
use crate::statistics::Statistics;
use crate::streams::Listing;
use crate::subject::Subjects;
use futures_core::future::BoxFuture;
use statewright::store::{
    Answer, Append, Atomic, Cell, CellKey, Cursor, Head, Limits, Outcome, Page, Put, Record, Revision, Shard,
    Store, StoreError, StreamId, Unit,
};
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Atomic batches of one handle that are under way at once; a server takes 50 of one stream, of all hosts together.
const BATCHES_MAX: usize = 16;

/// Most bytes of a step, whatever the server takes.
const STEP_BYTES_MAX: usize = 512 << 10;

/// Instances in a stream of NATS JetStream. Opened by [`Options`].
pub struct NatsStore {
    pub(crate) link: Link,
    pub(crate) subjects: Subjects,
    pub(crate) limits: Limits,
    pub(crate) payload_max: usize,
    pub(crate) in_flight: Semaphore,
    pub(crate) batches: Semaphore,
    pub(crate) places: Places,
    pub(crate) listed: Mutex<Option<Listing>>,
    stay_a_while: bool,
}

impl NatsStore {
    pub(crate) fn new(options: &Options, link: Link, made: Made) -> Self {
        // Half of a message is for names, for what JSON escapes, and for headers.
        let half = made.payload_max / 2;
        Self {
            link,
            subjects: made.subjects,
            limits: Limits {
                shards: made.shards,
                atomic: Atomic::Store,
                step_bytes_max: STEP_BYTES_MAX.min(half),
                steps_max: BATCH_MAX,
                cell_bytes_max: half,
                exclusive: false,
            },
            payload_max: made.payload_max,
            in_flight: Semaphore::new(options.in_flight_max),
            batches: Semaphore::new(BATCHES_MAX),
            places: Places::new(),
            listed: Mutex::new(None),
            stay_a_while: options.stay_a_while,
        }
    }

    /// Whether both streams have a leader that answers and hears of most of its peers, within the time of a call.
    pub async fn is_healthy(&self) -> bool {
        let asked = async {
            for stream in [self.subjects.log().to_owned(), self.subjects.shelf()] {
                if !matches!(self.link.info(&stream).await, Ok(Some(_))) {
                    return false;
                }
            }
            true
        };
        timeout(self.link.call_max, asked).await.unwrap_or(false)
    }

    /// What this handle has counted.
    pub fn statistics(&self) -> Statistics {
        let connects = self.link.client.statistics().connects.load(Ordering::Relaxed);
        self.link.counters.read(connects)
    }

    /// Ends the connection, behind what was sent. What still waits for an answer may lose it.
    ///
    /// # Errors
    /// It could not be told to the connection, or took longer than a call may.
    pub async fn close(self) -> Result<(), StoreError> {
        let failed = |error: NatsError| error.store(&self.link.store, "close");
        let flushed = timeout(self.link.call_max, self.link.client.flush()).await;
        let flushed = flushed.map_err(|_| failed(NatsError::TimedOut { after: self.link.call_max }))?;
        flushed.map_err(|error| failed(NatsError::Connection(Box::new(error))))?;
        let drained = self.link.client.drain().await;
        drained.map_err(|error| failed(NatsError::Connection(Box::new(error))))
    }

    /// A call with its time, whatever it is made of.
    fn timed<'a, T: Send + 'a>(
        &'a self,
        doing: &'static str,
        call: impl Future<Output = Result<T, StoreError>> + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            let after = self.link.call_max;
            let late = |_| NatsError::TimedOut { after }.store(&self.link.store, doing);
            timeout(after, call).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
        })
    }

    pub(crate) fn subject(&self, stream: &StreamId) -> Result<String, StoreError> {
        self.subjects.of(self.shard(stream), stream).map_err(|error| self.unnamed(error))
    }
}

impl fmt::Debug for NatsStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsStore").field("place", &self.link.store).finish_non_exhaustive()
    }
}

impl Store for NatsStore {
    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn append(&self, batch: Vec<Append>, unit: Unit) -> BoxFuture<'_, Vec<Outcome>> {
        match unit {
            Unit::Each => Box::pin(self.append_each(batch)),
            Unit::Batch => Box::pin(self.append_batch(batch)),
        }
    }

    fn head<'a>(&'a self, stream: &'a StreamId) -> Answer<'a, Head> {
        self.timed("read a head", self.read_head(stream))
    }

    fn read<'a>(
        &'a self,
        stream: &'a StreamId,
        after: Revision,
        limit: usize,
    ) -> Answer<'a, (Vec<Record>, Head)> {
        self.timed("read a stream", self.read_stream(stream, after, limit))
    }

    fn scan<'a>(&'a self, shard: Shard, after: &'a Cursor, limit: usize) -> Answer<'a, Page> {
        self.timed("scan a shard", self.scan_shard(shard, after, limit))
    }

    fn end(&self, shard: Shard) -> Answer<'_, Cursor> {
        self.timed("find the end of a shard", async move {
            let last = self.last(&self.subjects.of_shard(shard)).await?;
            Ok(last.map(|last| Cursor::of(last.sequence)).unwrap_or_default())
        })
    }

    fn changed<'a>(&'a self, shard: Shard, after: &'a Cursor) -> Answer<'a, ()> {
        Box::pin(self.wait_for(shard, after))
    }

    fn streams<'a>(
        &'a self,
        shard: Shard,
        after: Option<&'a StreamId>,
        limit: usize,
    ) -> Answer<'a, Vec<StreamId>> {
        self.timed("list streams", self.list_streams(shard, after, limit))
    }

    fn erase<'a>(&'a self, stream: &'a StreamId) -> Answer<'a, ()> {
        Box::pin(self.erase_stream(stream))
    }

    fn get<'a>(&'a self, keys: &'a [CellKey]) -> Answer<'a, Vec<Cell>> {
        self.timed("read cells", self.get_cells(keys))
    }

    fn put(&self, puts: Vec<Put>) -> Answer<'_, Vec<Option<u64>>> {
        self.timed("write cells", self.put_cells(puts))
    }

    fn list<'a>(
        &'a self,
        shard: Shard,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> Answer<'a, Vec<Cell>> {
        self.timed("list cells", self.list_cells(shard, prefix, after, limit))
    }

    fn scrub(&self) -> Answer<'_, ()> {
        let kept = || NatsError::Kept.store(&self.link.store, "destroy what was overwritten");
        Box::pin(std::future::ready(if self.stay_a_while { Ok(()) } else { Err(kept()) }))
    }
}
