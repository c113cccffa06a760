//! What has a name and no graph: triggers, events, effects, limits, migrations, claims.

use super::pair::Pair;
use super::{Change, Severity, Subject, What};
use crate::{Definition, LimitDef, LimitScope, NodeId, text};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;

pub(super) fn compare(pair: &Pair<'_, '_>) -> Vec<Change> {
    let mut changes = triggers(pair);
    changes.extend(events(pair));
    changes.extend(effects(pair));
    changes.extend(limits(pair));
    changes.extend(migrations(pair));
    changes.extend(claims(pair));
    changes
}

/// Things of the two versions that have the same name; of several, the first is the first.
struct Joined<O, N> {
    old: Vec<(String, O, Option<N>)>,
    added: Vec<(String, N)>,
}

fn join<O, N: Copy>(
    old: impl Iterator<Item = (String, O)>,
    new: impl Iterator<Item = (String, N)>,
) -> Joined<O, N> {
    let mut new: Vec<_> = new.map(Some).collect();
    let mut places: BTreeMap<String, VecDeque<usize>> = BTreeMap::new();
    for (place, (name, _)) in new.iter().flatten().enumerate() {
        places.entry(name.clone()).or_default().push_back(place);
    }
    let mut take = |name: &str| new.get_mut(places.get_mut(name)?.pop_front()?)?.take().map(|(_, item)| item);
    let old = old.map(|(name, item)| {
        let now = take(&name);
        (name, item, now)
    });
    let old = old.collect();
    Joined { old, added: new.into_iter().flatten().collect() }
}

fn triggers(pair: &Pair<'_, '_>) -> Vec<Change> {
    let all = |definition: &Definition<'_>| -> Vec<_> {
        definition.triggers.iter().map(|trigger| (trigger.name.to_owned(), trigger.internal)).collect()
    };
    let joined = join(all(&pair.old).into_iter(), all(&pair.new).into_iter());
    let change = |severity, what, name: &str| Change::new(severity, Subject::Trigger, what, name);
    let who = |internal| if internal { "internal" } else { "fired" };
    let old = joined.old.iter().filter_map(|(name, was, is)| match is {
        None => Some(change(Severity::Care, What::Removed, name)),
        Some(is) if is == was => None,
        Some(is) => {
            let severity = if *is { Severity::Care } else { Severity::Safe };
            Some(change(severity, What::Changed, name).was(who(*was)).is(who(*is)))
        }
    });
    let added = joined.added.iter().map(|(name, _)| change(Severity::Safe, What::Added, name));
    old.chain(added).collect()
}

/// How an event is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading<'a> {
    Listed(u32),
    Retired(Option<&'a str>),
}

impl fmt::Display for Reading<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listed(version) => version.fmt(f),
            Self::Retired(Some(split)) => write!(f, "split by {split}"),
            Self::Retired(None) => f.write_str("dropped"),
        }
    }
}

fn readings<'a>(definition: &Definition<'a>) -> impl Iterator<Item = (String, Reading<'a>)> + use<'a> {
    let listed =
        definition.events.iter().map(|event| (event.name.to_owned(), Reading::Listed(event.version)));
    let retired = definition.retired.iter();
    listed.chain(retired.map(|retired| (retired.name.to_owned(), Reading::Retired(retired.split))))
}

fn events(pair: &Pair<'_, '_>) -> Vec<Change> {
    let joined = join(readings(&pair.old), readings(&pair.new));
    let change = |severity, what, name: &str| Change::new(severity, Subject::Event, what, name);
    let old = joined.old.iter().filter_map(|(name, was, is)| match is {
        None => Some(change(Severity::Breaking, What::Removed, name).was(was.to_string())),
        Some(is) if is == was => None,
        Some(is) => {
            let severity = match (was, is) {
                (Reading::Listed(was), Reading::Listed(is)) if is < was => Severity::Breaking,
                (_, Reading::Listed(_)) => Severity::Safe,
                (_, Reading::Retired(_)) => Severity::Care,
            };
            Some(change(severity, What::Changed, name).was(was.to_string()).is(is.to_string()))
        }
    });
    let added =
        joined.added.iter().map(|(name, is)| change(Severity::Safe, What::Added, name).is(is.to_string()));
    old.chain(added).collect()
}

fn effects(pair: &Pair<'_, '_>) -> Vec<Change> {
    let all = |definition: &Definition<'_>| -> Vec<_> {
        definition.effects.iter().map(|effect| (effect.name.to_owned(), ())).collect()
    };
    come_and_gone(Subject::Effect, Severity::Breaking, (all(&pair.old), all(&pair.new)))
}

