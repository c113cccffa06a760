//! What an arm leaves and enters, worked out once at expansion (SCXML 3.13 and Appendix D: LCCA, exit set, entry
//! set), so that nothing walks up the parents at run time.

use super::{ArmId, Model, NodeId, Target};

/// The way of one arm out of one leaf.
pub(crate) struct Route {
    /// Left, innermost first.
    pub(crate) exits: Vec<NodeId>,
    /// Entered, outermost first.
    pub(crate) entries: Vec<NodeId>,
    /// Where the instance rests then.
    pub(crate) leaf: NodeId,
}

impl Model {
    /// The way of an arm out of a leaf; `None` when it leads nowhere.
    pub(crate) fn route(&self, leaf: NodeId, arm: ArmId) -> Option<Route> {
        let arm = self.arm(arm);
        let (target, domain) = match arm.target {
            Target::To(target) => (target, self.domain(arm.source, target)),
            Target::Internal(target) => (target, arm.source),
            Target::Stay | Target::Reject(..) | Target::Ignore => return None,
        };
        let exits = self.lineage(leaf).take_while(|id| Some(*id) != domain).collect();
        let entries = self.descent(domain, target);
        let leaf = entries.last().copied().unwrap_or(leaf);
        Some(Route { exits, entries, leaf })
    }

    /// The states entered at the very beginning, outermost first.
    pub(crate) fn beginning(&self) -> Vec<NodeId> {
        self.initial.map(|initial| self.descent(None, initial)).unwrap_or_default()
    }

    /// The innermost proper ancestor of the source that has the target inside it; `None` is the machine.
    fn domain(&self, source: Option<NodeId>, target: NodeId) -> Option<NodeId> {
        let ancestors = self.lineage(source?).skip(1);
        let mut around = ancestors.filter(|id| *id != target && self.is_within(target, *id));
        around.next()
    }

    /// From inside `domain` to `target`, and on through `initial`s to a leaf.
    fn descent(&self, domain: Option<NodeId>, target: NodeId) -> Vec<NodeId> {
        let mut path: Vec<_> = self.lineage(target).take_while(|id| Some(*id) != domain).collect();
        path.reverse();
        match self.node(target).initial {
            Some(initial) if initial != target && self.is_within(initial, target) => {
                path.extend(self.descent(Some(target), initial));
            }
            _ => {}
        }
        path
    }
}
