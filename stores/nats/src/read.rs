//! Reading the log: the head from the leader, records from any replica, and the leader again for what a replica does not
//! have yet. So nothing is missed, and nothing comes twice.

use crate::codec::{Erased, Found, Read};
use crate::error::NatsError;
use crate::link::{MESSAGES_MAX, Which};
use crate::store::NatsStore;
use statewright::store::{Cursor, Head, Kind, Page, Record, Revision, Shard, Store, StoreError, StreamId};
use std::collections::BTreeMap;

/// Records that one page holds at the most, whatever is asked for.
pub(crate) const PAGE_MAX: usize = 10_000;

/// Messages that tell of erased records of one stream.
const ERASED_MAX: usize = 1_000_000;

impl NatsStore {
    /// The last message of a subject or pattern, as the leader has it.
    pub(crate) async fn last(&self, subject: &str) -> Result<Option<Found>, StoreError> {
        let log = self.subjects.log();
        let last = self.link.again(|| self.link.get(log, Which::Last { subject })).await;
        last.map_err(|error| error.store(&self.link.store, "read the end"))
    }

    /// The first message behind a place, as the leader has it.
    pub(crate) async fn next(&self, subject: &str, behind: u64) -> Result<Option<Found>, StoreError> {
        let (log, from) = (self.subjects.log(), behind.saturating_add(1));
        let next = self.link.again(|| self.link.get(log, Which::Next { from, subject })).await;
        next.map_err(|error| error.store(&self.link.store, "read"))
    }

    pub(crate) fn read_message(&self, found: &Found) -> Result<Read, StoreError> {
        Read::of(found).map_err(|what| self.corrupt(what))
    }

    pub(crate) fn corrupt(&self, what: String) -> StoreError {
        StoreError::Corrupt { store: self.link.store.clone(), what }
    }

    pub(crate) async fn read_head(&self, stream: &StreamId) -> Result<Head, StoreError> {
        let Some(last) = self.last(&self.subject(stream)?).await? else { return Ok(Head::default()) };
        Ok(self.read_message(&last)?.head(last.sequence))
    }

    /// The messages of a subject or pattern behind a place: `limit` of them, or all that the leader has, up to `end` if it is
    /// said.
    pub(crate) async fn gather(
        &self,
        subject: &str,
        (behind, end): (u64, Option<u64>),
        limit: usize,
    ) -> Result<Vec<Found>, StoreError> {
        let (mut found, mut at): (Vec<Found>, u64) = (Vec::new(), behind);
        while found.len() < limit && end.is_none_or(|end| at < end) {
            let most = (limit - found.len()).min(MESSAGES_MAX);
            let ask = || self.link.next_many(self.subjects.log(), (subject, at + 1), most);
            let more = self.link.again(ask).await.map_err(|error| error.store(&self.link.store, "read"))?;
            let full = more.len() == most;
            at = more.last().map_or(at, |last| last.sequence);
            found.extend(more);
            if full || end.is_some_and(|end| at >= end) {
                continue;
            }
            // A replica may lag: only the leader knows that there is no more.
            let Some(next) = self.next(subject, at).await? else { break };
            at = next.sequence;
            found.push(next);
        }
        found.retain(|found| end.is_none_or(|end| found.sequence <= end));
        Ok(found)
    }

    pub(crate) async fn read_stream(
        &self,
        stream: &StreamId,
        after: Revision,
        limit: usize,
    ) -> Result<(Vec<Record>, Head), StoreError> {
        let limit = limit.min(PAGE_MAX);
        let subject = self.subject(stream)?;
        let Some(last) = self.last(&subject).await? else { return Ok((Vec::new(), Head::default())) };
        let read = self.read_message(&last)?;
        let (kind, head) = (read.step.kind, read.head(last.sequence));
        if after >= head.revision || limit == 0 {
            return Ok((Vec::new(), head));
        }
        if head.revision == after.plus(1) {
            return Ok((vec![read.record(stream.clone())], head));
        }
        let behind = self.place(stream, &subject, (after, (head.revision, last.sequence))).await?;
        let found = self.gather(&subject, (behind, Some(last.sequence)), limit).await?;
        let mut records = Vec::with_capacity(found.len());
        for found in &found {
            let record = self.read_message(found)?.record(stream.clone());
            self.places.remember(stream, Head { revision: record.revision, token: found.sequence });
            records.push(record);
        }
        if kind == Kind::Deleted {
            records = self.with_erased(stream, after, records).await?;
            records.truncate(limit);
        }
        self.is_gapless(stream, after, &records)?;
        Ok((records, head))
    }

    /// The sequence behind which the records behind `after` stand: a search by halves, since only messages know revisions.
    async fn place(
        &self,
        stream: &StreamId,
        subject: &str,
        (after, mut above): (Revision, (Revision, u64)),
    ) -> Result<u64, StoreError> {
        let mut below = self.places.before(stream, after);
        while below.0 < after && below.1 + 1 < above.1 {
            let middle = below.1 + (above.1 - below.1) / 2;
            let found = self.next(subject, middle - 1).await?;
            let place = match found {
                Some(found) => (self.read_message(&found)?.revision, found.sequence),
                None => above,
            };
            if place.0 <= after {
                below = place;
            } else {
                // From the middle on all are behind it.
                above.1 = middle;
            }
        }
        Ok(below.1)
    }

    /// With what is left of records that were erased, in their order.
    async fn with_erased(
        &self,
        stream: &StreamId,
        after: Revision,
        records: Vec<Record>,
    ) -> Result<Vec<Record>, StoreError> {
        let subject =
            self.subjects.of_erased(self.shard(stream), stream).map_err(|error| self.unnamed(error))?;
        let mut whole: BTreeMap<_, _> = records.into_iter().map(|record| (record.revision, record)).collect();
        for found in self.gather(&subject, (0, None), ERASED_MAX).await? {
            let erased: Erased =
                serde_json::from_slice(&found.payload).map_err(|error| self.corrupt(error.to_string()))?;
            for left in erased.records.into_iter().filter(|(revision, _)| *revision > after.0) {
                let record = Erased::record(stream, left).map_err(|what| self.corrupt(what))?;
                whole.insert(record.revision, record);
            }
        }
        Ok(whole.into_values().collect())
    }

    /// A record that is missing would be passed over in silence.
    fn is_gapless(&self, stream: &StreamId, after: Revision, records: &[Record]) -> Result<(), StoreError> {
        let gap = records.iter().zip(1..).find(|(record, n)| record.revision != after.plus(*n));
        match gap {
            None => Ok(()),
            Some((record, n)) => {
                let missing = after.plus(n);
                Err(self.corrupt(format!("`{stream}` has {} where {missing} should be", record.revision)))
            }
        }
    }

    pub(crate) fn unnamed(&self, error: NatsError) -> StoreError {
        error.store(&self.link.store, "name it")
    }

    pub(crate) async fn scan_shard(
        &self,
        shard: Shard,
        after: &Cursor,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let subject = self.subjects.of_shard(shard);
        let found = self.gather(&subject, (after.position(), None), limit.min(PAGE_MAX)).await?;
        let (mut records, mut cursors) = (Vec::with_capacity(found.len()), Vec::with_capacity(found.len()));
        for found in &found {
            let stream = self.subjects.stream(&found.subject);
            let stream =
                stream.ok_or_else(|| self.corrupt(format!("`{}` is no subject of it", found.subject)))?;
            records.push(self.read_message(found)?.record(stream));
            cursors.push(Cursor::of(found.sequence));
        }
        let next = cursors.last().unwrap_or(after).clone();
        Ok(Page { records, cursors, next })
    }
}
