//! What one transaction writes, decided from where its streams end. Nothing here talks to a server.

use crate::codec::{Prepared, Row, head};
use statewright::store::{Kind, Outcome, StoreError, StreamId, Unit};
use std::collections::{BTreeMap, HashMap};

/// An append that is wished for.
pub(crate) struct Wish {
    pub(crate) prepared: Prepared,
    /// The positions of its first record in commits of which nobody knows.
    pub(super) lost: Vec<i64>,
}

impl Wish {
    pub(crate) fn of(prepared: Prepared) -> Self {
        Self { prepared, lost: Vec::new() }
    }

    /// Its commit was lost; where it was put is remembered.
    pub(super) fn lose(&mut self) {
        self.lost.extend(self.prepared.rows.first().map(|row| row.position));
    }

    /// The key to look for, if a commit was lost.
    pub(super) fn doubtful(&self) -> Option<String> {
        let first = self.prepared.rows.first().filter(|_| !self.lost.is_empty());
        first.map(|row| row.key.clone())
    }

    /// Whether this is what a lost commit has written of it: the same record at the place where it was put.
    fn is_landed(&self, there: &HashMap<String, Row>) -> bool {
        let first = self.prepared.rows.first();
        let found = first.and_then(|row| Some((row, there.get(&row.key)?)));
        found.is_some_and(|(row, there)| {
            let same = Row { position: there.position, ..row.clone() } == *there;
            same && self.lost.contains(&there.position)
        })
    }
}

/// Where a stream ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct End {
    pub(super) revision: i64,
    pub(super) deleted: bool,
}

/// The fate of each wish, if the transaction is committed.
pub(super) struct Plan {
    fates: Vec<Fate>,
}

enum Fate {
    /// It fits, and is to be inserted.
    Fits,
    /// An earlier commit whose answer was lost has written it.
    Landed,
    Conflict(i64),
    Gone,
    /// It would fit, but another part of the batch does not.
    Batch,
}

impl Plan {
    /// `ends` is where each stream ends, `there` is what was found of lost commits.
    pub(super) fn of(
        wishes: &[Wish],
        unit: Unit,
        mut ends: HashMap<StreamId, End>,
        there: &HashMap<String, Row>,
    ) -> Self {
        let mut fates: Vec<Fate> = wishes.iter().map(|wish| fate(wish, &mut ends, there)).collect();
        let fits = |fate: &Fate| matches!(fate, Fate::Fits | Fate::Landed);
        if unit == Unit::Batch && !fates.iter().all(fits) {
            for fate in fates.iter_mut().filter(|fate| fits(fate)) {
                *fate = Fate::Batch;
            }
        }
        Self { fates }
    }

    pub(super) fn fitting<'a>(&'a self, wishes: &'a [Wish]) -> impl Iterator<Item = &'a Wish> {
        let fits = wishes.iter().zip(&self.fates).filter(|(_, fate)| matches!(fate, Fate::Fits));
        fits.map(|(wish, _)| wish)
    }

    /// Gives every record that is to be inserted its place; `ends` are the counters after they were raised by `raised`.
    /// What was raised too much is told, as negative numbers.
    pub(super) fn place(
        &self,
        wishes: &mut [Wish],
        raised: &BTreeMap<i32, i64>,
        ends: &BTreeMap<i32, i64>,
    ) -> BTreeMap<i32, i64> {
        let mut next: BTreeMap<i32, i64> =
            raised.iter().filter_map(|(shard, by)| Some((*shard, ends.get(shard)? - by))).collect();
        for (wish, _) in wishes.iter_mut().zip(&self.fates).filter(|(_, fate)| matches!(fate, Fate::Fits)) {
            for row in &mut wish.prepared.rows {
                let last = next.entry(row.shard).or_default();
                *last += 1;
                row.position = *last;
            }
        }
        let surplus = next.iter().filter_map(|(shard, last)| Some((*shard, last - ends.get(shard)?)));
        surplus.filter(|(_, by)| *by < 0).collect()
    }

    pub(super) fn outcomes(&self, wishes: &[Wish]) -> Vec<Outcome> {
        let outcome = |(wish, fate): (&Wish, &Fate)| match fate {
            Fate::Fits | Fate::Landed => Outcome::Appended(wish.prepared.head()),
            Fate::Conflict(revision) => Outcome::Conflict(head(*revision)),
            Fate::Gone => Outcome::Gone,
            Fate::Batch => Outcome::Refused(StoreError::Batch),
        };
        wishes.iter().zip(&self.fates).map(outcome).collect()
    }
}

/// In the order of the wishes: what an earlier one of the group writes, a later one finds.
fn fate(wish: &Wish, ends: &mut HashMap<StreamId, End>, there: &HashMap<String, Row>) -> Fate {
    let prepared = &wish.prepared;
    if wish.is_landed(there) {
        return Fate::Landed;
    }
    let end = ends.entry(prepared.stream.clone()).or_default();
    if end.deleted {
        return Fate::Gone;
    }
    if end.revision != prepared.after() {
        return Fate::Conflict(end.revision);
    }
    if let Some(last) = prepared.rows.last() {
        *end = End { revision: last.revision, deleted: last.kind == Kind::Deleted };
    }
    Fate::Fits
}

/// How many records each shard gets at the most.
pub(super) fn needs(wishes: &[Wish]) -> BTreeMap<i32, i64> {
    let mut needs = BTreeMap::new();
    for row in wishes.iter().flat_map(|wish| &wish.prepared.rows) {
        *needs.entry(row.shard).or_default() += 1;
    }
    needs
}

#[cfg(test)]
mod tests;
