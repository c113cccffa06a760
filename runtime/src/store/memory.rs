//! The store for tests and simulations: one lock, no I/O, and the whole contract.

use super::{
    Answer, Append, Atomic, Cell, CellKey, Cursor, Head, Kind, Limits, Outcome, Page, Put, Record, Revision,
    Shard, Store, StoreError, StreamId, Unit, admit,
};
use bytes::Bytes;
use futures_core::future::BoxFuture;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Keeps everything in memory, and nothing longer.
#[derive(Debug)]
pub struct MemoryStore {
    limits: Limits,
    kept: Mutex<Kept>,
    grown: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Kept {
    order: Vec<Vec<(StreamId, usize)>>,
    streams: BTreeMap<StreamId, Vec<Record>>,
    cells: BTreeMap<CellKey, (u64, Option<Bytes>)>,
}

impl MemoryStore {
    /// A store with 64 shards.
    pub fn new() -> Self {
        Self::with_shards(64)
    }

    /// A store with this many shards, at least one.
    pub fn with_shards(shards: u16) -> Self {
        let shards = shards.max(1);
        let limits = Limits {
            shards,
            atomic: Atomic::Store,
            step_bytes_max: 512 << 10,
            steps_max: 1_024,
            cell_bytes_max: 16 << 20,
            exclusive: true,
        };
        let kept = Kept { order: vec![Vec::new(); usize::from(shards)], ..Kept::default() };
        Self { limits, kept: Mutex::new(kept), grown: watch::Sender::new(()) }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse(&self, kept: &Kept, append: &Append) -> Option<Outcome> {
        if let Err(refusal) = admit(&self.limits, append) {
            return Some(Outcome::Refused(refusal));
        }
        let head = kept.head(&append.stream);
        match kept.records(&append.stream).last() {
            Some(last) if last.step.kind == Kind::Deleted => Some(Outcome::Gone),
            _ if head != append.after => Some(Outcome::Conflict(head)),
            _ => None,
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Kept {
    fn records(&self, stream: &StreamId) -> &[Record] {
        self.streams.get(stream).map_or(&[], Vec::as_slice)
    }

    fn head(&self, stream: &StreamId) -> Head {
        let count = self.records(stream).len() as u64;
        Head { revision: Revision(count), token: count }
    }

    fn write(&mut self, append: Append, shard: Shard) -> Outcome {
        let Append { stream, steps, .. } = append;
        let records = self.streams.entry(stream.clone()).or_default();
        for step in steps {
            if let Some(order) = self.order.get_mut(usize::from(shard.0)) {
                order.push((stream.clone(), records.len()));
            }
            let revision = Revision(records.len() as u64 + 1);
            records.push(Record { stream: stream.clone(), revision, step });
        }
        Outcome::Appended(self.head(&stream))
    }

    fn put(&mut self, put: Put) -> Option<u64> {
        let entry = self.cells.entry(put.key).or_default();
        let now = if entry.1.is_some() { entry.0 } else { 0 };
        let fits = put.version.is_none_or(|version| version == now);
        if fits {
            *entry = (entry.0 + 1, put.value);
        }
        fits.then_some(entry.0)
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, T> {
    Box::pin(std::future::ready(value))
}

fn index(place: u64) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

impl Store for MemoryStore {
    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn append(&self, batch: Vec<Append>, unit: Unit) -> BoxFuture<'_, Vec<Outcome>> {
        let mut kept = self.kept();
        let mut outcomes = Vec::with_capacity(batch.len());
        let refused = unit == Unit::Batch && batch.iter().any(|append| self.refuse(&kept, append).is_some());
        for append in batch {
            let shard = self.shard(&append.stream);
            outcomes.push(match self.refuse(&kept, &append) {
                Some(outcome) => outcome,
                None if refused => Outcome::Refused(StoreError::Batch),
                None => kept.write(append, shard),
            });
        }
        drop(kept);
        self.grown.send_replace(());
        ready(outcomes)
    }

    fn head<'a>(&'a self, stream: &'a StreamId) -> Answer<'a, Head> {
        ready(Ok(self.kept().head(stream)))
    }

    fn read<'a>(
        &'a self,
        stream: &'a StreamId,
        after: Revision,
        limit: usize,
    ) -> Answer<'a, (Vec<Record>, Head)> {
        let kept = self.kept();
        let page = kept.records(stream).iter().skip(index(after.0)).take(limit).cloned().collect();
        ready(Ok((page, kept.head(stream))))
    }

    fn scan<'a>(&'a self, shard: Shard, after: &'a Cursor, limit: usize) -> Answer<'a, Page> {
        let kept = self.kept();
        let order = kept.order.get(usize::from(shard.0)).map_or(&[][..], Vec::as_slice);
        let page = order.iter().skip(index(after.position())).take(limit);
        let records: Vec<_> =
            page.filter_map(|(stream, at)| kept.records(stream).get(*at).cloned()).collect();
        let cursors: Vec<_> = (after.position() + 1..).map(Cursor::of).take(records.len()).collect();
        let next = cursors.last().unwrap_or(after).clone();
        ready(Ok(Page { records, cursors, next }))
    }

    fn end(&self, shard: Shard) -> Answer<'_, Cursor> {
        let length = self.kept().order.get(usize::from(shard.0)).map_or(0, Vec::len);
        ready(Ok(Cursor::of(length as u64)))
    }

    fn changed<'a>(&'a self, shard: Shard, after: &'a Cursor) -> Answer<'a, ()> {
        Box::pin(async move {
            let mut grown = self.grown.subscribe();
            let has_more = || {
                self.kept()
                    .order
                    .get(usize::from(shard.0))
                    .is_some_and(|order| order.len() > index(after.position()))
            };
            while !has_more() {
                if grown.changed().await.is_err() {
                    return Err(StoreError::Closed { store: "memory".to_owned() });
                }
            }
            Ok(())
        })
    }

    fn streams<'a>(
        &'a self,
        shard: Shard,
        after: Option<&'a StreamId>,
        limit: usize,
    ) -> Answer<'a, Vec<StreamId>> {
        let kept = self.kept();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let behind = kept.streams.range::<StreamId, _>((from, Bound::Unbounded)).map(|(stream, _)| stream);
        let page = behind.filter(|stream| self.shard(stream) == shard).take(limit).cloned().collect();
        ready(Ok(page))
    }

