//! Which instance wants to be woken when: one cell for each that waits, with its earliest deadline, written behind the
//! log by who has the shard.
//!
//! It only says whom to ask. A cell may be too early, or stand for an instance that waits no more: the instance says so
//! when it is asked. None is ever too late: a deadline that is set is covered before the checkpoint moves behind its record,
//! and a cell goes only when a new one stands or the instance has said when it wants to be woken next.

use crate::machine::Machine;
use crate::store::{
    CellKey, Cursor, Kind, Put, Record, Revision, Shard, Store, StoreError, StreamId, TimerChange,
};
use bytes::Bytes;
use jiff::Timestamp;
use lru::LruCache;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Records that are read at once.
const PAGE_MAX: usize = 1_000;

/// Records behind which the checkpoint moves although there is nothing to write: as many are read again by who takes the
/// shard over.
const BEHIND_MAX: usize = 1_000;

/// Instances of a shard of which is remembered what they wait for, a third of a kilobyte each; the cell of another is left to
/// be found out when it is due.
const WAITING_MAX: NonZeroUsize = NonZeroUsize::new(2_048).expect("more than nothing");

/// A cell of the agenda.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) stream: StreamId,
    pub(super) due: Timestamp,
    /// How often the instance was asked in vain.
    pub(super) tries: u32,
}

#[derive(Serialize, Deserialize)]
struct Value {
    tenant: Arc<str>,
    instance: Arc<str>,
    #[serde(default)]
    tries: u32,
}

/// What an instance waits for, as far as the log was read.
#[derive(Debug, Default)]
struct Waiting {
    timers: SmallVec<[(Box<str>, Timestamp); 1]>,
    /// The cell that stands, as far as is known.
    cell: Option<Timestamp>,
    /// It was read from its first record on: there is no other timer, and no other cell.
    whole: bool,
}

/// What came of reading a page of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Noted {
    /// There was no more.
    AtEnd,
    /// There may be more.
    Full,
    /// Somebody else has the shard now.
    Moved,
}

pub(super) struct Agenda {
    store: Arc<dyn Store>,
    shard: Shard,
    machine: &'static str,
    /// Where the log was read to, and the version of the cell that says so.
    at: Cursor,
    version: u64,
    /// It has been at the end of the log.
    reached: bool,
    /// Records read since.
    behind: usize,
    waiting: LruCache<StreamId, Waiting>,
    /// Nothing is due before; `None`: not known.
    quiet_until: Option<Timestamp>,
}

impl Agenda {
    /// From the checkpoint on. Without one the agenda is written anew, from the beginning of the log.
    pub(super) async fn open<M: Machine>(store: Arc<dyn Store>, shard: Shard) -> Result<Self, StoreError> {
        let machine = M::DEFINITION.machine;
        let found = store.get(&[checkpoint(shard, machine)]).await?.pop();
        let (version, at) = found.map_or((0, Cursor::default()), |cell| (cell.version, Cursor(cell.value)));
        let waiting = LruCache::new(WAITING_MAX);
        let (reached, behind, quiet_until) = (false, 0, None);
        Ok(Self { store, shard, machine, at, version, reached, behind, waiting, quiet_until })
    }

    /// Where the log was read to.
    pub(super) fn cursor(&self) -> &Cursor {
        &self.at
    }

    /// Reads a page of the log and writes what it says.
    pub(super) async fn note_page(&mut self) -> Result<Noted, StoreError> {
        let page = if self.reached {
            self.store.follow(self.shard, &self.at, PAGE_MAX).await?
        } else {
            self.store.scan(self.shard, &self.at, PAGE_MAX).await?
        };
        let count = page.records.len();
        let noted = if count < PAGE_MAX { Noted::AtEnd } else { Noted::Full };
        self.reached |= noted == Noted::AtEnd;
        self.behind += count;
        let (set, cleared) = self.take(&page.records);
        let worth_it = !set.is_empty() || !cleared.is_empty() || self.behind >= BEHIND_MAX;
        if !set.is_empty() {
            self.store.put(set).await?;
        }
        // Also behind places that hold nothing: they would be told of again and again.
        self.at = page.next;
        if !worth_it {
            return Ok(noted);
        }
        self.behind = 0;
        let mut puts = cleared;
        let value = Some(self.at.0.clone());
        puts.push(Put { key: checkpoint(self.shard, self.machine), version: Some(self.version), value });
        let moved = self.store.put(puts).await?.pop().flatten();
        self.version = moved.unwrap_or(self.version);
        Ok(if moved.is_some() { noted } else { Noted::Moved })
    }

    /// Cells to write, and cells to remove once those stand.
    fn take(&mut self, records: &[Record]) -> (Vec<Put>, Vec<Put>) {
        let mut touched = BTreeSet::new();
        for record in records.iter().filter(|record| *record.stream.machine == *self.machine) {
            let waiting = self.waiting.get_or_insert_mut_ref(&record.stream, Waiting::default);
            touched.insert(record.stream.clone());
            waiting.whole |= record.revision == Revision(1);
            match record.step.kind {
                Kind::Step => waiting.take(&record.step.body.timers),
                Kind::Deleted => waiting.timers.clear(),
                Kind::Rejection | Kind::Erased => {}
            }
        }
        let (mut set, mut cleared) = (Vec::new(), Vec::new());
        for stream in touched {
            let Some(waiting) = self.waiting.get_mut(&stream) else { continue };
            let (earliest, whole) = (waiting.timers.iter().map(|(_, due)| *due).min(), waiting.whole);
            let stood = std::mem::replace(&mut waiting.cell, earliest);
            if stood == earliest {
                continue;
            }
            let entry = |due| Entry { stream: stream.clone(), due, tries: 0 };
            set.extend(earliest.map(|due| self.put(&entry(due))));
            // The cell of an instance that is known in part may stand for a timer that is not known.
            cleared.extend(stood.filter(|_| whole).map(|due| self.removal(&entry(due))));
            if let (Some(due), Some(quiet)) = (earliest, self.quiet_until) {
                self.quiet_until = Some(due.min(quiet));
            }
        }
        (set, cleared)
    }

