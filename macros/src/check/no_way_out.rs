//! `no_way_out`: the machine can end, and from here it cannot: a cycle without exit.

use super::is_allowed_at;
use crate::diagnostics::{Diagnostics, NO_WAY_OUT};
use crate::model::{Graph, Model, NodeId};
use std::collections::BTreeSet;

/// Says nothing when no end is reached at all: that is `unreachable_state`'s to say, at the final state.
pub(crate) fn check(diagnostics: &mut Diagnostics, model: &Model, graph: &Graph) {
    let Some(start) = model.beginning().last().copied() else { return };
    let reached = graph.reachable(start);
    let ends: Vec<_> = reached.iter().copied().filter(|id| model.is_end(*id)).collect();
    if ends.is_empty() {
        return;
    }
    let saved = graph.leading_to(ends);
    for trap in graph.traps() {
        let caught = trap.len() > 1 && trap.is_subset(&reached) && trap.is_disjoint(&saved);
        if caught {
            report(diagnostics, model, &trap);
        }
    }
}

fn report(diagnostics: &mut Diagnostics, model: &Model, trap: &BTreeSet<NodeId>) {
    let allowed = trap.iter().any(|id| is_allowed_at(model, NO_WAY_OUT, Some(*id)));
    let Some(first) = trap.first().filter(|_| !allowed) else { return };
    let names: Vec<_> = trap.iter().map(|id| format!("`{}`", model.node(*id).name)).collect();
    let wrong = format!(
        "from `{}` no final state can be reached: {} only lead to each other",
        model.node(*first).name,
        names.join(", ")
    );
    diagnostics.broken(NO_WAY_OUT, &model.node(*first).name, (wrong, "lead an arm out of them".to_owned()));
}
