//! What a store must do, and nothing else: keep a **log** of records and a **shelf** of cells.
//!
//! The log is the truth. One record is one step of one instance, whole, so that its atomicity is that of one row,
//! one message, one item. What can be found again from the log (snapshots, checkpoints) stands on the shelf and is
//! written once, over cells, for all stores.
//!
//! A store does not know triggers, guards, retries, clocks or leases.

mod address;
mod cell;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
pub mod faulty;
pub mod guarded;
mod memory;
mod payload;
pub mod query;
mod record;

pub(crate) use address::stirred_hash;
pub use address::{Cursor, Head, Revision, Shard, StreamId};
pub use cell::{Cell, CellKey, Put};
pub use error::StoreError;
pub use memory::MemoryStore;
pub use payload::Payload;
pub use record::{Body, Envelope, Kind, Record, RecordedEffect, RecordedEvent, RecordedStep, TimerChange};

use futures_core::future::BoxFuture;
use std::time::Duration;

/// The answer of every call that may fail.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Consecutive steps of one instance, to stand directly behind `after`: all of them or none.
#[derive(Clone, Debug)]
pub struct Append {
    /// Whose.
    pub stream: StreamId,
    /// The head as the caller knows it.
    pub after: Head,
    /// One or more.
    pub steps: Vec<RecordedStep>,
}

/// What stands or falls together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Each [`Append`] for itself.
    Each,
    /// The whole batch, where [`Limits::atomic`] allows it.
    Batch,
}

/// The fate of one [`Append`].
#[derive(Debug)]
pub enum Outcome {
    /// Recorded, and it survives the loss of power (or what the store's durability option names).
    Appended(Head),
    /// Somebody else stands behind `after`, or `after` does not exist. Nothing was written.
    Conflict(Head),
    /// The stream was deleted. Nothing was written.
    Gone,
    /// Nothing was written and nothing will be.
    Refused(StoreError),
    /// The answer was lost. It may still land; reading the stream tells, appending again is safe.
    Unknown(StoreError),
}

/// A piece of the order of one shard.
#[derive(Debug)]
pub struct Page {
    /// In order.
    pub records: Vec<Record>,
    /// One for each record: resumes behind it.
    pub cursors: Vec<Cursor>,
    /// Resumes behind the page, also when it is empty.
    pub next: Cursor,
}

/// How far several instances can be written as one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Atomic {
    /// The steps of one instance.
    Instance,
    /// Instances of one shard.
    Shard,
    /// All instances.
    Store,
}

/// What a store can do.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Number of shards, fixed when the store is made.
    pub shards: u16,
    /// What [`Unit::Batch`] can span.
    pub atomic: Atomic,
    /// Most bytes of one step, payloads and envelope counted.
    pub step_bytes_max: usize,
    /// Most steps of one append.
    pub steps_max: usize,
    /// Most bytes of one cell.
    pub cell_bytes_max: usize,
    /// No other process writes while this one has the store open: what others have left behind is nobody's.
    pub exclusive: bool,
}

/// A store. Every method may be called from many tasks and hosts at once, and may be cancelled at any await: an
/// append that was handed over is then either recorded or not, never half.
pub trait Store: Send + Sync + 'static {
    /// What this store can do.
    fn limits(&self) -> &Limits;

    /// The shard of a stream: a pure function, the same in every process and version.
    fn shard(&self, stream: &StreamId) -> Shard {
        stream.shard(self.limits().shards)
    }

    /// Records steps; one outcome for each [`Append`], in the order given, at most one `Append` for each stream.
    fn append(&self, batch: Vec<Append>, unit: Unit) -> BoxFuture<'_, Vec<Outcome>>;

    /// The last record's place; revision 0 when there is none.
    fn head<'a>(&'a self, stream: &'a StreamId) -> Answer<'a, Head>;

    /// At most `limit` records behind `after`, and the stream's head as of the same moment.
    fn read<'a>(
        &'a self,
        stream: &'a StreamId,
        after: Revision,
        limit: usize,
    ) -> Answer<'a, (Vec<Record>, Head)>;

    /// The order of one shard: once a record was seen, nothing new ever appears before it. A page with fewer records than
    /// `limit`, which is at most [`query::PAGE_MAX`] then, says that there were no more.
    fn scan<'a>(&'a self, shard: Shard, after: &'a Cursor, limit: usize) -> Answer<'a, Page>;

    /// [`scan`](Self::scan) for who follows a shard and has been at its end: a store may answer out of its memory with what this
    /// handle has written, so that nobody reads from the server what was just sent there. Hence a short page does not say that
    /// there were no more; [`changed`](Self::changed) tells of what others have written behind it. What another handle has
    /// erased may be among the records for [`FOLLOW_AGE_MAX`].
    fn follow<'a>(&'a self, shard: Shard, after: &'a Cursor, limit: usize) -> Answer<'a, Page> {
        self.scan(shard, after, limit)
    }

    /// The end of the order of one shard as of now: behind every record whose append was answered before.
    fn end(&self, shard: Shard) -> Answer<'_, Cursor>;

    /// Returns when [`scan`](Self::scan) may have something behind `after`; early is allowed, never is not.
    fn changed<'a>(&'a self, shard: Shard, after: &'a Cursor) -> Answer<'a, ()>;

    /// Addresses of the streams of one shard, in order, behind `after`.
    fn streams<'a>(
        &'a self,
        shard: Shard,
        after: Option<&'a StreamId>,
        limit: usize,
    ) -> Answer<'a, Vec<StreamId>>;

    /// Empties every record of a stream whose last record is [`Kind::Deleted`]; other streams are left alone. Keys
    /// stay, so that no late append fits.
    fn erase<'a>(&'a self, stream: &'a StreamId) -> Answer<'a, ()>;

    /// Cells by key; absent ones are left out.
    fn get<'a>(&'a self, keys: &'a [CellKey]) -> Answer<'a, Vec<Cell>>;

    /// Each for itself: the new version, or `None` if the cell is not at that version any more.
    fn put(&self, puts: Vec<Put>) -> Answer<'_, Vec<Option<u64>>>;

    /// Cells of one shard whose name starts with `prefix`, by name, behind `after`.
    fn list<'a>(
        &'a self,
        shard: Shard,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> Answer<'a, Vec<Cell>>;

    /// Destroys what is left in the storage of values that were overwritten or removed: once it has answered they are found
    /// in no file of the store any more. A store that leaves nothing behind has nothing to do.
    fn scrub(&self) -> Answer<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Answers to questions about many records, if this store has its own; all others are computed.
    fn queries(&self) -> Option<&dyn query::Queries> {
        None
    }
}

