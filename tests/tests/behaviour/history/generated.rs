//! A store that holds one stream of any length, made while it is read, and counts the records that are alive.

use futures_core::future::BoxFuture;
use jiff::Timestamp;
use statewright::store::{
    Answer, Append, Cell, CellKey, Cursor, Head, Kind, Limits, MemoryStore, Outcome, Page, Payload, Put,
    Record, RecordedEvent, RecordedStep, Revision, Shard, Store, StreamId, Unit,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A door that is opened and shut, once every hour.
pub(super) struct Generated {
    length: u64,
    pub(super) stream: StreamId,
    /// Every record shares it: as many as there are, so many are alive.
    token: Arc<str>,
    most: AtomicUsize,
    shelf: MemoryStore,
}

impl Generated {
    pub(super) fn new(length: u64) -> Self {
        Self {
            length,
            stream: StreamId::new("", "Door", "generated"),
            token: "token".into(),
            most: AtomicUsize::new(0),
            shelf: MemoryStore::with_shards(1),
        }
    }

    /// When a record is made.
    pub(super) fn time(revision: u64) -> Timestamp {
        Timestamp::from_second(i64::try_from(revision * 3_600).expect("in range")).expect("in range")
    }

    /// The most records that were alive since the last call.
    pub(super) fn most(&self) -> usize {
        self.most.swap(0, Ordering::Relaxed)
    }

    fn page(&self, after: u64, limit: usize) -> Vec<Record> {
        let page = (after + 1..=self.length).take(limit).map(|revision| self.record(revision)).collect();
        self.most.fetch_max(Arc::strong_count(&self.token) - 1, Ordering::Relaxed);
        page
    }

    fn record(&self, revision: u64) -> Record {
        let (trigger, from, to, name) = if revision.is_multiple_of(2) {
            ("Close", "Ajar", "Closed", "door.shut")
        } else {
            ("Open", "Closed", "Ajar", "door.opened")
        };
        let mut step = RecordedStep {
            kind: Kind::Step,
            at: Self::time(revision),
            command: Arc::clone(&self.token),
            trigger: trigger.into(),
            from: from.into(),
            to: to.into(),
            ..RecordedStep::default()
        };
        step.body.events.push(RecordedEvent { name: name.into(), version: 1, payload: Payload::default() });
        Record { stream: self.stream.clone(), revision: Revision(revision), step }
    }

    fn end(&self) -> Head {
        Head { revision: Revision(self.length), token: self.length }
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, T> {
    Box::pin(std::future::ready(value))
}

impl Store for Generated {
    fn limits(&self) -> &Limits {
        self.shelf.limits()
    }

    fn append(&self, batch: Vec<Append>, _unit: Unit) -> BoxFuture<'_, Vec<Outcome>> {
        ready(batch.iter().map(|_| Outcome::Conflict(self.end())).collect())
    }

    fn head<'a>(&'a self, _stream: &'a StreamId) -> Answer<'a, Head> {
        ready(Ok(self.end()))
    }

    fn read<'a>(
        &'a self,
        _stream: &'a StreamId,
        after: Revision,
        limit: usize,
    ) -> Answer<'a, (Vec<Record>, Head)> {
        ready(Ok((self.page(after.0, limit), self.end())))
    }

    fn scan<'a>(&'a self, _shard: Shard, after: &'a Cursor, limit: usize) -> Answer<'a, Page> {
        let records = self.page(after.position(), limit);
        let cursors: Vec<_> = (after.position() + 1..).map(Cursor::of).take(records.len()).collect();
        let next = cursors.last().unwrap_or(after).clone();
        ready(Ok(Page { records, cursors, next }))
    }

    fn end(&self, _shard: Shard) -> Answer<'_, Cursor> {
        ready(Ok(Cursor::of(self.length)))
    }

    fn changed<'a>(&'a self, shard: Shard, after: &'a Cursor) -> Answer<'a, ()> {
        self.shelf.changed(shard, after)
    }

    fn streams<'a>(
        &'a self,
        _shard: Shard,
        after: Option<&'a StreamId>,
        _limit: usize,
    ) -> Answer<'a, Vec<StreamId>> {
        ready(Ok(if after.is_none() { vec![self.stream.clone()] } else { Vec::new() }))
    }

    fn erase<'a>(&'a self, stream: &'a StreamId) -> Answer<'a, ()> {
        self.shelf.erase(stream)
    }

    fn get<'a>(&'a self, keys: &'a [CellKey]) -> Answer<'a, Vec<Cell>> {
        self.shelf.get(keys)
    }

    fn put(&self, puts: Vec<Put>) -> Answer<'_, Vec<Option<u64>>> {
        self.shelf.put(puts)
    }

    fn list<'a>(
        &'a self,
        shard: Shard,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> Answer<'a, Vec<Cell>> {
        self.shelf.list(shard, prefix, after, limit)
    }
}
