//! `unreachable_state`: no run gets there, guards taken as possible.

use super::{Runs, level_at};
use crate::diagnostics::{Diagnostics, UNREACHABLE_STATE};
use crate::model::{Model, NodeId};
use statewright_definition::explore::touchable;
use std::collections::BTreeSet;

pub(crate) fn check(diagnostics: &mut Diagnostics, runs: &Runs<'_>) {
    let (model, graph) = (runs.model, &runs.graph);
    let mut reached = if graph.complete { graph.reached() } else { touchable(runs.definition) };
    let histories = model.node_ids().filter(|id| model.node(*id).kind.is_history());
    let entered: Vec<_> = histories.filter(|id| is_entered(model, &reached, *id)).collect();
    reached.extend(entered);
    for id in model.node_ids().filter(|id| !reached.contains(id)) {
        let node = model.node(id);
        let said_around = node.parent.is_some_and(|parent| !reached.contains(&parent));
        let Some(start) = model.initial.filter(|_| !said_around) else { continue };
        let near = nearest_reached(model, &reached, id).unwrap_or(start);
        let level = level_at(model, UNREACHABLE_STATE, Some(id));
        let help =
            format!("lead an arm to it, for example from `{}`, or leave it out", model.node(near).name);
        let finding = (format!("no run reaches `{}`", node.name), help);
        diagnostics.judge((UNREACHABLE_STATE, level), &node.name, finding);
    }
}

/// Whether a reached arm or an `initial` leads to a history.
fn is_entered(model: &Model, reached: &BTreeSet<NodeId>, history: NodeId) -> bool {
    let arms = model.arms.iter().filter(|arm| arm.source.is_none_or(|id| reached.contains(&id)));
    let mut targets = arms.flat_map(crate::model::Arm::targets);
    let mut initials = model.nodes.iter().flat_map(|node| &node.initial).chain(&model.initial);
    targets.any(|id| id == history) || initials.any(|id| *id == history)
}

/// The nearest state in the text that can be left: declared before it, else after it.
fn nearest_reached(model: &Model, reached: &BTreeSet<NodeId>, id: NodeId) -> Option<NodeId> {
    let live = |other: &&NodeId| model.node(**other).kind.is_leaf() && !model.is_end(**other);
    let before = reached.range(..id).rev().find(live);
    before.or_else(|| reached.range(id..).find(live)).copied()
}
