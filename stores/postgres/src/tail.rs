//! The newest records of each shard, as far as this handle has written them itself: who follows a shard is answered out of
//! them, and nothing is read from the server that was just sent there.
//!
//! While nobody else writes to the shard, a tail also tells the heads of the streams that are in it. That nobody else did, the
//! server says: the shard still ends where the tail ends.
//!
//! A tail has no gaps. A commit that does not continue it, because others have written in between or an answer was lost, is the
//! beginning of a new one.

use crate::rows::Step;
use crate::statistics::Counters;
use statewright::store::{Cursor, FOLLOW_AGE_MAX, Kind, Page, Record, StreamId};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// Most bytes of all tails, as the records are counted that were sent.
const BYTES_MAX: usize = 8 << 20;

/// Most records of one tail.
const RECORDS_MAX: usize = 1_024;

/// What one transaction has written to one shard.
#[derive(Debug)]
pub(crate) struct Grown {
    pub(crate) shard: i16,
    /// Where the shard ended before.
    pub(crate) from: i64,
    /// Where it ends now.
    pub(crate) end: i64,
    /// How many connections there had been before it was sent.
    connects: u64,
    entries: Vec<Entry>,
}

impl Grown {
    /// Steps with their positions, in order; between them may be places that hold nothing.
    pub(crate) fn of<'a>(
        shard: i16,
        (from, end): (i64, i64),
        connects: u64,
        steps: impl Iterator<Item = (i64, &'a Step)>,
    ) -> Self {
        let since = Instant::now();
        let entry = |(position, step): (i64, &Step)| {
            let (record, bytes) = (Arc::clone(&step.record), step.bytes());
            Entry { position, record, bytes, since }
        };
        Self { shard, from, end, connects, entries: steps.map(entry).collect() }
    }
}

pub(crate) struct Tails {
    shards: Vec<Mutex<Tail>>,
    bytes_max: usize,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Tail {
    /// Everything between these two positions is here.
    from: i64,
    end: i64,
    entries: VecDeque<Entry>,
    bytes: usize,
    /// The newest record of every stream in it, and how many connections there had been before it was sent.
    heads: HashMap<StreamId, (Arc<Record>, u64)>,
}

#[derive(Debug)]
struct Entry {
    position: i64,
    record: Arc<Record>,
    bytes: usize,
    since: Instant,
}

impl Tails {
    pub(crate) fn new(shards: u16, counters: Arc<Counters>) -> Self {
        let tails = (0..shards).map(|_| Mutex::default()).collect();
        Self { shards: tails, bytes_max: BYTES_MAX / usize::from(shards.max(1)), counters }
    }

    /// Called in the order of the commits.
    pub(crate) fn grow(&self, grown: Grown) {
        let Some(mut tail) = self.tail(grown.shard) else { return };
        if tail.end != grown.from {
            *tail = Tail { from: grown.from, ..Tail::default() };
        }
        tail.end = grown.end;
        tail.bytes += grown.entries.iter().map(|entry| entry.bytes).sum::<usize>();
        for Entry { record, .. } in &grown.entries {
            tail.heads.insert(record.stream.clone(), (Arc::clone(record), grown.connects));
        }
        tail.entries.extend(grown.entries);
        tail.shorten(self.bytes_max);
    }

    /// What stands behind `after`, if all of it up to the end of the tail is known.
    pub(crate) fn page(&self, shard: i16, after: i64, limit: usize) -> Option<Page> {
        let mut tail = self.tail(shard)?;
        tail.shorten(self.bytes_max);
        if after < tail.from || after >= tail.end {
            return None;
        }
        let first = tail.entries.partition_point(|entry| entry.position <= after);
        let found = tail.entries.range(first..).take(limit);
        let (cursors, records): (Vec<_>, Vec<_>) =
            found.map(|entry| (cursor(entry.position), Record::clone(&entry.record))).unzip();
        let rest = tail.entries.len() - first > records.len();
        let next = if rest { cursors.last().cloned()? } else { cursor(tail.end) };
        Some(Page { records, cursors, next })
    }