    /// When something may be due; `None`: nothing is known to be.
    pub(super) fn quiet_until(&self) -> Option<Timestamp> {
        self.quiet_until
    }

    /// The entries that are due, those first that are due first.
    pub(super) async fn due(&mut self, now: Timestamp, limit: usize) -> Result<Vec<Entry>, StoreError> {
        if self.quiet_until.is_some_and(|quiet| now < quiet) {
            return Ok(Vec::new());
        }
        let mut entries = self.first(limit).await?;
        let due = entries.partition_point(|entry| entry.due <= now);
        self.quiet_until = Some(entries.get(due).map_or(Timestamp::MAX, |entry| entry.due));
        if due == limit {
            self.quiet_until = None;
        }
        entries.truncate(due);
        Ok(entries)
    }

    async fn first(&self, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let prefix = prefix(self.machine);
        let cells = self.store.list(self.shard, &prefix, None, limit).await?;
        let entry = |cell: &crate::store::Cell| {
            let due = cell.key.name.strip_prefix(&*prefix)?.split('/').next()?;
            let due = from_sortable(due.parse().ok()?)?;
            let Value { tenant, instance, tries } = serde_json::from_slice(&cell.value).ok()?;
            let stream = StreamId { tenant, machine: self.machine.into(), instance };
            Some(Entry { stream, due, tries })
        };
        cells.iter().map(|cell| entry(cell).ok_or_else(|| corrupt(cell))).collect()
    }

    /// An instance was asked: in place of this entry comes another, or none.
    pub(super) async fn replace(&mut self, entries: Vec<(Entry, Option<Entry>)>) -> Result<(), StoreError> {
        let moved = |(old, new): &(Entry, Option<Entry>)| {
            new.as_ref().filter(|new| new.due != old.due || new.tries != old.tries).map(|new| self.put(new))
        };
        let set: Vec<_> = entries.iter().filter_map(moved).collect();
        let stays = |old: &Entry, new: &Option<Entry>| new.as_ref().is_some_and(|new| new.due == old.due);
        let gone = entries.iter().filter(|(old, new)| !stays(old, new)).map(|(old, _)| self.removal(old));
        let gone: Vec<_> = gone.collect();
        for puts in [set, gone] {
            if !puts.is_empty() {
                self.store.put(puts).await?;
            }
        }
        let earliest = entries.iter().filter_map(|(_, new)| Some(new.as_ref()?.due)).min();
        if let (Some(due), Some(quiet)) = (earliest, self.quiet_until) {
            self.quiet_until = Some(due.min(quiet));
        }
        for (old, new) in entries {
            if let Some(waiting) = self.waiting.peek_mut(&old.stream)
                && waiting.whole
            {
                waiting.cell = new.map(|new| new.due);
            }
        }
        Ok(())
    }

    fn put(&self, entry: &Entry) -> Put {
        let StreamId { tenant, instance, .. } = entry.stream.clone();
        let value = serde_json::to_vec(&Value { tenant, instance, tries: entry.tries }).unwrap_or_default();
        Put { key: self.key(entry), version: None, value: Some(Bytes::from(value)) }
    }

    fn removal(&self, entry: &Entry) -> Put {
        Put { key: self.key(entry), version: None, value: None }
    }

    /// Sorted by deadline. Lengths keep apart what separators in hostile ids would mix up.
    fn key(&self, entry: &Entry) -> CellKey {
        let StreamId { tenant, instance, .. } = &entry.stream;
        let (due, lengths) = (sortable(entry.due), format!("{}/{}", tenant.len(), instance.len()));
        let name = format!("{}{due:020}/{lengths}/{tenant}{instance}", prefix(self.machine));
        CellKey { shard: self.shard, name: name.into() }
    }
}

impl Waiting {
    fn take(&mut self, changes: &[TimerChange]) {
        for change in changes {
            self.timers.retain(|(name, _)| **name != *change.name);
            self.timers.extend(change.due.map(|due| ((&*change.name).into(), due)));
        }
    }
}

/// Whether an entry is one of a tenant's, by what stands behind `agenda/` in its name.
pub(crate) fn is_of(rest: &str, tenant: &str) -> bool {
    let mut parts = rest.splitn(5, '/').skip(2);
    let (Some(tenants), Some(_), Some(text)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    tenants == tenant.len().to_string() && text.starts_with(tenant)
}

/// Where the entries of a machine stand.
fn prefix(machine: &str) -> String {
    format!("agenda/{machine}/")
}

fn checkpoint(shard: Shard, machine: &str) -> CellKey {
    CellKey { shard, name: format!("timers/{machine}").into() }
}

/// Microseconds as a number that sorts as text, before 1970 too.
fn sortable(due: Timestamp) -> u64 {
    due.as_microsecond().cast_unsigned() ^ (1 << 63)
}

fn from_sortable(due: u64) -> Option<Timestamp> {
    Timestamp::from_microsecond((due ^ (1 << 63)).cast_signed()).ok()
}

fn corrupt(cell: &crate::store::Cell) -> StoreError {
    let what = format!("the cell `{}` is no entry of an agenda: remove it", cell.key.name);
    StoreError::Corrupt { store: "the shelf".to_owned(), what }
}
