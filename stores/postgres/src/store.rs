//! The store itself: the contract over a writer and a pool of connections.

use crate::connections::{Connections, Params};
use crate::error::{Failure, Name};
use crate::options::Options;
use crate::queue::{Job, Reply, Work};
use crate::rows::{Address, Request, Wrong, head, number, record, stream};
use crate::schema;
use crate::shelf::{self, CELL_BYTES_MAX};
use crate::statistics::Statistics;
use crate::tail::Tails;
use crate::transaction::Item;
use crate::wake::{self, Ends};
use crate::writer::Writer;
use futures_core::future::BoxFuture;
use futures_util::future::join_all;
use statewright::store::{
    Answer, Append, Atomic, Body, Cell, CellKey, Cursor, Head, Limits, Outcome, Page, Put, Record, Revision,
    Shard, Store, StoreError, StreamId, Unit, admit,
};
use std::fmt;
use std::future::ready;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Rows that one page holds at the most, whatever the caller asks for.
const PAGE_MAX: usize = 10_000;

/// Revisions that one statement empties.
const ERASE_MAX: i64 = 10_000;

/// Instances in one schema of a PostgreSQL database.
///
/// A handle has a writer and, unless it goes through a pooler, a listener; they end with it.
pub struct PostgresStore {
    limits: Limits,
    connections: Arc<Connections>,
    ends: Arc<Ends>,
    tails: Arc<Tails>,
    jobs: mpsc::Sender<Job>,
    writing: JoinHandle<()>,
    waking: Vec<JoinHandle<()>>,
}

