//! The store itself: the contract over one writer and a pool of readers.

use crate::error::{other, sqlite};
use crate::heads::{Heads, read_end, read_sid};
use crate::lock::Lock;
use crate::queries;
use crate::readers::Readers;
use crate::rows::{COLUMNS, Prepared, read_record};
use crate::schema::open_writer;
use crate::writer::{Ask, FileId, Job, Work, Writer};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use jiff::Timestamp;
use rusqlite::{Connection, params};
use statewright::store::query::{By, Key, Queries, Scope, Selection, Times, micros};
use statewright::store::{
    Answer, Append, Atomic, Cell, CellKey, Cursor, Head, Limits, Outcome, Page, Put, Record, Revision, Shard,
    Store, StoreError, StreamId, Unit, admit,
};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use tokio::sync::{Semaphore, oneshot, watch};

/// What an acknowledged step survives.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Durability {
    /// The end of the process, of the operating system, and of power (`synchronous = FULL`).
    #[default]
    Full,
    /// The end of the process. The loss of power may lose the newest steps; what is left is consistent
    /// (`synchronous = NORMAL`).
    PowerLossMayLoseTheNewest,
}

/// How a [`SqliteStore`] is opened.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it opens"]
pub struct SqliteBuilder {
    path: PathBuf,
    durability: Durability,
    readers_max: usize,
    queue_max: usize,
    pages_max: Option<u32>,
}

impl SqliteBuilder {
    /// What an acknowledged step survives: [`Durability::Full`] unless said otherwise.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Most connections that read at once, 4 unless said otherwise, at least 1.
    pub fn readers_max(mut self, readers: usize) -> Self {
        self.readers_max = readers.max(1);
        self
    }

    /// Most calls that wait for the writer, 4,096 unless said otherwise, at least 1; more wait outside.
    pub fn queue_max(mut self, calls: usize) -> Self {
        self.queue_max = calls.max(1);
        self
    }

    /// Most pages of 4 KiB that the file may have; a step that needs more is refused. As many as the disk holds unless
    /// said otherwise.
    pub fn pages_max(mut self, pages: u32) -> Self {
        self.pages_max = Some(pages);
        self
    }

    /// Opens the file, and makes it if it is not there.
    ///
    /// # Errors
    /// Another process has it open, a newer version made it, it is no file of this store, it is read-only or cut
    /// off, or the folder is not there. Every error names the file.
    pub fn open(self) -> Result<SqliteStore, StoreError> {
        SqliteStore::start(self)
    }
}

/// Instances in one SQLite file.
pub struct SqliteStore {
    path: PathBuf,
    limits: Limits,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    room: Arc<Semaphore>,
    readers: Arc<Readers>,
    grown: watch::Receiver<u64>,
    writer: Mutex<Option<JoinHandle<()>>>,
    _lock: Lock,
}

