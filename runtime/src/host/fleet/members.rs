//! The hosts of a machine on one store, as one of them sees them: who lives, and who is to have which shard.
//!
//! A host is alive while its cell changes; it needs to be told nothing.

use crate::lease::is_this_process;
use crate::store::{Cell, Shard, stirred_hash};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Clocks that are further apart are warned of.
const SKEW_MAX: Duration = Duration::from_secs(1);

/// What a host says of itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Sign {
    /// The mark of its process.
    pub(crate) process: Arc<str>,
    /// What it can do for a shard.
    pub(crate) duties: Vec<Arc<str>>,
    /// Its time of day when it wrote this, in microseconds.
    pub(crate) at: i64,
}

#[derive(Debug)]
struct Member {
    version: u64,
    /// Since when it has not changed, on the monotonic clock.
    since: Duration,
    sign: Sign,
    /// How far its clock was from this one's at least, when it wrote that.
    skew: Duration,
}

/// A moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: Timestamp,
    pub(crate) monotonic: Duration,
}

#[derive(Debug)]
pub(crate) struct Members {
    id: Arc<str>,
    duties: Vec<Arc<str>>,
    time: Duration,
    exclusive: bool,
    others: BTreeMap<Arc<str>, Member>,
    seen: Option<Moment>,
}

impl Members {
    /// This host alone.
    pub(crate) fn new(id: Arc<str>, duties: Vec<Arc<str>>, lease: (Duration, bool)) -> Self {
        let (time, exclusive) = lease;
        Self { id, duties, time, exclusive, others: BTreeMap::new(), seen: None }
    }

    /// Takes in the cells of all hosts: id and cell. Those whose hosts are dead for long are to be removed.
    pub(crate) fn see(&mut self, cells: &[(Arc<str>, &Cell)], moment: Moment) -> Vec<Cell> {
        let before = self.seen.replace(moment);
        self.others.retain(|id, _| cells.iter().any(|(there, _)| there == id));
        let mut dead = Vec::new();
        for (id, cell) in cells.iter().filter(|(id, _)| *id != self.id) {
            let known = self.others.get(id);
            if known.is_none_or(|member| member.version != cell.version) {
                let sign: Sign = serde_json::from_slice(&cell.value).unwrap_or_default();
                let skew = match before {
                    Some(before) if known.is_some() => skew(&sign, (before.now, moment.now)),
                    _ => Duration::ZERO,
                };
                warn_of_skew(id, skew);
                let member = Member { version: cell.version, since: moment.monotonic, sign, skew };
                self.others.insert(Arc::clone(id), member);
            }
            let quiet = self.others.get(id).map(|member| moment.monotonic.saturating_sub(member.since));
            if quiet.is_some_and(|quiet| quiet >= self.time.saturating_mul(10)) {
                dead.push((*cell).clone());
            }
        }
        dead
    }

    /// Hosts that live, this one counted.
    pub(crate) fn live(&self) -> usize {
        1 + self.living().count()
    }

    /// How far the clocks of hosts that live are from this one's at least: the largest of all.
    pub(super) fn skew(&self) -> Duration {
        self.living().map(|(_, member)| member.skew).max().unwrap_or_default()
    }

    /// Whether no other host that lives is to have this shard: the highest hash has it (rendezvous hashing, Thaler and
    /// Ravishankar).
    pub(crate) fn is_preferred(&self, duty: &str, shard: Shard) -> bool {
        let shard = shard.0.to_string();
        let weight = |id: &str| (stirred_hash([id, duty, &shard]), id.to_owned());
        if !self.duties.iter().any(|own| **own == *duty) {
            return false;
        }
        let mut rivals =
            self.living().filter(|(_, member)| member.sign.duties.iter().any(|other| **other == *duty));
        let own = weight(&self.id);
        rivals.all(|(id, _)| weight(id) < own)
    }

    fn living(&self) -> impl Iterator<Item = (&Arc<str>, &Member)> {
        let now = self.seen.map(|moment| moment.monotonic).unwrap_or_default();
        self.others.iter().filter(move |(_, member)| {
            let gone = self.exclusive && !is_this_process(&member.sign.process);
            !gone && now.saturating_sub(member.since) < self.time
        })
    }
}

/// A cell that has changed between two looks was written between them, by a clock that goes right.
fn skew(sign: &Sign, looks: (Timestamp, Timestamp)) -> Duration {
    let Ok(at) = Timestamp::from_microsecond(sign.at) else { return Duration::ZERO };
    let (early, late) = (looks.0.duration_since(at), at.duration_since(looks.1));
    Duration::try_from(early.max(late)).unwrap_or_default()
}

fn warn_of_skew(id: &str, skew: Duration) {
    if skew >= SKEW_MAX {
        tracing::warn!(
            host = id,
            ?skew,
            "the clock of another host differs: its timers fire early or late by that"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::process;
    use crate::store::CellKey;
    use bytes::Bytes;

    const TIME: Duration = Duration::from_secs(10);

    fn members(id: &str) -> Members {
        Members::new(id.into(), vec!["timers".into()], (TIME, false))
    }

    fn cell(id: &str, version: u64) -> Cell {
        let sign = Sign { process: process(), duties: vec!["timers".into()], at: 0 };
        let value = Bytes::from(serde_json::to_vec(&sign).expect("plain"));
        Cell { key: CellKey { shard: Shard(0), name: format!("host/Door/{id}").into() }, version, value }
    }

    fn at(seconds: u64) -> Moment {
        Moment { now: Timestamp::UNIX_EPOCH, monotonic: Duration::from_secs(seconds) }
    }

    #[test]
    fn every_shard_has_one_preferred_host_and_all_agree() {
        let names = ["a", "b", "c"];
        let cells = names.map(|name| cell(name, 1));
        let listed: Vec<_> = names.iter().zip(&cells).map(|(name, cell)| (Arc::from(*name), cell)).collect();
        let mut counts = [0; 3];
        let all = names.map(|name| {
            let mut members = members(name);
            members.see(&listed, at(0));
            members
        });
        for shard in (0..64).map(Shard) {
            let preferred: Vec<_> = all.iter().map(|members| members.is_preferred("timers", shard)).collect();
            assert_eq!(preferred.iter().filter(|is| **is).count(), 1, "{shard:?}");
            let place = preferred.iter().position(|is| *is).expect("one is");
            counts[place] += 1;
        }
        assert!(counts.iter().all(|count| *count > 8), "{counts:?}");
        assert!(!all[0].is_preferred("effects", Shard(0)));
    }

    #[test]
    fn a_host_whose_cell_stands_still_is_dead_and_then_forgotten() {
        let mut members = members("a");
        let other = cell("b", 1);
        let listed = [(Arc::from("b"), &other)];
        members.see(&listed, at(0));
        assert_eq!(members.live(), 2);
        assert!(members.see(&listed, at(10)).is_empty());
        assert_eq!(members.live(), 1);
        assert_eq!(members.see(&listed, at(100)).len(), 1);
        let renewed = cell("b", 2);
        members.see(&[(Arc::from("b"), &renewed)], at(101));
        assert_eq!(members.live(), 2);
        members.see(&[], at(102));
        assert_eq!(members.live(), 1);
    }

    #[test]
    fn hosts_of_another_process_are_gone_where_only_one_writes() {
        let mut members = Members::new("a".into(), vec!["timers".into()], (TIME, true));
        let mut other = cell("b", 1);
        other.value = Bytes::from_static(br#"{"process":"gone","duties":["timers"]}"#);
        members.see(&[(Arc::from("b"), &other)], at(0));
        assert_eq!(members.live(), 1);
    }
}