/// What every store refuses before it writes: nothing to record, too much of it, or more at once than it can.
///
/// # Errors
/// The refusal, for [`Outcome::Refused`].
pub fn admit(limits: &Limits, append: &Append) -> Result<(), StoreError> {
    if append.steps.is_empty() {
        return Err(StoreError::Empty { stream: append.stream.clone() });
    }
    if append.steps.len() > limits.steps_max {
        return Err(StoreError::TooMany { steps: append.steps.len(), max: limits.steps_max });
    }
    let bytes = append.steps.iter().map(RecordedStep::bytes).max().unwrap_or_default();
    if bytes > limits.step_bytes_max {
        return Err(StoreError::TooLarge {
            stream: append.stream.clone(),
            bytes,
            max: limits.step_bytes_max,
        });
    }
    Ok(())
}

/// How old a record may be with which a store answers out of its memory in [`Store::follow`].
pub const FOLLOW_AGE_MAX: Duration = Duration::from_secs(1);

/// A store that is shared is a store.
impl<S: Store + ?Sized> Store for std::sync::Arc<S> {
    fn limits(&self) -> &Limits {
        (**self).limits()
    }

    fn append(&self, batch: Vec<Append>, unit: Unit) -> BoxFuture<'_, Vec<Outcome>> {
        (**self).append(batch, unit)
    }

    fn head<'a>(&'a self, stream: &'a StreamId) -> Answer<'a, Head> {
        (**self).head(stream)
    }

    fn read<'a>(
        &'a self,
        stream: &'a StreamId,
        after: Revision,
        limit: usize,
    ) -> Answer<'a, (Vec<Record>, Head)> {
        (**self).read(stream, after, limit)
    }

    fn scan<'a>(&'a self, shard: Shard, after: &'a Cursor, limit: usize) -> Answer<'a, Page> {
        (**self).scan(shard, after, limit)
    }

    fn follow<'a>(&'a self, shard: Shard, after: &'a Cursor, limit: usize) -> Answer<'a, Page> {
        (**self).follow(shard, after, limit)
    }

    fn end(&self, shard: Shard) -> Answer<'_, Cursor> {
        (**self).end(shard)
    }

    fn changed<'a>(&'a self, shard: Shard, after: &'a Cursor) -> Answer<'a, ()> {
        (**self).changed(shard, after)
    }

    fn streams<'a>(
        &'a self,
        shard: Shard,
        after: Option<&'a StreamId>,
        limit: usize,
    ) -> Answer<'a, Vec<StreamId>> {
        (**self).streams(shard, after, limit)
    }

    fn erase<'a>(&'a self, stream: &'a StreamId) -> Answer<'a, ()> {
        (**self).erase(stream)
    }

    fn get<'a>(&'a self, keys: &'a [CellKey]) -> Answer<'a, Vec<Cell>> {
        (**self).get(keys)
    }

    fn put(&self, puts: Vec<Put>) -> Answer<'_, Vec<Option<u64>>> {
        (**self).put(puts)
    }

    fn list<'a>(
        &'a self,
        shard: Shard,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> Answer<'a, Vec<Cell>> {
        (**self).list(shard, prefix, after, limit)
    }

    fn scrub(&self) -> Answer<'_, ()> {
        (**self).scrub()
    }

    fn queries(&self) -> Option<&dyn query::Queries> {
        (**self).queries()
    }
}