impl PostgresStore {
    /// Opens a store that is there, with the default options.
    ///
    /// # Errors
    /// See [`Options::open`].
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Options::from_url(url)?.open().await
    }

    pub(crate) async fn start(options: &Options) -> Result<Self, StoreError> {
        let connections = Arc::new(Connections::new(options)?);
        let shards = schema::check(&connections, options.shards).await?;
        let tails = Arc::new(Tails::new(shards, Arc::clone(&connections.counters)));
        let ends = Arc::new(Ends::new(shards));
        let (jobs, handed) = mpsc::channel(options.queue_max);
        let writer = Writer {
            connections: Arc::clone(&connections),
            ends: Arc::clone(&ends),
            tails: Arc::clone(&tails),
            transactions_max: options.transactions_max,
        };
        let writing = tokio::spawn(writer.run(handed));
        let mut waking = vec![
            tokio::spawn(wake::wake(Arc::clone(&ends))),
            tokio::spawn(wake::tell(Arc::clone(&connections), Arc::clone(&ends))),
            tokio::spawn(wake::poll(Arc::clone(&connections), Arc::clone(&ends))),
        ];
        if !options.pooler {
            waking.push(tokio::spawn(wake::listen(Arc::clone(&connections), Arc::clone(&ends))));
        }
        let limits = Limits {
            shards,
            atomic: Atomic::Store,
            step_bytes_max: 512 << 10,
            steps_max: 1_024,
            cell_bytes_max: CELL_BYTES_MAX,
            exclusive: false,
        };
        Ok(Self { limits, connections, ends, tails, jobs, writing, waking })
    }

    /// Whether the server answers, within the call timeout.
    pub async fn is_healthy(&self) -> bool {
        self.end(Shard(0)).await.is_ok()
    }

    /// What this handle has done.
    pub fn statistics(&self) -> Statistics {
        self.connections.counters.read()
    }

    /// Writes what waits, then ends the connections. Dropping the store does the same without waiting for it.
    pub async fn close(mut self) {
        // The writer ends when nobody can ask it any more.
        self.jobs = mpsc::channel(1).0;
        if (&mut self.writing).await.is_err() {
            tracing::error!(store = %self.connections.name.0, "the writer panicked");
        }
        self.connections.close();
    }

    fn name(&self) -> &Name {
        &self.connections.name
    }

    fn address(&self, stream: &StreamId) -> Result<Address, StoreError> {
        Address::of(stream, self.shard(stream), self.name())
    }

    fn request(&self, append: Append) -> Result<Request, StoreError> {
        admit(&self.limits, &append)?;
        let shard = self.shard(&append.stream);
        Request::of(append, shard, self.name())
    }

    fn closed(&self) -> StoreError {
        self.name().closed()
    }

    /// A writer that is gone drops the reply, and who waits for it is told so.
    async fn hand_over(&self, since: Instant, work: Work) {
        let _ = self.jobs.send(Job { since, work }).await;
    }

    async fn put_all(&self, puts: Vec<Put>) -> Result<Vec<Option<u64>>, StoreError> {
        let since = Instant::now();
        let mut answers = Vec::new();
        for part in shelf::parts(puts, self.name())? {
            let (reply, answer) = oneshot::channel();
            answers.push(answer);
            self.hand_over(since, Work::One(Item::Cells(part), Reply::Cells(reply))).await;
        }
        let mut versions = Vec::new();
        for answer in join_all(answers).await {
            versions.extend(answer.unwrap_or_else(|_| Err(self.closed()))?);
        }
        Ok(versions)
    }

    async fn append_each(&self, batch: Vec<Append>) -> Vec<Outcome> {
        let since = Instant::now();
        let mut answers = Vec::with_capacity(batch.len());
        for append in batch {
            let (reply, answer) = oneshot::channel();
            answers.push(answer);
            let request = match self.request(append) {
                Ok(request) => request,
                Err(refusal) => {
                    let _ = reply.send(Outcome::Refused(refusal));
                    continue;
                }
            };
            self.hand_over(since, Work::One(Item::Append(request), Reply::Append(reply))).await;
        }
        let answers = join_all(answers).await;
        answers.into_iter().map(|answer| answer.unwrap_or_else(|_| Outcome::Unknown(self.closed()))).collect()
    }

    async fn append_whole(&self, batch: Vec<Append>) -> Vec<Outcome> {
        let count = batch.len();
        let mut requests = Vec::with_capacity(count);
        let mut refusals = Vec::with_capacity(count);
        for append in batch {
            let request = self.request(append);
            refusals.push(request.map(|request| requests.push(Item::Append(request))).err());
        }
        if requests.len() < count {
            let outcome = |refusal: Option<StoreError>| refusal.unwrap_or(StoreError::Batch);
            return refusals.into_iter().map(|refusal| Outcome::Refused(outcome(refusal))).collect();
        }
        if requests.is_empty() {
            return Vec::new();
        }
        let (reply, answer) = oneshot::channel();
        self.hand_over(Instant::now(), Work::Whole(requests, reply)).await;
        answer.await.unwrap_or_else(|_| (0..count).map(|_| Outcome::Unknown(self.closed())).collect())
    }

    fn corrupt(&self, wrong: Wrong) -> StoreError {
        self.name().corrupt(wrong.0)
    }

    async fn read_page(
        &self,
        stream: &StreamId,
        after: Revision,
        limit: usize,
    ) -> Result<(Vec<Record>, Head), StoreError> {
        let Address { shard, tenant, machine, instance } = self.address(stream)?;
        let (after, limit) = (signed(after.0), page(limit));
        let read = &self.connections.statements.read;
        let params: &Params<'_> = &[&shard, &tenant, &machine, &instance, &after, &limit];
        let rows = self.connections.read("read a stream", read, params).await?;
        let Some(first) = rows.first() else { return Ok((Vec::new(), Head::default())) };
        let end = head(first.get(0));
        let there = rows.iter().filter(|row| row.get::<_, Option<i64>>(1).is_some());
        let records = there.map(|row| record(row, 1, stream.clone())).collect::<Result<Vec<_>, _>>();
        let mut records = records.map_err(|wrong| self.corrupt(wrong))?;
        records.sort_by_key(|record| record.revision);
        Ok((records, end))
    }

    async fn scan_page(&self, shard: Shard, after: &Cursor, limit: usize) -> Result<Page, StoreError> {
        let from = signed(after.position());
        let limit = page(limit);
        let scan = &self.connections.statements.scan;
        let rows = self.connections.read("read a shard", scan, &[&number(shard), &from, &limit]).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows.iter().filter(|row| row.get::<_, Option<i64>>(1).is_some()) {
            let record = stream(row, 9).and_then(|stream| record(row, 1, stream));
            found.push((row.get::<_, i64>(12), record.map_err(|wrong| self.corrupt(wrong))?));
        }
        found.sort_by_key(|(position, _)| *position);
        let end = rows.first().map_or(from, |row| row.get::<_, i64>(0)).max(from);
        // A full page may have more behind it, before the end.
        let full = i64::try_from(found.len()).is_ok_and(|found| found >= limit);
        let next = if full { found.last().map_or(from, |(position, _)| *position) } else { end };
        let (cursors, records) = found
            .into_iter()
            .map(|(position, record)| (Cursor::of(position.cast_unsigned()), record))
            .unzip();
        Ok(Page { records, cursors, next: Cursor::of(next.cast_unsigned()) })
    }

    async fn find_end(&self, shard: Shard) -> Result<i64, StoreError> {
        let end = &self.connections.statements.end;
        let rows = self.connections.read("find the end of a shard", end, &[&number(shard)]).await?;
        Ok(rows.first().map_or(0, |row| row.get(0)))
    }

    async fn list_streams(
        &self,
        shard: Shard,
        after: Option<&StreamId>,
        limit: usize,
    ) -> Result<Vec<StreamId>, StoreError> {
        let nobody = StreamId::new("", "", "");
        let Address { tenant, machine, instance, .. } = self.address(after.unwrap_or(&nobody))?;
        // Behind all revisions of a stream, or before all of the first that there can be.
        let revision = if after.is_some() { i64::MAX } else { 0 };
        let streams = &self.connections.statements.streams;
        let params: &Params<'_> = &[&number(shard), &tenant, &machine, &instance, &revision, &page(limit)];
        let rows = self.connections.read("list streams", streams, params).await?;
        let found = rows.iter().map(|row| stream(row, 0)).collect::<Result<Vec<_>, _>>();
        found.map_err(|wrong| self.corrupt(wrong))
    }

    async fn erase_all(&self, stream: &StreamId) -> Result<(), StoreError> {
        let Address { shard, tenant, machine, instance } = self.address(stream)?;
        let body = serde_json::to_string(&Body::default());
        let body = body.map_err(|error| self.name().corrupt(error.to_string()))?;
        let last = signed(self.head(stream).await?.revision.0);
        let mut from = 0;
        while from < last {
            let to = from + ERASE_MAX;
            let params: &Params<'_> = &[&shard, &tenant, &machine, &instance, &from, &to, &body];
            let erase = &self.connections.statements.erase;
            self.connections.query("erase a stream", erase, params).await.map_err(Failure::error)?;
            from = to;
        }
        self.tails.forget(shard);
        Ok(())
    }
}