/// Nothing runs by a claim.
fn claims(pair: &Pair<'_, '_>) -> Vec<Change> {
    let all = |definition: &Definition<'_>| -> Vec<_> {
        definition.proofs.iter().map(|claim| (text::folded(claim), ())).collect()
    };
    come_and_gone(Subject::Claim, Severity::Safe, (all(&pair.old), all(&pair.new)))
}

type Named = Vec<(String, ())>;

fn come_and_gone(subject: Subject, gone: Severity, versions: (Named, Named)) -> Vec<Change> {
    let joined = join(versions.0.into_iter(), versions.1.into_iter());
    let old = joined.old.into_iter().filter(|(_, (), now)| now.is_none());
    let old = old.map(|(name, (), _)| Change::new(gone, subject, What::Removed, name));
    let added = joined.added.into_iter();
    old.chain(added.map(|(name, ())| Change::new(Severity::Safe, subject, What::Added, name))).collect()
}

/// Limits have no names: they are known by what they count, and for whom.
fn limits(pair: &Pair<'_, '_>) -> Vec<Change> {
    let all = |definition: &Definition<'_>| -> Vec<_> {
        definition.limits.iter().map(|limit| (counted(definition, limit), rate(limit))).collect()
    };
    let (old, new) = (all(&pair.old), all(&pair.new));
    let new = new.iter().map(|(name, rate)| (name.clone(), rate.as_str()));
    let joined = join(old.into_iter(), new);
    let change = |severity, what, name: &str| Change::new(severity, Subject::Limit, what, name);
    let old = joined.old.iter().filter_map(|(name, was, is)| match is {
        None => Some(change(Severity::Safe, What::Removed, name).was(was)),
        Some(is) if is == was => None,
        Some(is) => Some(change(Severity::Care, What::Changed, name).was(was).is(*is)),
    });
    let added = joined.added.iter().map(|(name, is)| change(Severity::Care, What::Added, name).is(*is));
    old.chain(added).collect()
}

fn counted(definition: &Definition<'_>, limit: &LimitDef<'_>) -> String {
    let names = limit.triggers.iter().filter_map(|id| definition.trigger(*id));
    let mut names: Vec<_> = names.map(|trigger| trigger.name).collect();
    names.sort_unstable();
    let scope = match limit.scope {
        LimitScope::Instance => "per instance",
        LimitScope::Tenant => "per tenant",
        LimitScope::Machine => "per machine",
    };
    if names.is_empty() { scope.to_owned() } else { format!("on {} {scope}", names.join(", ")) }
}

fn rate(limit: &LimitDef<'_>) -> String {
    const UNITS: [(u64, &str); 4] =
        [(3_600_000_000_000, "h"), (60_000_000_000, "m"), (1_000_000_000, "s"), (1_000_000, "ms")];
    let LimitDef { count, period_ns, burst, .. } = limit;
    let unit = UNITS.into_iter().find(|(size, _)| period_ns % size == 0);
    let (size, unit) = unit.unwrap_or((1, "ns"));
    format!("{count} per {}{unit} burst {burst}", period_ns / size)
}

/// Lines about names that are older than the old version: records may hold those too. What a line means for a state
/// of the old version is said of the state.
fn migrations(pair: &Pair<'_, '_>) -> Vec<Change> {
    let all = |definition: &Definition<'_>| -> Vec<_> {
        definition.migrations.iter().map(|line| (line.from.to_owned(), line.to)).collect()
    };
    let joined = join(all(&pair.old).into_iter(), all(&pair.new).into_iter());
    let change = |severity, what, name: &str| Change::new(severity, Subject::Migration, what, name);
    let old = joined.old.iter().filter_map(|(name, was, _)| {
        let to = pair.old.name(*was);
        let is = pair.new.find(pair.new.migrated(name));
        match is {
            None => Some(change(Severity::Breaking, What::Removed, name).was(to)),
            Some(is) if pair.image(*was) == Some(is) => None,
            Some(is) => {
                let severity = severity_of_other(pair, *was, is);
                Some(change(severity, What::Changed, name).was(to).is(pair.new.name(is)))
            }
        }
    });
    let is_older = |name: &str| pair.old.find(name).is_none();
    let added = joined.added.iter().filter(|(name, _)| is_older(name));
    let added = added.map(|(name, to)| change(Severity::Safe, What::Added, name).is(pair.new.name(*to)));
    old.chain(added).collect()
}

fn severity_of_other(pair: &Pair<'_, '_>, was: NodeId, is: NodeId) -> Severity {
    if pair.reads_as(was, is) { Severity::Care } else { Severity::Breaking }
}
