//! Arms of states that go on, and of the machine itself.

use super::matching::{Matching, Side, actions};
use super::pair::{Fate, Pair, target};
use super::{Change, Severity, Subject, What, timers};
use crate::{ActionDef, ArmDef, Definition, NodeId, NodeKind, TriggerId, text};
use std::collections::BTreeSet;

/// A state in the two versions; `None` stands for the machine itself.
pub(super) type Sources = (Option<NodeId>, Option<NodeId>);

pub(super) fn compare(pair: &Pair<'_, '_>) -> Vec<Change> {
    let mut changes = compare_own(pair, (None, None));
    for old in pair.old.ids() {
        match pair.fate(old) {
            Fate::Kept(new) | Fate::Renamed(new) => {
                changes.extend(compare_own(pair, (Some(old), Some(new))));
            }
            Fate::Merged(new) => changes.extend(timers::compare_merged(pair, old, new)),
            Fate::Gone => {}
        }
    }
    changes
}

fn compare_own(pair: &Pair<'_, '_>, sources: Sources) -> Vec<Change> {
    let matching = Matching::of(pair, sources.0, sources.1);
    let source = sources.0.map(|id| pair.old.name(id));
    let is_asked = |(side, _): &(&Side<'_>, &Option<usize>)| !side.arm.is_timer();
    let old = matching.old.iter().zip(&matching.places).filter(is_asked);
    let mut changes: Vec<_> = old
        .filter_map(|(old, place)| compare_arm(pair, old, place.and_then(|place| matching.new.get(place))))
        .map(|change| change.in_state(source))
        .collect();
    changes.extend(reordered(pair, &matching, source));
    changes.extend(timers::compare(pair, &matching, sources));
    let added = matching.added().filter(|(_, new)| !new.arm.is_timer());
    changes.extend(added.map(|(_, new)| added_arm(pair, sources, new)));
    changes
}

fn compare_arm(pair: &Pair<'_, '_>, old: &Side<'_>, new: Option<&Side<'_>>) -> Option<Change> {
    let change = |what| {
        let change = Change::new(Severity::Care, Subject::Arm, what, &*old.on);
        change.was(written(&pair.old, old.arm))
    };
    match new {
        None => Some(change(What::Removed)),
        Some(new) => old.differs(new).then(|| change(What::Changed).is(written(&pair.new, new.arm))),
    }
}

fn added_arm(pair: &Pair<'_, '_>, sources: Sources, new: &Side<'_>) -> Change {
    let severity = severity_of_new(&pair.old, sources.0, new);
    let change = Change::new(severity, Subject::Arm, What::Added, &*new.on);
    let source = sources.1.map(|id| pair.new.name(id));
    change.in_state(source).is(written(&pair.new, new.arm))
}

/// An arm as it is written in a block, on one line.
pub(super) fn written(definition: &Definition<'_>, arm: &ArmDef<'_>) -> String {
    let guard = arm.guard.map(|guard| format!(" if {guard}")).unwrap_or_default();
    let mut written = format!("{}{guard} => {}", arm.on, target(arm, |id| definition.name(id)));
    if !arm.actions.is_empty() {
        written = format!("{written} {}", actions(arm.actions));
    }
    text::folded(&written)
}

/// Arms that answer the same and have changed places: the first that applies wins.
fn reordered(pair: &Pair<'_, '_>, matching: &Matching<'_, '_>, source: Option<&str>) -> Option<Change> {
    let moved = turned(matching);
    let was =
        moved.iter().filter_map(|place| matching.old.get(*place)).map(|side| written(&pair.old, side.arm));
    let places: BTreeSet<_> = moved.iter().filter_map(|place| *matching.places.get(*place)?).collect();
    let is =
        places.iter().filter_map(|place| matching.new.get(*place)).map(|side| written(&pair.new, side.arm));
    let (was, is): (Vec<_>, Vec<_>) = (was.collect(), is.collect());
    let change = Change::new(Severity::Care, Subject::Arm, What::Reordered, source.unwrap_or_default());
    (!moved.is_empty()).then(|| change.in_state(source).was(was.join("; ")).is(is.join("; ")))
}

/// Places of old arms before which another stands now that stood behind them and answers the same, and of that one.
fn turned(matching: &Matching<'_, '_>) -> BTreeSet<usize> {
    let arms: Vec<_> = matching.old.iter().zip(&matching.places).collect();
    let mut turned = BTreeSet::new();
    for (behind, (old, place)) in arms.iter().enumerate().filter(|(_, (old, _))| !old.arm.is_timer()) {
        for (ahead, (first, other)) in arms.iter().enumerate().take(behind) {
            let inverted = place.zip(**other).is_some_and(|(place, other)| place < other);
            if inverted && first.answers.iter().any(|name| old.answers.contains(name)) {
                turned.extend([ahead, behind]);
            }
        }
    }
    turned
}

/// An arm is something new where nothing has answered so far; else it may stand in another's way, and so may one that
/// is taken without being asked for.
fn severity_of_new(old: &Definition<'_>, source: Option<NodeId>, arm: &Side<'_>) -> Severity {
    let is_asked = !arm.arm.triggers().is_empty();
    let is_answered = |id: &TriggerId| old.trigger(*id).is_some_and(|t| arm.answers.contains(&t.name));
    let answers = |other: &ArmDef<'_>| other.triggers().iter().any(is_answered);
    let is_around = |other: Option<NodeId>| match source {
        None => other.is_none(),
        Some(source) => other.is_none_or(|other| old.is_within(source, other)),
    };
    let together = selecting_together(old, source);
    // It stands around the new arm, or in regions that select together with it.
    let meets = |other: &&ArmDef<'_>| is_around(other.source) || other.source.is_some_and(&together);
    if is_asked && !old.arms.iter().filter(meets).any(answers) && !is_raised(old, &arm.answers) {
        Severity::Safe
    } else {
        Severity::Care
    }
}

/// Whether a node may stand in a region that selects together with an arm of this source: the parallel states around
/// the arm count, and those inside its source.
fn selecting_together(old: &Definition<'_>, source: Option<NodeId>) -> impl Fn(NodeId) -> bool {
    let is_parallel = |id: &NodeId| old.kind(*id) == NodeKind::Parallel;
    let is_within =
        |id: NodeId, around: Option<NodeId>| around.is_none_or(|around| old.is_within(id, around));
    let outermost = source.and_then(|id| old.lineage(id).filter(is_parallel).last());
    let around = outermost.or(source);
    let has_regions = old.ids().filter(is_parallel).any(|id| is_within(id, around));
    move |other| has_regions && is_within(other, around)
}

/// Whether the machine itself raises one of these: what nothing answered was dropped.
fn is_raised(old: &Definition<'_>, names: &[&str]) -> bool {
    let hooks = old.nodes.iter().flat_map(|node| node.entry.iter().chain(node.exit));
    let all = old.arms.iter().flat_map(|arm| arm.actions).chain(hooks);
    let mut raised = all.filter_map(|action| match action {
        ActionDef::Raise(id, _) => old.trigger(*id),
        _ => None,
    });
    raised.any(|trigger| names.contains(&trigger.name))
}
