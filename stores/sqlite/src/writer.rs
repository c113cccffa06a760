//! The one thread that writes. What waits when it is free becomes one transaction; answers go out behind the commit.

use crate::error::{again, other, sqlite};
use crate::heads::{End, Heads};
use crate::projection::Workshop;
use crate::rows::{Prepared, PreparedRow};
use rusqlite::{Connection, OptionalExtension, params};
use statewright::store::{Head, Kind, Outcome, Put, Revision, StoreError, StreamId, Unit};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

/// Most appends of one transaction.
const GROUP_MAX: usize = 1_024;

/// Without work for this long the WAL is moved into the file.
const IDLE: Duration = Duration::from_secs(2);

pub(crate) enum Work {
    Append(Vec<Prepared>, Unit, oneshot::Sender<Vec<Outcome>>),
    Put(Vec<Put>, oneshot::Sender<Result<Vec<Option<u64>>, StoreError>>),
    Erase(StreamId, oneshot::Sender<Result<(), StoreError>>),
    Scrub(oneshot::Sender<Result<(), StoreError>>),
}

/// What is to be done for a projection; it answers by itself.
pub(crate) type Errand = Box<dyn FnOnce(Result<&mut Workshop, StoreError>) + Send>;

pub(crate) enum Ask {
    /// In a transaction with what else waits.
    Work(Work),
    /// In a transaction of its own.
    Project(Errand),
}

impl From<Work> for Ask {
    fn from(work: Work) -> Self {
        Self::Work(work)
    }
}

impl From<Errand> for Ask {
    fn from(errand: Errand) -> Self {
        Self::Project(errand)
    }
}

pub(crate) struct Job {
    pub(crate) ask: Ask,
    pub(crate) permit: OwnedSemaphorePermit,
}

/// Work, and the room that it takes in the queue.
type Queued<T> = (T, OwnedSemaphorePermit);

/// What waited when the writer was free.
#[derive(Default)]
struct Waiting {
    size: usize,
    group: Vec<Queued<Work>>,
    errands: Vec<Queued<Errand>>,
}

impl Waiting {
    fn push(&mut self, Job { ask, permit }: Job) {
        match ask {
            Ask::Work(work) => {
                self.size += work.size();
                self.group.push((work, permit));
            }
            Ask::Project(errand) => {
                self.size += 1;
                self.errands.push((errand, permit));
            }
        }
    }
}

/// What a job came to, to be said once it is committed.
enum Answer {
    Append(Vec<Outcome>, oneshot::Sender<Vec<Outcome>>),
    Put(Vec<Option<u64>>, oneshot::Sender<Result<Vec<Option<u64>>, StoreError>>),
    Erase(oneshot::Sender<Result<(), StoreError>>),
    Scrub(oneshot::Sender<Result<(), StoreError>>),
}

pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) path: PathBuf,
    pub(crate) file: FileId,
    pub(crate) heads: Heads,
    pub(crate) grown: watch::Sender<u64>,
    /// Opened when the first projection asks.
    pub(crate) workshop: Option<Workshop>,
}

/// Which file it is: a commit into one that was deleted would be lost with it.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct FileId(u64, u64);

impl FileId {
    #[cfg(unix)]
    pub(crate) fn of(path: &std::path::Path) -> std::io::Result<Self> {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(path).map(|file| Self(file.dev(), file.ino()))
    }

    #[cfg(not(unix))]
    pub(crate) fn of(path: &std::path::Path) -> std::io::Result<Self> {
        std::fs::metadata(path).map(|_| Self(0, 0))
    }
}

/// Counters of the `meta` row, written once for each transaction.
struct Counters {
    pos: i64,
    sid: i64,
}

