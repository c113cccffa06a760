//! The work that goes on for one instance, or for one effect that waits for no other.

use super::errand::{Job, Stop};
use super::parked::{Entry, Parked, Spot};
use crate::store::{Record, Revision};
use jiff::Timestamp;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Lane {
    /// Records whose work is settled when it ends.
    records: Vec<u64>,
    /// Where it began, and the last record that it does.
    from: Spot,
    does: Revision,
    /// The cell that stands for it, with its version.
    cell: Option<(u64, Parked)>,
    /// It stands for one effect: somebody else may write its cell too.
    is_one: bool,
    /// Since when its first effect is to be done.
    since: Timestamp,
    /// What was read since.
    waiting: VecDeque<Waiting>,
}

/// A record that was read, and its number in the window.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) number: u64,
    pub(super) record: Arc<Record>,
    /// Somebody may have begun with it before.
    pub(super) old: bool,
}

impl Lane {
    /// Begins with a record that nothing of its instance stands before. `one`: with one effect of it.
    pub(super) fn begin(first: Waiting, one: Option<u32>, waiting: VecDeque<Waiting>) -> (Self, Job) {
        let Waiting { number, record, old } = first;
        let (does, since) = (record.revision, record.step.at);
        let from = Spot { revision: does, index: one.unwrap_or_default() };
        let job = Job {
            stream: record.stream.clone(),
            spot: from,
            attempts: 0,
            through: does,
            is_one: one.is_some(),
            record: Some(record),
            old,
        };
        let (records, is_one) = (vec![number], one.is_some());
        (Self { records, from, does, cell: None, is_one, since, waiting }, job)
    }

    /// Begins with what has waited.
    pub(super) fn begin_again(entry: &Entry) -> (Self, Job) {
        let Entry { stream, is_one, version, parked, .. } = entry;
        let Parked { spot, attempts, through, .. } = *parked;
        let (stream, is_one) = (stream.clone(), *is_one);
        let job = Job { stream, spot, attempts, through, is_one, record: None, old: true };
        let cell = Some((*version, parked.clone()));
        let waiting = VecDeque::new();
        (
            Self { records: Vec::new(), from: spot, does: through, cell, is_one, since: parked.due, waiting },
            job,
        )
    }

    /// Takes in a record that was read meanwhile. `false`: its cell says that it waits or is done.
    pub(super) fn wait(&mut self, next: Waiting) -> bool {
        let is_new = self.cell.as_ref().is_none_or(|(_, parked)| next.record.revision > parked.through);
        if is_new {
            self.waiting.push_back(next);
        }
        is_new
    }

    /// Whether this record is open because of it.
    pub(super) fn has(&self, number: u64) -> bool {
        self.records.contains(&number) || self.waiting.iter().any(|waiting| waiting.number == number)
    }

    pub(super) fn since(&self) -> Timestamp {
        self.since
    }

    pub(super) fn is_one(&self) -> bool {
        self.is_one
    }

    /// The version of its cell.
    pub(super) fn cell(&self) -> Option<u64> {
        self.cell.as_ref().map(|(version, _)| *version)
    }

    /// It has done what it began with: where it is to go on, if its cell says that more waits.
    pub(super) fn rest(&self) -> Option<Stop> {
        let more = self.cell.as_ref().is_some_and(|(_, parked)| parked.through > self.does);
        let spot = Spot { revision: self.does.plus(1), index: 0 };
        more.then_some(Stop { spot, attempts: 0, pause: Duration::ZERO })
    }

    /// What its cell is to say when it stopped, of all that was read.
    pub(super) fn stopped(&self, stop: &Stop, due: Timestamp) -> Parked {
        let through = self.cell.as_ref().map_or(self.does, |(_, parked)| parked.through);
        let read = self.waiting.iter().map(|waiting| waiting.record.revision);
        let through = read.fold(through, Revision::max);
        Parked { spot: stop.spot, attempts: stop.attempts, due, through }
    }

    /// What its cell is to say while it goes on, of all that was read.
    pub(super) fn going_on(&self, now: Timestamp) -> Parked {
        let begun = Stop { spot: self.from, attempts: 0, pause: Duration::ZERO };
        let parked = self.stopped(&begun, now);
        match &self.cell {
            Some((_, begun)) => Parked { through: parked.through, ..begun.clone() },
            None => parked,
        }
    }

    /// Its cell stands for all that was read: the records that are settled by that.
    pub(super) fn covered(&mut self, version: u64, parked: Parked) -> Vec<u64> {
        self.cell = Some((version, parked));
        let waiting = self.waiting.drain(..).map(|waiting| waiting.number);
        self.records.drain(..).chain(waiting).collect()
    }

    /// It is done: the records that are settled by that, and what was read since.
    pub(super) fn done(self) -> (Vec<u64>, VecDeque<Waiting>) {
        (self.records, self.waiting)
    }
}
