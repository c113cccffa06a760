//! The answers for a store that has none of its own, and what every other answer is held against.

use super::{By, GROUPS_MAX, Key, PAGE_MAX, Place, Scope, Selection, Spent, Times, last_by, micros};
use crate::store::{Cursor, Record, RecordedStep, Revision, Shard, Store, StoreError, StreamId};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// See [`count`](super::count).
///
/// # Errors
/// See there.
pub async fn count(
    store: &dyn Store,
    scope: &Scope,
    selection: &Selection,
    by: By,
) -> Result<BTreeMap<Key, u64>, StoreError> {
    let mut counts = BTreeMap::new();
    for shard in scope.shards(store) {
        let mut cursor = Cursor::default();
        loop {
            let page = store.scan(shard, &cursor, PAGE_MAX).await?;
            if page.records.is_empty() {
                break;
            }
            cursor = page.next;
            let records = page.records.iter().filter(|record| scope.holds(&record.stream));
            for record in records.filter(|record| selection.holds(&record.step)) {
                *counts.entry(by.key(&record.step)).or_default() += 1;
            }
            within(counts.len())?;
        }
    }
    Ok(counts)
}

/// See [`times`](super::times); the span is a pair.
///
/// # Errors
/// See there.
pub async fn times(
    store: &dyn Store,
    scope: &Scope,
    span: (Timestamp, Timestamp),
) -> Result<Times, StoreError> {
    let mut sums = Sums { span: (micros(span.0), micros(span.1)), times: Times::default() };
    if let Some(stream) = scope.one() {
        sums.add_stream(store, &stream).await?;
    } else {
        for shard in scope.shards(store) {
            let mut after: Option<StreamId> = None;
            loop {
                let page = store.streams(shard, after.as_ref(), PAGE_MAX).await?;
                for stream in page.iter().filter(|stream| scope.holds(stream)) {
                    sums.add_stream(store, stream).await?;
                }
                let Some(last) = page.last() else { break };
                after = Some(last.clone());
            }
        }
    }
    Ok(sums.times)
}

struct Sums {
    span: (i64, i64),
    times: Times,
}

impl Sums {
    async fn add_stream(&mut self, store: &dyn Store, stream: &StreamId) -> Result<(), StoreError> {
        let (mut records, mut head) = store.read(stream, Revision(0), PAGE_MAX).await?;
        let Some(first) = records.first() else { return Ok(()) };
        self.times.streams += 1;
        let before = self.clip(i64::MIN, Some(micros(first.step.at)));
        self.times.absent.add(before);
        // Of a long stream only what is in the span is read.
        let starts_later = records.last().is_some_and(|last| micros(last.step.at) < self.span.0);
        if starts_later && head.revision.0 > records.len() as u64 {
            let from = Timestamp::from_microsecond(self.span.0).unwrap_or(Timestamp::MIN);
            if let Some(record) = last_by(store, stream, from).await? {
                let before = Revision(record.revision.0 - 1);
                (records, head) = store.read(stream, before, PAGE_MAX).await?;
            }
        }
        let mut here: Option<(Place, i64)> = None;
        loop {
            for record in &records {
                self.add_record(record, &mut here)?;
            }
            let Some(last) = records.last() else { break };
            if last.revision >= head.revision || micros(last.step.at) > self.span.1 {
                break;
            }
            (records, head) = store.read(stream, last.revision, PAGE_MAX).await?;
        }
        match here {
            Some((place, since)) => self.add(place, self.clip(since, None)),
            None => Ok(()),
        }
    }

    fn add_record(&mut self, record: &Record, here: &mut Option<(Place, i64)>) -> Result<(), StoreError> {
        let at = micros(record.step.at);
        match here.replace((Place::behind(&record.step), at)) {
            Some((place, since)) => self.add(place, self.clip(since, Some(at))),
            None => Ok(()),
        }
    }

    fn add(&mut self, place: Place, spent: Spent) -> Result<(), StoreError> {
        if spent == Spent::default() {
            return Ok(());
        }
        self.times.places.entry(place).or_default().add(spent);
        within(self.times.places.len())
    }

    /// What lies in the span of a time from `since` to `until`.
    fn clip(&self, since: i64, until: Option<i64>) -> Spent {
        let (from, to) = self.span;
        if since > to {
            return Spent::default();
        }
        let time = until.unwrap_or(to).min(to).saturating_sub(since.max(from));
        let time = Duration::from_micros(u64::try_from(time).unwrap_or_default());
        Spent { time, at_end: u64::from(until.is_none_or(|until| until > to)) }
    }
}

fn within(groups: usize) -> Result<(), StoreError> {
    if groups > GROUPS_MAX { Err(StoreError::TooManyGroups { max: GROUPS_MAX }) } else { Ok(()) }
}

impl Scope {
    /// The one stream that it can be.
    fn one(&self) -> Option<StreamId> {
        let (tenant, instance) = (self.tenant.as_deref()?, self.instance.as_deref()?);
        Some(StreamId::new(tenant, &self.machine, instance))
    }

    fn shards(&self, store: &dyn Store) -> impl Iterator<Item = Shard> + use<> {
        let one = self.one().map(|stream| store.shard(&stream));
        let all = if one.is_some() { 0 } else { store.limits().shards };
        one.into_iter().chain((0..all).map(Shard))
    }

    pub(crate) fn holds(&self, stream: &StreamId) -> bool {
        let fits = |wanted: &Option<Arc<str>>, found: &Arc<str>| {
            wanted.as_ref().is_none_or(|wanted| wanted == found)
        };
        self.machine == stream.machine
            && fits(&self.tenant, &stream.tenant)
            && fits(&self.instance, &stream.instance)
    }
}

impl By {
    fn key(self, step: &RecordedStep) -> Key {
        match self {
            Self::State => Key::Name(step.to.clone()),
            Self::Trigger => Key::Name(step.trigger.clone()),
            Self::Time { width, offset } => {
                let place = (micros(step.at) + offset).rem_euclid(width.max(1));
                Key::Time(micros(step.at) - place)
            }
        }
    }
}