impl Writer {
    /// Until every sender is gone.
    pub(crate) fn run(mut self, jobs: &Receiver<Job>) {
        let mut dirty = false;
        loop {
            let first = match jobs.recv_timeout(IDLE) {
                Ok(job) => job,
                Err(RecvTimeoutError::Timeout) => {
                    if std::mem::take(&mut dirty) {
                        self.checkpoint("PASSIVE");
                    }
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let mut waiting = Waiting::default();
            waiting.push(first);
            while waiting.size < GROUP_MAX
                && let Ok(job) = jobs.try_recv()
            {
                waiting.push(job);
            }
            if !waiting.group.is_empty() {
                self.transact(waiting.group);
            }
            for (errand, permit) in waiting.errands {
                self.run_errand(errand);
                drop(permit);
            }
            dirty = true;
        }
        self.checkpoint("TRUNCATE");
    }

    fn run_errand(&mut self, errand: Errand) {
        if let Err(error) = self.check_file() {
            return errand(Err(error));
        }
        if self.workshop.is_none() {
            match Workshop::open(&self.path, &self.connection) {
                Ok(workshop) => self.workshop = Some(workshop),
                Err(error) => return errand(Err(error)),
            }
        }
        if let Some(workshop) = &mut self.workshop {
            errand(Ok(workshop));
        }
    }

    fn checkpoint(&self, mode: &str) {
        let done = self.connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()));
        if let Err(error) = done {
            tracing::warn!(store = %self.path.display(), %error, "the WAL was not moved into the file; it is kept");
        }
    }

    /// What was overwritten is zeroed in the file (`secure_delete`), so what is left of it stands in the WAL alone.
    fn scrub(&self) -> Result<(), StoreError> {
        let busy =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
        match busy {
            Ok(false) => Ok(()),
            Ok(true) => Err(other(
                &self.path,
                "empty the WAL",
                "somebody has been reading from it for long; ask again",
            )),
            Err(error) => Err(sqlite(&self.path, "empty the WAL", error)),
        }
    }

    /// Says what is committed; what was to be destroyed, once it is.
    fn say(&self, answers: Vec<Answer>) {
        let mut scrubs = Vec::new();
        for answer in answers {
            match answer {
                Answer::Scrub(reply) => scrubs.push(reply),
                answer => answer.say(),
            }
        }
        if scrubs.is_empty() {
            return;
        }
        let done = self.scrub();
        for reply in scrubs {
            // Nobody may be waiting any more.
            let _ = reply.send(done.as_ref().map_err(again).copied());
        }
    }

    fn transact(&mut self, group: Vec<Queued<Work>>) {
        let mut permits = Vec::with_capacity(group.len());
        let mut answers = Vec::with_capacity(group.len());
        let mut failed = self.begin().err();
        let mut counters = Counters { pos: 0, sid: 0 };
        if failed.is_none() {
            match self.read_counters() {
                Ok(found) => counters = found,
                Err(error) => failed = Some(error),
            }
        }
        let before = (counters.pos, counters.sid);
        let mut unanswered = Vec::new();
        for (work, permit) in group {
            permits.push(permit);
            if failed.is_some() {
                unanswered.push(work);
                continue;
            }
            match self.carry_out(work, &mut counters) {
                Ok(answer) => answers.push(answer),
                Err(failure) => {
                    let (work, error) = *failure;
                    failed = Some(error);
                    unanswered.push(work);
                }
            }
        }
        let committed = match failed {
            None => self.commit(before, &counters),
            Some(error) => Err((error, false)),
        };
        match committed {
            Ok(()) => {
                self.grown.send_replace(counters.pos.cast_unsigned());
                self.say(answers);
            }
            Err((error, unsure)) => {
                self.roll_back();
                for answer in answers {
                    answer.fail(&error, unsure);
                }
                for work in unanswered {
                    work.fail(&error);
                }
            }
        }
    }

    fn check_file(&self) -> Result<(), StoreError> {
        let gone = |_| {
            other(
                &self.path,
                "find the file",
                "it was deleted or moved while the store was open; nothing more is recorded",
            )
        };
        if FileId::of(&self.path).map_err(gone)? != self.file {
            return Err(gone(std::io::Error::other("another file")));
        }
        Ok(())
    }

    fn begin(&self) -> Result<(), StoreError> {
        self.check_file()?;
        self.connection
            .execute_batch("BEGIN IMMEDIATE")
            .map_err(|error| sqlite(&self.path, "begin a transaction", error))
    }