    fn erase<'a>(&'a self, stream: &'a StreamId) -> Answer<'a, ()> {
        let mut kept = self.kept();
        if let Some([records @ .., last]) = kept.streams.get_mut(stream).map(Vec::as_mut_slice)
            && last.step.kind == Kind::Deleted
        {
            for record in records {
                record.step = record.step.erased();
            }
        }
        ready(Ok(()))
    }

    fn get<'a>(&'a self, keys: &'a [CellKey]) -> Answer<'a, Vec<Cell>> {
        let kept = self.kept();
        ready(Ok(keys.iter().filter_map(|key| cell(key, kept.cells.get(key)?)).collect()))
    }

    fn put(&self, puts: Vec<Put>) -> Answer<'_, Vec<Option<u64>>> {
        let mut kept = self.kept();
        ready(Ok(puts.into_iter().map(|put| kept.put(put)).collect()))
    }

    fn list<'a>(
        &'a self,
        shard: Shard,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> Answer<'a, Vec<Cell>> {
        let from = CellKey { shard, name: after.unwrap_or(prefix).max(prefix).into() };
        let kept = self.kept();
        let there = kept
            .cells
            .range(from..)
            .take_while(|(key, _)| key.shard == shard && key.name.starts_with(prefix));
        let behind = there.filter(|(key, _)| after.is_none_or(|after| &*key.name > after));
        ready(Ok(behind.filter_map(|(key, kept)| cell(key, kept)).take(limit).collect()))
    }
}

fn cell(key: &CellKey, (version, value): &(u64, Option<Bytes>)) -> Option<Cell> {
    Some(Cell { key: key.clone(), version: *version, value: value.clone()? })
}
