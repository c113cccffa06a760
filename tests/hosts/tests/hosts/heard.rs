//! The outside world: it hears every ring, drops keys that it knows, and can say which came twice and why.

use crate::fleet::{Fate, Number};
use std::collections::{BTreeMap, BTreeSet};

/// One ring of a bell, or one record that was followed: by whom.
type Who = Vec<Number>;

/// What was heard until now.
#[derive(Default)]
pub(crate) struct Heard {
    /// By key.
    pub(crate) rang: BTreeMap<String, Who>,
    /// By instance and revision.
    pub(crate) seen: BTreeMap<(String, u64), Who>,
    pub(crate) done: BTreeSet<String>,
    /// Acknowledgements that came too late, by host.
    pub(crate) fenced: Who,
    /// Who rang a bell last.
    pub(crate) last: BTreeMap<String, Number>,
    /// The largest epoch that a bell was rung in, and rings in smaller ones.
    epochs: BTreeMap<String, u64>,
    pub(crate) stale: Who,
}

/// What a line says.
pub(crate) enum Said<'a> {
    Rang(&'a str),
    Else,
}

impl Heard {
    pub(crate) fn hear<'a>(&mut self, host: Number, line: &'a str) -> Said<'a> {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["rang", key, epoch] => {
                let bell = key.split('/').nth(2).expect("tenant, machine, instance");
                self.rang.entry(key.to_owned()).or_default().push(host);
                self.last.insert(bell.to_owned(), host);
                let epoch: u64 = epoch.parse().expect("a number");
                let largest = self.epochs.entry(bell.to_owned()).or_default();
                if epoch < *largest {
                    self.stale.push(host);
                }
                *largest = epoch.max(*largest);
                return Said::Rang(bell);
            }
            ["seen", instance, revision, state] => {
                let place = (instance.to_owned(), revision.parse().expect("a number"));
                self.seen.entry(place).or_default().push(host);
                if state == "Done" {
                    self.done.insert(instance.to_owned());
                }
            }
            ["fenced", _] => self.fenced.push(host),
            ["host", _] | ["begun"] => {}
            _ => panic!("a host says `{line}`"),
        }
        Said::Else
    }

    /// How many rings and records came again: of those who did a thing, one at the most was neither killed nor paused.
    pub(crate) fn repeats(&self, fates: &[Fate]) -> (usize, usize) {
        let check = |who: &Who| {
            let alone: Vec<_> = who.iter().filter(|host| fates[**host] == Fate::Runs).collect();
            assert!(alone.len() <= 1, "hosts {alone:?} were let alone, and both did it");
            who.len() - 1
        };
        (self.rang.values().map(check).sum(), self.seen.values().map(check).sum())
    }
}
