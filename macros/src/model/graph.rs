//! The machine as a graph over its leaves, for the rules that ask where a run can get. Guards are taken as possible.

use super::{ArmId, Model, NodeId};
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Dfs, Reversed};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) struct Graph {
    graph: DiGraph<NodeId, ArmId>,
    places: BTreeMap<NodeId, NodeIndex>,
}

impl Graph {
    /// An edge for every arm of every leaf that leads somewhere.
    pub(crate) fn of(model: &Model) -> Self {
        let mut graph = DiGraph::new();
        let places: BTreeMap<_, _> = model.leaves().map(|leaf| (leaf, graph.add_node(leaf))).collect();
        for leaf in model.leaves() {
            for arm in model.flattened(leaf) {
                let to = model.route(leaf, arm).and_then(|route| places.get(&route.leaf));
                if let (Some(from), Some(to)) = (places.get(&leaf), to) {
                    graph.add_edge(*from, *to, arm);
                }
            }
        }
        Self { graph, places }
    }

    /// Leaves that a run from `start` can reach, itself included.
    pub(crate) fn reachable(&self, start: NodeId) -> BTreeSet<NodeId> {
        let mut found = BTreeSet::new();
        if let Some(start) = self.places.get(&start) {
            let mut search = Dfs::new(&self.graph, *start);
            while let Some(place) = search.next(&self.graph) {
                found.insert(self.graph[place]);
            }
        }
        found
    }

    /// Leaves from which one of `goals` can be reached, the goals included.
    pub(crate) fn leading_to(&self, goals: impl IntoIterator<Item = NodeId>) -> BTreeSet<NodeId> {
        let reversed = Reversed(&self.graph);
        let mut search = Dfs::empty(reversed);
        search.stack.extend(goals.into_iter().filter_map(|goal| self.places.get(&goal)));
        let mut found = BTreeSet::new();
        while let Some(place) = search.next(reversed) {
            found.insert(self.graph[place]);
        }
        found
    }

    /// Leaves that a leaf leads to directly, itself left out.
    pub(crate) fn ways_on(&self, leaf: NodeId) -> BTreeSet<NodeId> {
        let place = self.places.get(&leaf).copied();
        let next = place.into_iter().flat_map(|place| self.graph.neighbors(place));
        next.map(|place| self.graph[place]).filter(|to| *to != leaf).collect()
    }

    /// Groups of leaves that lead to each other and to nothing outside, in source order.
    pub(crate) fn traps(&self) -> Vec<BTreeSet<NodeId>> {
        let groups = kosaraju_scc(&self.graph).into_iter();
        let groups =
            groups.map(|group| group.into_iter().map(|place| self.graph[place]).collect::<BTreeSet<_>>());
        let closed = |group: &BTreeSet<NodeId>| group.iter().all(|leaf| self.ways_on(*leaf).is_subset(group));
        let mut traps: Vec<_> = groups.filter(closed).collect();
        traps.sort();
        traps
    }
}
