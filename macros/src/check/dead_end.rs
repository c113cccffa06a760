//! `dead_end`: a state that is not final, and that no arm leaves: none of its own, none inherited, none of another
//! region.

use super::{Runs, level_at};
use crate::diagnostics::{DEAD_END, Diagnostics, Level};
use crate::model::{NodeId, NodeKind, TriggerId};
use statewright_definition::chart::Memory;
use statewright_definition::{ArmDef, ArmId};
use std::collections::BTreeSet;

pub(crate) fn check(diagnostics: &mut Diagnostics, runs: &Runs<'_>) {
    let model = runs.model;
    for id in model.leaves().filter(|id| model.node(*id).kind == NodeKind::Atomic) {
        let level = level_at(model, DEAD_END, Some(id));
        if level == Level::Allow || is_left(runs, id) {
            continue;
        }
        let node = model.node(id);
        let wrong = format!("nothing leaves `{}`", node.name);
        let help = format!("give it an arm that leads on, or make it `final {};`", node.name);
        diagnostics.judge((DEAD_END, level), &node.name, (wrong, help));
    }
}

/// Whether an arm that is asked while the state is active leaves it for another.
fn is_left(runs: &Runs<'_>, leaf: NodeId) -> bool {
    let definition = runs.definition;
    let mut answered: BTreeSet<TriggerId> = BTreeSet::new();
    let own = definition.arms_of(leaf).any(|(_, arm)| {
        let open = arm.triggers().is_empty() || arm.triggers().iter().any(|id| !answered.contains(id));
        if arm.whole {
            answered.extend(arm.triggers());
        }
        open && leaves(runs, arm, leaf)
    });
    own || siblings(runs, leaf).any(|arm| definition.arm(arm).is_some_and(|arm| leaves(runs, arm, leaf)))
}

/// Arms of the other regions that are active together with the state.
fn siblings<'r>(runs: &'r Runs<'_>, leaf: NodeId) -> impl Iterator<Item = ArmId> + 'r {
    let definition = runs.definition;
    let regions = definition.lineage(leaf).filter(move |id| definition.kind(*id) == NodeKind::Region);
    let others = regions.flat_map(move |region| {
        let around = definition.parent(region).map(|parallel| definition.regions(parallel));
        around.into_iter().flatten().filter(move |other| *other != region)
    });
    let inside = others.flat_map(move |region| {
        let last = definition.node(region).map_or(region, |n| n.last);
        (region.0..=last.0).map(NodeId)
    });
    inside.flat_map(move |id| definition.own_arms(Some(id)).iter().copied())
}

fn leaves(runs: &Runs<'_>, arm: &ArmDef<'_>, leaf: NodeId) -> bool {
    let (definition, memory) = (runs.definition, Memory::default());
    if arm.targets().is_empty() {
        return false;
    }
    if arm.targets().iter().any(|id| definition.kind(*id).is_history()) {
        return true;
    }
    let domain = definition.domain(arm.source, arm.targets(), (&arm.target, &memory));
    let entered = definition.entry_set(domain, arm.targets(), &memory);
    definition.is_inside(Some(leaf), domain) && !entered.contains(&leaf)
}
