//! Nodes: which can still be read where old records name them, and which behave differently.
//!
//! Records name states by their leaves, joined by `+` over regions, and what histories stand for by the names of any
//! nodes.

use super::matching::actions;
use super::pair::{Fate, Pair, is_read_as};
use super::{Change, Severity, Subject, What};
use crate::{ActionDef, Definition, NodeId, NodeKind};

pub(super) fn compare(pair: &Pair<'_, '_>) -> Vec<Change> {
    let mut changes = Vec::new();
    for old in pair.old.ids() {
        match pair.fate(old) {
            Fate::Gone => changes.push(gone(pair, old)),
            Fate::Merged(new) => changes.push(became(pair, old, (new, Severity::Care))),
            Fate::Renamed(new) => {
                changes.push(became(pair, old, (new, Severity::Safe)));
                changes.extend(compare_kept(pair, old, new));
            }
            Fate::Kept(new) => changes.extend(compare_kept(pair, old, new)),
        }
    }
    changes.extend(pair.added().map(|new| added(pair, new)));
    changes
}

fn change(severity: Severity, what: What, name: &str) -> Change {
    Change::new(severity, Subject::State, what, name)
}

fn gone(pair: &Pair<'_, '_>, old: NodeId) -> Change {
    let recorded = match pair.old.kind(old) {
        NodeKind::History | NodeKind::DeepHistory => false,
        NodeKind::Compound => is_remembered(pair, old),
        NodeKind::Atomic | NodeKind::Final | NodeKind::Parallel | NodeKind::Region => true,
    };
    let severity = if recorded { Severity::Breaking } else { Severity::Care };
    change(severity, What::Removed, pair.old.name(old)).was(kind(pair.old.kind(old)))
}

/// Whether a history can stand for a node by its name: one that stands beside it, and is not gone itself.
fn is_remembered(pair: &Pair<'_, '_>, id: NodeId) -> bool {
    let remembers = |id: NodeId| pair.old.kind(id) == NodeKind::History && pair.image(id).is_some();
    let parent = pair.old.parent(id);
    parent.is_some() && pair.old.children(parent).any(remembers)
}

fn became(pair: &Pair<'_, '_>, old: NodeId, new: (NodeId, Severity)) -> Change {
    let (new, severity) = new;
    let is_region = pair.old.kind(old) == NodeKind::Region;
    // Two regions that have become one are one name less in the text of a state.
    let readable = pair.reads_as(old, new) && !(is_region && severity > Severity::Safe);
    let severity = if readable { severity } else { Severity::Breaking };
    change(severity, What::Became, pair.old.name(old)).is(pair.new.name(new))
}

fn added(pair: &Pair<'_, '_>, new: NodeId) -> Change {
    let parent = pair.new.parent(new);
    let is_known = parent.is_some_and(|parent| pair.is_known(parent));
    let is_region = pair.new.kind(new) == NodeKind::Region;
    let severity = if is_region && is_known { Severity::Breaking } else { Severity::Safe };
    change(severity, What::Added, pair.new.name(new)).is(kind(pair.new.kind(new)))
}

fn compare_kept(pair: &Pair<'_, '_>, old: NodeId, new: NodeId) -> Vec<Change> {
    let (Some(was), Some(is)) = (pair.old.node(old), pair.new.node(new)) else { return Vec::new() };
    let hook = |what, was: &[ActionDef<'_>], is: &[ActionDef<'_>]| {
        let (was, is) = (actions(was), actions(is));
        (was != is).then(|| change(Severity::Care, what, pair.old.name(old)).was(was).is(is))
    };
    let changes = [
        kind_changed(pair, old, new),
        moved(pair, old, new),
        begins_elsewhere(pair, old, new),
        hook(What::Entry, was.entry, is.entry),
        hook(What::Exit, was.exit, is.exit),
        regions_reordered(pair, old, new),
    ];
    changes.into_iter().flatten().collect()
}

fn kind_changed(pair: &Pair<'_, '_>, old: NodeId, new: NodeId) -> Option<Change> {
    let (was, is) = (pair.old.kind(old), pair.new.kind(new));
    let severity = if is_read_as(was, is) { Severity::Care } else { Severity::Breaking };
    let change = change(severity, What::Kind, pair.old.name(old));
    (was != is).then(|| change.was(kind(was)).is(kind(is)))
}

fn moved(pair: &Pair<'_, '_>, old: NodeId, new: NodeId) -> Option<Change> {
    let (was, is) = (pair.old.parent(old), pair.new.parent(new));
    let stays = match was {
        Some(was) => is.is_some() && pair.image(was) == is,
        None => is.is_none(),
    };
    let reads = pair.old.kind(old).is_history()
        || (pair.old.kind(old) != NodeKind::Region && pair.share_regions(old, new));
    let severity = if reads { Severity::Care } else { Severity::Breaking };
    let around = |definition: &Definition<'_>, parent: Option<NodeId>| {
        parent.map_or(definition.machine.to_owned(), |id| definition.name(id).to_owned())
    };
    let change = change(severity, What::Moved, pair.old.name(old));
    (!stays).then(|| change.was(around(&pair.old, was)).is(around(&pair.new, is)))
}

fn begins_elsewhere(pair: &Pair<'_, '_>, old: NodeId, new: NodeId) -> Option<Change> {
    let (was, is) = (pair.old.node(old)?.initial, pair.new.node(new)?.initial);
    let same = was.iter().map(|id| pair.image(*id)).eq(is.iter().map(|id| Some(*id)));
    let change = change(Severity::Care, What::Initial, pair.old.name(old));
    (!same).then(|| change.was(list(&pair.old, was)).is(list(&pair.new, is)))
}

/// The text of a state has the names of its regions' states in source order.
fn regions_reordered(pair: &Pair<'_, '_>, old: NodeId, new: NodeId) -> Option<Change> {
    let regions: Vec<_> = pair.new.regions(new).collect();
    let stay = |id: &NodeId| pair.successor(*id).is_some_and(|now| regions.contains(&now));
    let was: Vec<_> = pair.old.regions(old).filter(stay).collect();
    let mut is: Vec<_> = was.iter().filter_map(|id| pair.successor(*id)).collect();
    let in_order = is.is_sorted();
    is.sort_unstable();
    let change = change(Severity::Breaking, What::Reordered, pair.old.name(old));
    (!in_order).then(|| change.was(list(&pair.old, &was)).is(list(&pair.new, &is)))
}

fn list(definition: &Definition<'_>, ids: &[NodeId]) -> String {
    ids.iter().map(|id| definition.name(*id)).collect::<Vec<_>>().join(", ")
}

fn kind(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Atomic => "atomic",
        NodeKind::Compound => "compound",
        NodeKind::Parallel => "parallel",
        NodeKind::Region => "region",
        NodeKind::Final => "final",
        NodeKind::History => "history",
        NodeKind::DeepHistory => "deep history",
    }
}
