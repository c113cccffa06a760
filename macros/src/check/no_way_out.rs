//! `no_way_out`: the machine can end, and from here it cannot: a cycle without exit.

use super::{Runs, level_at};
use crate::diagnostics::{Diagnostics, Level, NO_WAY_OUT};
use crate::model::NodeId;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::BTreeSet;

/// Says nothing when no end is reached at all: that is `unreachable_state`'s to say, at the final state.
pub(crate) fn check(diagnostics: &mut Diagnostics, runs: &Runs<'_>) {
    let graph = &runs.graph;
    let is_end = |at: usize| graph.places[at].configuration.is_end(runs.definition);
    if !graph.complete || !(0..graph.places.len()).any(is_end) {
        return;
    }
    let saved = graph.leading_to(is_end);
    let mut traps: Vec<BTreeSet<NodeId>> = traps(runs, &saved);
    traps.sort();
    for trap in traps {
        report(diagnostics, runs, &trap);
    }
}

/// The states of each group of configurations that lead to each other and to nothing else. A group of one is a dead
/// end, and reported as such.
fn traps(runs: &Runs<'_>, saved: &[bool]) -> Vec<BTreeSet<NodeId>> {
    let graph = &runs.graph;
    let lost = graph.edges.iter().filter(|edge| !saved[edge.from]);
    let edges = lost.map(|edge| (u32_of(edge.from), u32_of(edge.to)));
    let groups = kosaraju_scc(&DiGraph::<(), (), u32>::from_edges(edges));
    let groups =
        groups.into_iter().map(|group| group.into_iter().map(NodeIndex::index).collect::<BTreeSet<_>>());
    let closed = |group: &BTreeSet<usize>| {
        let stays = |at: &usize| graph.ways(*at).iter().all(|edge| group.contains(&edge.to));
        group.len() > 1 && group.iter().all(|at| !saved[*at] && stays(at))
    };
    let leaves = |at: &usize| graph.places[*at].configuration.leaves(runs.definition).collect::<Vec<_>>();
    groups.filter(closed).map(|group| group.iter().flat_map(leaves).collect()).collect()
}

fn u32_of(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

fn report(diagnostics: &mut Diagnostics, runs: &Runs<'_>, trap: &BTreeSet<NodeId>) {
    let model = runs.model;
    let levels = trap.iter().map(|id| level_at(model, NO_WAY_OUT, Some(*id)));
    let level = levels.min_by_key(|level| *level as u8).unwrap_or(Level::Allow);
    let Some(first) = trap.first() else { return };
    let names: Vec<_> = trap.iter().map(|id| format!("`{}`", model.node(*id).name)).collect();
    let wrong = format!(
        "from `{}` no final state can be reached: {} only lead to each other",
        model.node(*first).name,
        names.join(", ")
    );
    let help = "lead an arm out of them".to_owned();
    diagnostics.judge((NO_WAY_OUT, level), &model.node(*first).name, (wrong, help));
}
