//! The newest records of each shard, as far as this handle has written them itself: who follows a shard is answered out of
//! them, and nothing is read from the server that was just sent there.
//!
//! A tail has no gaps. A commit that does not continue it, because others have written in between or an answer was lost, is the
//! beginning of a new one.

use crate::rows::Step;
use statewright::store::{Cursor, FOLLOW_AGE_MAX, Page, Record};
use std::collections::VecDeque;
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
    entries: Vec<Entry>,
}

impl Grown {
    /// Steps with their positions, in order; between them may be places that hold nothing.
    pub(crate) fn of<'a>(
        shard: i16,
        (from, end): (i64, i64),
        steps: impl Iterator<Item = (i64, &'a Step)>,
    ) -> Self {
        let since = Instant::now();
        let entry = |(position, step): (i64, &Step)| {
            let (record, bytes) = (Arc::clone(&step.record), step.bytes());
            Entry { position, record, bytes, since }
        };
        Self { shard, from, end, entries: steps.map(entry).collect() }
    }
}

pub(crate) struct Tails {
    shards: Vec<Mutex<Tail>>,
    bytes_max: usize,
}

#[derive(Default)]
struct Tail {
    /// Everything between these two positions is here.
    from: i64,
    end: i64,
    entries: VecDeque<Entry>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    position: i64,
    record: Arc<Record>,
    bytes: usize,
    since: Instant,
}

impl Tails {
    pub(crate) fn new(shards: u16) -> Self {
        let tails = (0..shards).map(|_| Mutex::default()).collect();
        Self { shards: tails, bytes_max: BYTES_MAX / usize::from(shards.max(1)) }
    }

    /// Called in the order of the commits.
    pub(crate) fn grow(&self, grown: Grown) {
        let Some(mut tail) = self.tail(grown.shard) else { return };
        if tail.end != grown.from {
            *tail = Tail { from: grown.from, ..Tail::default() };
        }
        tail.end = grown.end;
        tail.bytes += grown.entries.iter().map(|entry| entry.bytes).sum::<usize>();
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
    use statewright::store::{RecordedStep, Revision, StreamId};
    use std::time::Duration;

    /// A commit of one record behind `from`.
    fn commit(from: i64) -> Grown {
        let stream = StreamId::new("acme", "Order", "a");
        let record =
            Record { stream, revision: Revision(from.cast_unsigned() + 1), step: RecordedStep::default() };
        let entry = Entry { position: from + 1, record: Arc::new(record), bytes: 100, since: Instant::now() };
        Grown { shard: 0, from, end: from + 1, entries: vec![entry] }
    }

    fn positions(tails: &Tails, after: i64, limit: usize) -> Option<(Vec<u64>, u64)> {
        let page = tails.page(0, after, limit)?;
        Some((page.cursors.iter().map(Cursor::position).collect(), page.next.position()))
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_written_without_a_gap_is_there() {
        let tails = Tails::new(1);
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
        let tails = Tails::new(1);
        tails.grow(commit(0));
        tails.grow(commit(4));
        assert_eq!(positions(&tails, 0, 9), None, "others have written 2 to 4");
        assert_eq!(positions(&tails, 3, 9), None);
        assert_eq!(positions(&tails, 4, 9), Some((vec![5], 5)));
    }

    #[tokio::test(start_paused = true)]
    async fn places_without_a_record_are_passed() {
        let tails = Tails::new(1);
        tails.grow(Grown { shard: 0, from: 0, end: 3, entries: Vec::new() });
        assert_eq!(positions(&tails, 1, 9), Some((Vec::new(), 3)));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_bounded_by_records_bytes_and_age() {
        let tails = Tails::new(1);
        let max = i64::try_from(RECORDS_MAX).expect("few");
        for from in 0..max + 10 {
            tails.grow(commit(from));
        }
        assert_eq!(positions(&tails, 9, 1), None);
        assert_eq!(positions(&tails, 10, 1), Some((vec![11], 11)));
        let large = Tails { bytes_max: 250, ..Tails::new(1) };
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
        let tails = Tails::new(1);
        tails.grow(commit(0));
        tails.forget(0);
        assert_eq!(positions(&tails, 0, 9), None);
        tails.grow(commit(1));
        assert_eq!(positions(&tails, 1, 9), Some((vec![2], 2)));
    }
}