impl SqliteStore {
    /// Opens a file with the default options.
    ///
    /// # Errors
    /// See [`SqliteBuilder::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::builder(path).open()
    }

    /// Options before opening.
    pub fn builder(path: impl AsRef<Path>) -> SqliteBuilder {
        SqliteBuilder {
            path: path.as_ref().to_owned(),
            durability: Durability::Full,
            readers_max: 4,
            queue_max: 4_096,
            pages_max: None,
        }
    }

    fn start(options: SqliteBuilder) -> Result<Self, StoreError> {
        let path = options.path;
        let lock = Lock::take(&path)?;
        let connection = open_writer(&path, options.durability)?;
        if let Some(pages) = options.pages_max {
            let set = connection.pragma_update(None, "max_page_count", pages);
            set.map_err(|error| sqlite(&path, "bound the file", error))?;
        }
        let next: i64 = connection
            .query_row("SELECT next_pos FROM meta", [], |row| row.get(0))
            .map_err(|error| sqlite(&path, "read the counters", error))?;
        let file = FileId::of(&path).map_err(|error| other(&path, "look at the file", error))?;
        let (sender, jobs) = mpsc::channel();
        let (changes, grown) = watch::channel(next.cast_unsigned());
        let writer = Writer {
            connection,
            path: path.clone(),
            file,
            heads: Heads::new(),
            grown: changes,
            workshop: None,
        };
        let started =
            thread::Builder::new().name("statewright-sqlite".to_owned()).spawn(move || writer.run(&jobs));
        let thread = started.map_err(|error| other(&path, "start the writer's thread", error))?;
        Ok(Self {
            readers: Readers::new(path.clone(), options.readers_max),
            path,
            // One process, one writer, one order: more shards would only scatter it.
            limits: Limits {
                shards: 1,
                atomic: Atomic::Store,
                step_bytes_max: 512 << 10,
                steps_max: 1_024,
                cell_bytes_max: 16 << 20,
                exclusive: true,
            },
            jobs: Mutex::new(Some(sender)),
            room: Arc::new(Semaphore::new(options.queue_max.min(Semaphore::MAX_PERMITS))),
            grown,
            writer: Mutex::new(Some(thread)),
            _lock: lock,
        })
    }

    /// Reads with SQL, on a connection that cannot write: the views of projections, or whatever is there.
    ///
    /// # Errors
    /// What SQLite says.
    pub async fn query<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.read(read).await
    }

    /// Runs SQLite's own check over the whole file. `Ok` means that it found nothing.
    ///
    /// # Errors
    /// What it found, or that it could not look.
    pub async fn integrity_check(&self) -> Result<(), StoreError> {
        let check = |connection: &Connection| {
            connection.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0))
        };
        match self.readers.read(check).await?.as_str() {
            "ok" => Ok(()),
            found => {
                Err(StoreError::Corrupt { store: self.path.display().to_string(), what: found.to_owned() })
            }
        }
    }

    /// Writes what waits, moves the WAL into the file and ends the writer. Dropping the store does the same.
    pub fn close(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!(store = %self.path.display(), "the writer's thread panicked");
        }
    }

    /// Hands work to the writer. `None`: the store is closed.
    pub(crate) async fn hand_over<T, A: Into<Ask>>(
        &self,
        ask: impl FnOnce(oneshot::Sender<T>) -> A,
    ) -> Option<T> {
        let permit = Arc::clone(&self.room).acquire_owned().await.ok()?;
        let (reply, answer) = oneshot::channel();
        {
            let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
            jobs.as_ref()?.send(Job { ask: ask(reply).into(), permit }).ok()?;
        }
        answer.await.ok()
    }

    pub(crate) fn closed(&self) -> StoreError {
        StoreError::Closed { store: self.path.display().to_string() }
    }

    async fn append_all(&self, batch: Vec<Append>, unit: Unit) -> Vec<Outcome> {
        let count = batch.len();
        let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(count);
        let mut prepared = Vec::with_capacity(count);
        for append in batch {
            match admit(&self.limits, &append).and_then(|()| Prepared::of(append)) {
                Ok(append) => {
                    prepared.push(append);
                    outcomes.push(None);
                }
                Err(refusal) => outcomes.push(Some(Outcome::Refused(refusal))),
            }
        }
        if unit == Unit::Batch && prepared.len() < count {
            return outcomes
                .into_iter()
                .map(|outcome| outcome.unwrap_or(Outcome::Refused(StoreError::Batch)))
                .collect();
        }
        let answered = if prepared.is_empty() {
            Some(Vec::new())
        } else {
            self.hand_over(|reply| Work::Append(prepared, unit, reply)).await
        };
        let mut answered = answered.unwrap_or_default().into_iter();
        let fill = |outcome: Option<Outcome>| match outcome {
            Some(outcome) => outcome,
            None => answered.next().unwrap_or_else(|| Outcome::Unknown(self.closed())),
        };
        outcomes.into_iter().map(fill).collect()
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Rows that one page holds at the most, whatever the caller asks for.
const PAGE_MAX: usize = 10_000;

fn page(limit: usize) -> i64 {
    i64::try_from(limit.min(PAGE_MAX)).unwrap_or(i64::MAX)
}

impl Store for SqliteStore {
    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn append(&self, batch: Vec<Append>, unit: Unit) -> BoxFuture<'_, Vec<Outcome>> {
        Box::pin(self.append_all(batch, unit))
    }

    fn head<'a>(&'a self, stream: &'a StreamId) -> Answer<'a, Head> {
        let stream = stream.clone();
        Box::pin(self.readers.read(move |connection| {
            let revision = read_end(connection, &stream)?.revision;
            Ok(Head { revision: Revision(revision), token: revision })
        }))
    }

    fn read<'a>(
        &'a self,
        stream: &'a StreamId,
        after: Revision,
        limit: usize,
    ) -> Answer<'a, (Vec<Record>, Head)> {
        let stream = stream.clone();
        Box::pin(self.readers.read(move |connection| {
            // One transaction, so that records and head are of the same moment.
            let moment = connection.unchecked_transaction()?;
            let Some(sid) = read_sid(&moment, &stream)? else { return Ok((Vec::new(), Head::default())) };
            let sql = format!(
                "SELECT {COLUMNS} FROM records WHERE sid = ?1 AND revision > ?2 ORDER BY revision LIMIT ?3"
            );
            let mut find = moment.prepare_cached(&sql)?;
            let rows = find.query_map(params![sid, after.0.cast_signed(), page(limit)], |row| {
                read_record(row, stream.clone())
            })?;
            let records: Vec<Record> = rows.collect::<rusqlite::Result<_>>()?;
            let revision = match records.last() {
                Some(last) if records.len() < limit.min(PAGE_MAX) => last.revision.0,
                _ => read_end(&moment, &stream)?.revision,
            };
            Ok((records, Head { revision: Revision(revision), token: revision }))
        }))
    }

    fn scan<'a>(&'a self, _shard: Shard, after: &'a Cursor, limit: usize) -> Answer<'a, Page> {
        let from = after.position();
        Box::pin(self.readers.read(move |connection| {
            let sql = format!(
                "SELECT {COLUMNS}, tenant, machine, instance, pos FROM records JOIN streams USING (sid) WHERE pos > ?1 ORDER BY pos LIMIT ?2"
            );
            let mut find = connection.prepare_cached(&sql)?;
            let mut rows = find.query(params![from.cast_signed(), page(limit)])?;
            let (mut records, mut cursors) = (Vec::new(), Vec::new());
            while let Some(row) = rows.next()? {
                let stream = StreamId::new(row.get_ref(8)?.as_str()?, row.get_ref(9)?.as_str()?, row.get_ref(10)?.as_str()?);
                cursors.push(Cursor::of(row.get::<_, i64>(11)?.cast_unsigned()));
                records.push(read_record(row, stream)?);
            }
            let next = cursors.last().cloned().unwrap_or_else(|| Cursor::of(from));
            Ok(Page { records, cursors, next })
        }))
    }

    fn end(&self, _shard: Shard) -> Answer<'_, Cursor> {
        // `next_pos` is behind the last record.
        let end = Cursor::of(self.grown.borrow().saturating_sub(1));
        Box::pin(std::future::ready(Ok(end)))
    }

    fn changed<'a>(&'a self, _shard: Shard, after: &'a Cursor) -> Answer<'a, ()> {
        Box::pin(async move {
            let mut grown = self.grown.clone();
            // `next_pos` is behind the last record.
            match grown.wait_for(|next| *next > after.position() + 1).await {
                Ok(_) => Ok(()),
                Err(_) => Err(self.closed()),
            }
        })
    }

    fn streams<'a>(
        &'a self,
        _shard: Shard,
        after: Option<&'a StreamId>,
        limit: usize,
    ) -> Answer<'a, Vec<StreamId>> {
        let after = after.cloned();
        Box::pin(self.readers.read(move |connection| {
            let read = |row: &rusqlite::Row<'_>| {
                Ok(StreamId::new(row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?, row.get_ref(2)?.as_str()?))
            };
            let order = "ORDER BY tenant, machine, instance LIMIT";
            match after {
                None => {
                    let mut find = connection.prepare_cached(&format!("SELECT tenant, machine, instance FROM streams {order} ?1"))?;
                    find.query_map([page(limit)], read)?.collect()
                }
                Some(StreamId { tenant, machine, instance }) => {
                    let sql = format!(
                        "SELECT tenant, machine, instance FROM streams WHERE (tenant, machine, instance) > (?1, ?2, ?3) {order} ?4"
                    );
                    let mut find = connection.prepare_cached(&sql)?;
                    find.query_map(params![&*tenant, &*machine, &*instance, page(limit)], read)?.collect()
                }
            }
        }))
    }

    fn erase<'a>(&'a self, stream: &'a StreamId) -> Answer<'a, ()> {
        let stream = stream.clone();
        Box::pin(async move {
            self.hand_over(|reply| Work::Erase(stream, reply)).await.unwrap_or_else(|| Err(self.closed()))
        })
    }

    fn scrub(&self) -> Answer<'_, ()> {
        Box::pin(async move { self.hand_over(Work::Scrub).await.unwrap_or_else(|| Err(self.closed())) })
    }

    fn get<'a>(&'a self, keys: &'a [CellKey]) -> Answer<'a, Vec<Cell>> {
        let keys = keys.to_vec();
        Box::pin(self.readers.read(move |connection| {
            let mut find = connection
                .prepare_cached("SELECT version, value FROM cells WHERE name = ?1 AND value IS NOT NULL")?;
            let mut cells = Vec::new();
            for key in keys {
                let mut rows = find.query([&*key.name])?;
                if let Some(row) = rows.next()? {
                    let (version, value) = (row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, Vec<u8>>(1)?);
                    cells.push(Cell { key, version, value: Bytes::from(value) });
                }
            }
            Ok(cells)
        }))
    }

    fn put(&self, puts: Vec<Put>) -> Answer<'_, Vec<Option<u64>>> {
        Box::pin(async move {
            let largest =
                puts.iter().filter_map(|put| put.value.as_ref()).map(Bytes::len).max().unwrap_or_default();
            if largest > self.limits.cell_bytes_max {
                let why =
                    format!("a cell of {largest} bytes; this store takes {}", self.limits.cell_bytes_max);
                return Err(other(&self.path, "write a cell", why));
            }
            self.hand_over(|reply| Work::Put(puts, reply)).await.unwrap_or_else(|| Err(self.closed()))
        })
    }

    fn list<'a>(
        &'a self,
        shard: Shard,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> Answer<'a, Vec<Cell>> {
        let (prefix, after) = (prefix.to_owned(), after.map(ToOwned::to_owned));
        Box::pin(self.readers.read(move |connection| {
            let sql = "SELECT name, version, value FROM cells WHERE name >= ?1 AND name > ?2 AND value IS NOT NULL ORDER BY name LIMIT ?3";
            let mut find = connection.prepare_cached(sql)?;
            // No name is empty, so an empty `after` excludes nothing.
            let mut rows = find.query(params![prefix, after.as_deref().unwrap_or(""), page(limit)])?;
            let mut cells = Vec::new();
            while let Some(row) = rows.next()? {
                let name = row.get_ref(0)?.as_str()?;
                if !name.starts_with(&prefix) {
                    break;
                }
                let key = CellKey { shard, name: name.into() };
                cells.push(Cell { key, version: row.get::<_, i64>(1)?.cast_unsigned(), value: Bytes::from(row.get::<_, Vec<u8>>(2)?) });
            }
            Ok(cells)
        }))
    }

    fn queries(&self) -> Option<&dyn Queries> {
        Some(self)
    }
}

impl Queries for SqliteStore {
    fn count<'a>(
        &'a self,
        scope: &'a Scope,
        selection: &'a Selection,
        by: By,
    ) -> Answer<'a, BTreeMap<Key, u64>> {
        let (scope, selection) = (scope.clone(), selection.clone());
        Box::pin(async move {
            let count = move |connection: &Connection| queries::count(connection, &scope, &selection, by);
            let counts = self.readers.read(count).await?;
            let groups = counts.len();
            queries::within(counts, groups)
        })
    }

    fn times<'a>(&'a self, scope: &'a Scope, from: Timestamp, to: Timestamp) -> Answer<'a, Times> {
        let (scope, span) = (scope.clone(), (micros(from), micros(to)));
        Box::pin(async move {
            let times = move |connection: &Connection| queries::times(connection, &scope, span);
            let times = self.readers.read(times).await?;
            let groups = times.places.len();
            queries::within(times, groups)
        })
    }
}