    /// Where the shard ends, if all these streams have the heads that are expected as long as it ends there.
    ///
    /// Another connection may lead to another server, which lost what this one has acknowledged, if it is allowed to
    /// ([`Durability`](crate::Durability)). So what was written before it was made tells nothing.
    pub(crate) fn known<'a>(
        &self,
        shard: i16,
        mut expected: impl Iterator<Item = (&'a StreamId, i64)>,
    ) -> Option<i64> {
        let mut tail = self.tail(shard)?;
        tail.shorten(self.bytes_max);
        let connects = self.counters.connects();
        let is_known = |(stream, after): (&StreamId, i64)| {
            tail.heads.get(stream).is_some_and(|(record, then)| {
                record.revision.0 == after.cast_unsigned()
                    && record.step.kind != Kind::Deleted
                    && *then == connects
            })
        };
        expected.all(is_known).then_some(tail.end)
    }

    /// Some of what is here is not to be read any more.
    pub(crate) fn forget(&self, shard: i16) {
        if let Some(mut tail) = self.tail(shard) {
            *tail = Tail { from: tail.end, end: tail.end, ..Tail::default() };
        }
    }

    fn tail(&self, shard: i16) -> Option<MutexGuard<'_, Tail>> {
        let tail = self.shards.get(usize::try_from(shard).ok()?)?;
        Some(tail.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Tail {
    fn shorten(&mut self, bytes_max: usize) {
        while let Some(first) = self.entries.front()
            && (self.entries.len() > RECORDS_MAX
                || self.bytes > bytes_max
                || first.since.elapsed() >= FOLLOW_AGE_MAX)
        {
            self.from = first.position;
            self.bytes -= first.bytes;
            let record = &first.record;
            if self.heads.get(&record.stream).is_some_and(|(head, _)| head.revision == record.revision) {
                self.heads.remove(&record.stream);
            }
            self.entries.pop_front();
        }
    }
}

fn cursor(position: i64) -> Cursor {
    Cursor::of(position.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use statewright::store::{RecordedStep, Revision};
    use std::time::Duration;

    /// A commit of one record behind `from`.
    fn commit(from: i64) -> Grown {
        let stream = StreamId::new("acme", "Order", "a");
        let record =
            Record { stream, revision: Revision(from.cast_unsigned() + 1), step: RecordedStep::default() };
        let entry = Entry { position: from + 1, record: Arc::new(record), bytes: 100, since: Instant::now() };
        Grown { shard: 0, from, end: from + 1, connects: 0, entries: vec![entry] }
    }

    fn positions(tails: &Tails, after: i64, limit: usize) -> Option<(Vec<u64>, u64)> {
        let page = tails.page(0, after, limit)?;
        Some((page.cursors.iter().map(Cursor::position).collect(), page.next.position()))
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_written_without_a_gap_is_there() {
        let tails = Tails::new(1, Arc::default());
        for from in 0..5 {
            tails.grow(commit(from));
        }
        assert_eq!(positions(&tails, 0, 9), Some((vec![1, 2, 3, 4, 5], 5)));
        assert_eq!(positions(&tails, 3, 9), Some((vec![4, 5], 5)));
        assert_eq!(
            positions(&tails, 1, 2),
            Some((vec![2, 3], 3)),
            "a full page goes on behind its last record"
        );
        assert_eq!(positions(&tails, 5, 9), None, "behind it others may have written");
    }

    #[tokio::test(start_paused = true)]
    async fn a_gap_begins_a_new_tail() {
        let tails = Tails::new(1, Arc::default());
        tails.grow(commit(0));
        tails.grow(commit(4));
        assert_eq!(positions(&tails, 0, 9), None, "others have written 2 to 4");
        assert_eq!(positions(&tails, 3, 9), None);
        assert_eq!(positions(&tails, 4, 9), Some((vec![5], 5)));
    }

    #[tokio::test(start_paused = true)]
    async fn places_without_a_record_are_passed() {
        let tails = Tails::new(1, Arc::default());
        tails.grow(Grown { shard: 0, from: 0, end: 3, connects: 0, entries: Vec::new() });
        assert_eq!(positions(&tails, 1, 9), Some((Vec::new(), 3)));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_bounded_by_records_bytes_and_age() {
        let tails = Tails::new(1, Arc::default());
        let max = i64::try_from(RECORDS_MAX).expect("few");
        for from in 0..max + 10 {
            tails.grow(commit(from));
        }
        assert_eq!(positions(&tails, 9, 1), None);
        assert_eq!(positions(&tails, 10, 1), Some((vec![11], 11)));
        let large = Tails { bytes_max: 250, ..Tails::new(1, Arc::default()) };
        for from in 0..3 {
            large.grow(commit(from));
        }
        assert_eq!((positions(&large, 0, 9), positions(&large, 1, 9)), (None, Some((vec![2, 3], 3))));
        tokio::time::advance(FOLLOW_AGE_MAX.saturating_sub(Duration::from_millis(1))).await;
        assert!(positions(&large, 1, 9).is_some());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(positions(&large, 1, 9), None, "it is read again");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_forgotten_is_not_there() {
        let tails = Tails::new(1, Arc::default());
        tails.grow(commit(0));
        tails.forget(0);
        assert_eq!(positions(&tails, 0, 9), None);
        tails.grow(commit(1));
        assert_eq!(positions(&tails, 1, 9), Some((vec![2], 2)));
    }

    fn known(tails: &Tails, after: i64) -> Option<i64> {
        let stream = commit(0).entries.remove(0).record.stream.clone();
        tails.known(0, std::iter::once((&stream, after)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_is_known_while_it_is_in_the_tail() {
        let tails = Tails::new(1, Arc::default());
        assert_eq!(known(&tails, 0), None, "of what was never written nothing is known");
        tails.grow(commit(0));
        tails.grow(commit(1));
        assert_eq!(known(&tails, 2), Some(2));
        assert_eq!(
            (known(&tails, 1), known(&tails, 3)),
            (None, None),
            "what does not fit, the server is asked"
        );
        let other = StreamId::new("acme", "Order", "b");
        let stream = StreamId::new("acme", "Order", "a");
        assert_eq!(tails.known(0, [(&stream, 2), (&other, 0)].into_iter()), None, "all have to be known");
        tokio::time::advance(FOLLOW_AGE_MAX).await;
        assert_eq!(known(&tails, 2), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_gap_another_connection_and_a_deletion_end_what_is_known() {
        let counters = Arc::new(Counters::default());
        let tails = Tails::new(1, Arc::clone(&counters));
        tails.grow(commit(0));
        let away = Grown { shard: 0, from: 3, end: 4, connects: 0, entries: Vec::new() };
        tails.grow(away);
        assert_eq!(known(&tails, 1), None, "others may have written to it");
        tails.grow(commit(4));
        assert_eq!(known(&tails, 5), Some(5));
        crate::statistics::count(&counters.connects, 1);
        assert_eq!(known(&tails, 5), None);
        tails.grow(commit(5));
        assert_eq!(
            known(&tails, 6),
            None,
            "it was sent before the connection was made, and answered behind it"
        );
        tails.grow(Grown { connects: 1, ..commit(6) });
        assert_eq!(known(&tails, 7), Some(7));
        let mut gone = Grown { connects: 1, ..commit(7) };
        Arc::make_mut(&mut gone.entries[0].record).step.kind = Kind::Deleted;
        tails.grow(gone);
        assert_eq!(known(&tails, 8), None);
    }
}
