//! Records of a shard that were read and are not settled yet; in front of them stands the checkpoint.
//!
//! It knows places and counts, no effects.

use crate::store::Cursor;
use std::collections::VecDeque;
use std::time::Duration;

/// Records in flight; as many may be done again after a kill.
pub(super) const WINDOW_MAX: usize = 256;

#[derive(Debug)]
pub(super) struct Window {
    records: VecDeque<Open>,
    /// The number of the first, and since when it has been that.
    first: u64,
    since: Duration,
    settled: Cursor,
    unsaved: usize,
}

#[derive(Debug)]
struct Open {
    /// The place behind it.
    next: Cursor,
    /// Pieces of work that are not settled.
    work: usize,
}

impl Window {
    /// Everything up to here is settled.
    pub(super) fn new(settled: Cursor) -> Self {
        Self { records: VecDeque::new(), first: 0, since: Duration::ZERO, settled, unsaved: 0 }
    }

    /// Records that may be read now.
    pub(super) fn room(&self) -> usize {
        WINDOW_MAX.saturating_sub(self.records.len())
    }

    /// The record that keeps everything from moving, and since when it does.
    pub(super) fn oldest(&self) -> Option<(u64, Duration)> {
        self.records.front().map(|_| (self.first, self.since))
    }

    /// Takes in a record, behind which stands `next`. Its number; nothing of it is open yet.
    pub(super) fn push(&mut self, next: Cursor, now: Duration) -> u64 {
        if self.records.is_empty() {
            self.since = now;
        }
        self.records.push_back(Open { next, work: 0 });
        self.first + self.records.len() as u64 - 1
    }

    /// A piece of work of this record is to be settled.
    pub(super) fn open(&mut self, record: u64) {
        if let Some(record) = self.record(record) {
            record.work += 1;
        }
    }

    /// A piece of work of this record is settled.
    pub(super) fn settle(&mut self, record: u64) {
        if let Some(record) = self.record(record) {
            record.work = record.work.saturating_sub(1);
        }
    }

    /// Moves up to the oldest record that is open.
    pub(super) fn advance(&mut self, now: Duration) {
        while let Some(record) = self.records.pop_front_if(|record| record.work == 0) {
            (self.first, self.since) = (self.first + 1, now);
            self.unsaved += 1;
            self.settled = record.next;
        }
    }

    /// Where the checkpoint may stand.
    pub(super) fn settled(&self) -> &Cursor {
        &self.settled
    }

    /// Records that are settled and not behind the checkpoint.
    pub(super) fn unsaved(&self) -> usize {
        self.unsaved
    }

    /// The checkpoint stands at [`settled`](Self::settled).
    pub(super) fn saved(&mut self) {
        self.unsaved = 0;
    }

    fn record(&mut self, number: u64) -> Option<&mut Open> {
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.records.get_mut(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkpoint_stands_before_the_oldest_that_is_open() {
        let at = Duration::from_secs;
        let mut window = Window::new(Cursor::of(0));
        let [first, second] = [4, 6].map(|next| window.push(Cursor::of(next), at(next)));
        for record in [first, first, second, second] {
            window.open(record);
        }
        window.settle(second);
        window.advance(at(7));
        assert_eq!((window.settled().position(), window.room()), (0, WINDOW_MAX - 2));
        window.settle(first);
        window.advance(at(8));
        assert_eq!((window.settled().position(), window.unsaved()), (0, 0), "one of two is open");
        assert_eq!(window.oldest(), Some((first, at(4))));
        window.settle(first);
        window.advance(at(9));
        assert_eq!((window.settled().position(), window.unsaved()), (4, 1));
        assert_eq!(window.oldest(), Some((second, at(9))));
        window.settle(second);
        window.advance(at(10));
        assert_eq!((window.settled().position(), window.unsaved(), window.oldest()), (6, 2, None));
        window.saved();
        assert_eq!((window.unsaved(), window.room()), (0, WINDOW_MAX));
        window.push(Cursor::of(7), at(11));
        window.advance(at(11));
        assert_eq!(window.settled().position(), 7, "a record that nothing is to be done for goes by");
    }
}