fn page(limit: usize) -> i64 {
    i64::try_from(limit.min(PAGE_MAX)).unwrap_or(i64::MAX)
}

/// Revisions and positions are below 2^63.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        for task in &self.waking {
            task.abort();
        }
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("store", &self.name().0).finish_non_exhaustive()
    }
}

impl Store for PostgresStore {
    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn append(&self, batch: Vec<Append>, unit: Unit) -> BoxFuture<'_, Vec<Outcome>> {
        match unit {
            Unit::Each => Box::pin(self.append_each(batch)),
            Unit::Batch => Box::pin(self.append_whole(batch)),
        }
    }

    fn head<'a>(&'a self, stream: &'a StreamId) -> Answer<'a, Head> {
        Box::pin(async move {
            let Address { shard, tenant, machine, instance } = self.address(stream)?;
            let params: &Params<'_> = &[&shard, &tenant, &machine, &instance];
            let rows =
                self.connections.read("read a head", &self.connections.statements.head, params).await?;
            Ok(rows.first().map_or_else(Head::default, |row| head(row.get(0))))
        })
    }

    fn read<'a>(
        &'a self,
        stream: &'a StreamId,
        after: Revision,
        limit: usize,
    ) -> Answer<'a, (Vec<Record>, Head)> {
        Box::pin(self.read_page(stream, after, limit))
    }

    fn scan<'a>(&'a self, shard: Shard, after: &'a Cursor, limit: usize) -> Answer<'a, Page> {
        Box::pin(self.scan_page(shard, after, limit))
    }

    fn follow<'a>(&'a self, shard: Shard, after: &'a Cursor, limit: usize) -> Answer<'a, Page> {
        match self.tails.page(number(shard), signed(after.position()), limit.min(PAGE_MAX)) {
            Some(page) => Box::pin(ready(Ok(page))),
            None => self.scan(shard, after, limit),
        }
    }

    fn end(&self, shard: Shard) -> Answer<'_, Cursor> {
        Box::pin(async move { Ok(Cursor::of(self.find_end(shard).await?.cast_unsigned())) })
    }

    fn changed<'a>(&'a self, shard: Shard, after: &'a Cursor) -> Answer<'a, ()> {
        Box::pin(async move {
            let after = signed(after.position());
            if !self.ends.is_behind(shard.0, after) && !self.ends.is_listening() {
                // Nobody tells what others have written.
                self.ends.heard(number(shard), self.find_end(shard).await?);
            }
            if self.ends.behind(shard.0, after).await { Ok(()) } else { Err(self.closed()) }
        })
    }

    fn streams<'a>(
        &'a self,
        shard: Shard,
        after: Option<&'a StreamId>,
        limit: usize,
    ) -> Answer<'a, Vec<StreamId>> {
        Box::pin(self.list_streams(shard, after, limit))
    }

    fn erase<'a>(&'a self, stream: &'a StreamId) -> Answer<'a, ()> {
        Box::pin(self.erase_all(stream))
    }

    fn get<'a>(&'a self, keys: &'a [CellKey]) -> Answer<'a, Vec<Cell>> {
        Box::pin(shelf::get(&self.connections, keys))
    }

    fn put(&self, puts: Vec<Put>) -> Answer<'_, Vec<Option<u64>>> {
        Box::pin(self.put_all(puts))
    }

    fn list<'a>(
        &'a self,
        shard: Shard,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> Answer<'a, Vec<Cell>> {
        Box::pin(shelf::list(&self.connections, shard, prefix, after, page(limit)))
    }
}