    fn read_counters(&self) -> Result<Counters, StoreError> {
        let read =
            self.connection.prepare_cached("SELECT next_pos, next_sid FROM meta").and_then(|mut meta| {
                meta.query_row([], |row| Ok(Counters { pos: row.get(0)?, sid: row.get(1)? }))
            });
        read.map_err(|error| sqlite(&self.path, "read the counters", error))
    }

    /// The flag of an error: whether the commit may have happened all the same.
    fn commit(&mut self, before: (i64, i64), counters: &Counters) -> Result<(), (StoreError, bool)> {
        if before != (counters.pos, counters.sid) {
            let write = self.connection.prepare_cached("UPDATE meta SET next_pos = ?1, next_sid = ?2");
            let written = write.and_then(|mut meta| meta.execute([counters.pos, counters.sid]));
            written.map_err(|error| (sqlite(&self.path, "write the counters", error), false))?;
        }
        let committed = self.connection.execute_batch("COMMIT");
        committed.map_err(|error| {
            let unsure = error.sqlite_error_code() != Some(rusqlite::ErrorCode::DiskFull);
            (sqlite(&self.path, "commit", error), unsure)
        })
    }

    fn roll_back(&mut self) {
        self.heads.forget();
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(store = %self.path.display(), %error, "a transaction was not rolled back");
        }
    }

    fn carry_out(&mut self, work: Work, counters: &mut Counters) -> Result<Answer, Box<(Work, StoreError)>> {
        let fail = |path: &PathBuf, error| sqlite(path, "write", error);
        match work {
            Work::Append(batch, unit, reply) => match self.append(&batch, unit, counters) {
                Ok(outcomes) => Ok(Answer::Append(outcomes, reply)),
                Err(error) => Err(Box::new((Work::Append(batch, unit, reply), fail(&self.path, error)))),
            },
            Work::Put(puts, reply) => {
                match puts.iter().map(|put| write_cell(&self.connection, put)).collect() {
                    Ok(versions) => Ok(Answer::Put(versions, reply)),
                    Err(error) => Err(Box::new((Work::Put(puts, reply), fail(&self.path, error)))),
                }
            }
            Work::Scrub(reply) => Ok(Answer::Scrub(reply)),
            Work::Erase(stream, reply) => match self.erase(&stream) {
                Ok(()) => Ok(Answer::Erase(reply)),
                Err(error) => Err(Box::new((Work::Erase(stream, reply), fail(&self.path, error)))),
            },
        }
    }

    fn append(
        &mut self,
        batch: &[Prepared],
        unit: Unit,
        counters: &mut Counters,
    ) -> rusqlite::Result<Vec<Outcome>> {
        if unit == Unit::Batch {
            let refused =
                batch.iter().map(|append| self.refuse(append)).collect::<rusqlite::Result<Vec<_>>>()?;
            if refused.iter().any(Option::is_some) {
                let outcomes =
                    refused.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Refused(StoreError::Batch)));
                return Ok(outcomes.collect());
            }
        }
        batch.iter().map(|append| self.append_one(append, counters)).collect()
    }

    fn refuse(&mut self, append: &Prepared) -> rusqlite::Result<Option<Outcome>> {
        let end = self.heads.find(&self.connection, &append.stream)?;
        Ok(match end {
            End { deleted: true, .. } => Some(Outcome::Gone),
            End { revision, .. } if revision != append.after.revision.0 => {
                Some(Outcome::Conflict(head(revision)))
            }
            End { .. } => None,
        })
    }

    fn append_one(&mut self, append: &Prepared, counters: &mut Counters) -> rusqlite::Result<Outcome> {
        if let Some(refused) = self.refuse(append)? {
            return Ok(refused);
        }
        let mut end = self.heads.find(&self.connection, &append.stream)?;
        if end.sid == 0 {
            end.sid = counters.sid;
            counters.sid += 1;
            let mut insert = self.connection.prepare_cached("INSERT INTO streams VALUES (?1, ?2, ?3, ?4)")?;
            let StreamId { tenant, machine, instance } = &append.stream;
            insert.execute(params![end.sid, &**tenant, &**machine, &**instance])?;
        }
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO records VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?;
        for PreparedRow { step, body } in &append.rows {
            end.revision += 1;
            end.deleted = step.kind == Kind::Deleted;
            let (at, revision) = (step.at.as_microsecond(), end.revision.cast_signed());
            let (trigger, from, to) = (&*step.trigger, &*step.from, &*step.to);
            insert.execute(params![
                counters.pos,
                end.sid,
                revision,
                step.kind.name(),
                at,
                &*step.command,
                trigger,
                from,
                to,
                body
            ])?;
            counters.pos += 1;
        }
        self.heads.set(&append.stream, end);
        Ok(Outcome::Appended(head(end.revision)))
    }

    fn erase(&mut self, stream: &StreamId) -> rusqlite::Result<()> {
        let end = self.heads.find(&self.connection, stream)?;
        if !end.deleted {
            return Ok(());
        }
        let mut erase = self.connection.prepare_cached(
            "UPDATE records SET kind = 'erased', command = '', trigger = '', from_state = '', to_state = '', body = '{}'
             WHERE sid = ?1 AND revision < ?2",
        )?;
        erase.execute([end.sid, end.revision.cast_signed()]).map(|_| ())
    }
}

