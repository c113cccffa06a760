//! The outside world: it hears every ring, drops keys that it knows, and can say which came twice and why.
//!
//! What hosts say comes by way of a pipe for each, so who was first is known only of what is further apart than a pipe is long.

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
    /// Hosts that follow no more, by the releases that they name.
    pub(crate) deaf: Vec<(Number, [String; 2])>,
    /// What a host that was asked cannot read, by the releases that it names.
    pub(crate) stopped: BTreeMap<String, [String; 2]>,
    /// A host has done what it was told.
    pub(crate) answered: bool,
    /// Hosts that were killed, paused or ended until now.
    gone: Who,
    /// Of what came again: which key or record, who did it before, and who did it now.
    again: Vec<Again>,
}

/// What was done twice.
#[derive(Clone, Debug)]
pub(crate) struct Again {
    pub(crate) what: String,
    pub(crate) before: Number,
    pub(crate) by: Number,
    /// Whether one of the two was gone by then.
    behind_an_end: bool,
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
                let rang = self.rang.entry(key.to_owned()).or_default();
                rang.push(host);
                note_again(&mut self.again, (key, rang), &self.gone);
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
                let what = format!("{instance}/{revision}");
                let seen = self.seen.entry(place).or_default();
                seen.push(host);
                note_again(&mut self.again, (&what, seen), &self.gone);
                if state == "Done" {
                    self.done.insert(instance.to_owned());
                }
            }
            ["fenced", _] => self.fenced.push(host),
            ["deaf", there, here] => self.deaf.push((host, [there, here].map(str::to_owned))),
            ["stopped", bell, there, here] => {
                self.stopped.insert(bell.to_owned(), [there, here].map(str::to_owned));
            }
            ["asked" | "rests"] => self.answered = true,
            ["host", _] | ["begun"] => {}
            _ => panic!("a host says `{line}`"),
        }
        Said::Else
    }

    /// From now on this host was killed, paused or ended.
    pub(crate) fn goes(&mut self, host: Number) {
        self.gone.push(host);
    }

    /// What came again, in order.
    pub(crate) fn again(&self) -> &[Again] {
        &self.again
    }

    /// How many rings and records came again. Each did when somebody who did it was killed or paused, and not before; of those who
    /// did a thing, one at the most was neither.
    pub(crate) fn repeats(&self, fates: &[Fate]) -> (usize, usize) {
        for again in &self.again {
            assert!(again.behind_an_end, "nobody had gone, and it was done twice: {again:?}");
        }
        let check = |who: &Who| {
            let alone: Vec<_> =
                who.iter().filter(|host| matches!(fates[**host], Fate::Runs | Fate::Ended)).collect();
            assert!(alone.len() <= 1, "hosts {alone:?} were let alone, and both did it");
            who.len() - 1
        };
        (self.rang.values().map(check).sum(), self.seen.values().map(check).sum())
    }
}

fn note_again(again: &mut Vec<Again>, (what, who): (&str, &Who), gone: &Who) {
    if let [.., before, by] = who[..] {
        let behind_an_end = who.iter().any(|host| gone.contains(host));
        again.push(Again { what: what.to_owned(), before, by, behind_an_end });
    }
}
