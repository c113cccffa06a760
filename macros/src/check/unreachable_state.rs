//! `unreachable_state`: no run gets there, guards taken as possible.

use super::is_allowed_at;
use crate::diagnostics::{Diagnostics, UNREACHABLE_STATE};
use crate::model::{Graph, Model, NodeId};
use std::collections::BTreeSet;

pub(crate) fn check(diagnostics: &mut Diagnostics, model: &Model, graph: &Graph) {
    let Some(start) = model.beginning().last().copied() else { return };
    let reached = graph.reachable(start);
    let lost: BTreeSet<_> = model.node_ids().filter(|id| !is_reached(model, &reached, *id)).collect();
    for id in &lost {
        let node = model.node(*id);
        let said_around = node.parent.is_some_and(|parent| lost.contains(&parent));
        if said_around || is_allowed_at(model, UNREACHABLE_STATE, Some(*id)) {
            continue;
        }
        let near = nearest_reached(model, &reached, *id).unwrap_or(start);
        let help =
            format!("lead an arm to it, for example from `{}`, or leave it out", model.node(near).name);
        diagnostics.broken(UNREACHABLE_STATE, &node.name, (format!("no run reaches `{}`", node.name), help));
    }
}

/// A compound is reached when something inside it is.
fn is_reached(model: &Model, reached: &BTreeSet<NodeId>, id: NodeId) -> bool {
    reached.iter().any(|leaf| model.is_within(*leaf, id))
}

/// The nearest in the text: declared before it, else after it.
fn nearest_reached(model: &Model, reached: &BTreeSet<NodeId>, id: NodeId) -> Option<NodeId> {
    let live = |other: &NodeId| !model.is_end(*other);
    let before = reached.range(..id).rev().find(|other| live(other));
    before.or_else(|| reached.range(id..).find(|other| live(other))).copied()
}