/// The new version, or `None` if the cell is at another one.
pub(crate) fn write_cell(connection: &Connection, put: &Put) -> rusqlite::Result<Option<u64>> {
    let mut find =
        connection.prepare_cached("SELECT version, value IS NOT NULL FROM cells WHERE name = ?1")?;
    let found = find
        .query_row([&*put.key.name], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?)))
        .optional()?;
    let (last, there) = found.unwrap_or_default();
    let now = if there { last } else { 0 };
    if put.version.is_some_and(|version| version != now.cast_unsigned()) {
        return Ok(None);
    }
    // A removed cell leaves its version, so that versions of one key never repeat.
    let mut write = connection.prepare_cached("INSERT OR REPLACE INTO cells VALUES (?1, ?2, ?3)")?;
    write.execute(params![&*put.key.name, last + 1, put.value.as_deref()])?;
    Ok(Some((last + 1).cast_unsigned()))
}

fn head(revision: u64) -> Head {
    Head { revision: Revision(revision), token: revision }
}

impl Work {
    fn size(&self) -> usize {
        match self {
            Self::Append(batch, ..) => batch.len(),
            Self::Put(puts, _) => puts.len(),
            Self::Erase(..) | Self::Scrub(_) => 1,
        }
    }

    /// Nothing of it was written. Nobody may be waiting any more.
    fn fail(self, error: &StoreError) {
        match self {
            Self::Append(batch, _, reply) => {
                let _ = reply.send(batch.iter().map(|_| Outcome::Refused(again(error))).collect());
            }
            Self::Put(_, reply) => {
                let _ = reply.send(Err(again(error)));
            }
            Self::Erase(_, reply) | Self::Scrub(reply) => {
                let _ = reply.send(Err(again(error)));
            }
        }
    }
}

impl Answer {
    fn say(self) {
        match self {
            Self::Append(outcomes, reply) => {
                let _ = reply.send(outcomes);
            }
            Self::Put(versions, reply) => {
                let _ = reply.send(Ok(versions));
            }
            Self::Erase(reply) | Self::Scrub(reply) => {
                let _ = reply.send(Ok(()));
            }
        }
    }

    /// What was carried out in a transaction that was not committed, or of which nobody knows.
    fn fail(self, error: &StoreError, unsure: bool) {
        match self {
            Self::Append(outcomes, reply) => {
                let fate = |outcome| match outcome {
                    Outcome::Appended(_) if unsure => Outcome::Unknown(again(error)),
                    _ => Outcome::Refused(again(error)),
                };
                let _ = reply.send(outcomes.into_iter().map(fate).collect());
            }
            Self::Put(_, reply) => {
                let _ = reply.send(Err(again(error)));
            }
            Self::Erase(reply) | Self::Scrub(reply) => {
                let _ = reply.send(Err(again(error)));
            }
        }
    }
}
