//! The two versions side by side: which node of the one is which of the other.
//!
//! It judges nothing.

use crate::{ArmDef, Definition, NodeDef, NodeId, NodeKind, TargetDef, text};
use std::collections::BTreeMap;

/// An old version and a new one.
pub(super) struct Pair<'a, 'b> {
    pub(super) old: Definition<'a>,
    pub(super) new: Definition<'b>,
    fates: Vec<Fate>,
    known: Vec<bool>,
}

/// What a node of the old version is in the new one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// The node of the same name.
    Kept(NodeId),
    /// A node of another name, which was no other before.
    Renamed(NodeId),
    /// A node that something else has been or has become too.
    Merged(NodeId),
    /// None.
    Gone,
}

impl<'a, 'b> Pair<'a, 'b> {
    pub(super) fn new(old: &Definition<'a>, new: &Definition<'b>) -> Self {
        let names: BTreeMap<&str, NodeId> = new.ids().map(|id| (new.name(id), id)).collect();
        let is_kept = |name: &str, id: NodeId| new.name(id) == name;
        let images = old.nodes.iter().map(|node| (node, names.get(new.migrated(node.name)).copied()));
        let mut known = vec![false; new.nodes.len()];
        for id in images.clone().filter_map(|(node, id)| id.filter(|id| is_kept(node.name, *id))) {
            known[id.index()] = true;
        }
        let fate = |(node, id): (&NodeDef<'_>, Option<NodeId>)| match id {
            None => Fate::Gone,
            Some(id) if is_kept(node.name, id) => Fate::Kept(id),
            Some(id) if std::mem::replace(&mut known[id.index()], true) => Fate::Merged(id),
            Some(id) => Fate::Renamed(id),
        };
        let fates = images.map(fate).collect();
        Self { old: *old, new: *new, fates, known }
    }

    pub(super) fn fate(&self, old: NodeId) -> Fate {
        self.fates.get(old.index()).copied().unwrap_or(Fate::Gone)
    }

    /// The node that goes on as this one: kept or renamed.
    pub(super) fn successor(&self, old: NodeId) -> Option<NodeId> {
        match self.fate(old) {
            Fate::Kept(id) | Fate::Renamed(id) => Some(id),
            Fate::Merged(_) | Fate::Gone => None,
        }
    }

    /// The node that the old one's name is read as.
    pub(super) fn image(&self, old: NodeId) -> Option<NodeId> {
        match self.fate(old) {
            Fate::Kept(id) | Fate::Renamed(id) | Fate::Merged(id) => Some(id),
            Fate::Gone => None,
        }
    }

    /// Nodes that nothing in the old version goes on as, in source order.
    pub(super) fn added(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.new.ids().filter(|id| !self.is_known(*id))
    }

    /// Whether something in the old version goes on as this node.
    pub(super) fn is_known(&self, new: NodeId) -> bool {
        self.known.get(new.index()).copied().unwrap_or_default()
    }

    /// An old node's name as the new version has it; its own if it has none there.
    pub(super) fn name_now(&self, old: NodeId) -> &str {
        self.image(old).map_or(self.old.name(old), |id| self.new.name(id))
    }

    /// Whether two nodes stand in the same regions.
    pub(super) fn share_regions(&self, old: NodeId, new: NodeId) -> bool {
        let regions = |definition: &Definition<'_>, id: NodeId| -> Vec<NodeId> {
            let definition = *definition;
            definition.lineage(id).skip(1).filter(|id| definition.kind(*id) == NodeKind::Region).collect()
        };
        let was = regions(&self.old, old).into_iter().map(|id| self.successor(id));
        was.eq(regions(&self.new, new).into_iter().map(Some))
    }

    /// Whether records that hold the old node's name, or names of states inside it, can be read when it is the new
    /// one.
    pub(super) fn reads_as(&self, old: NodeId, new: NodeId) -> bool {
        let (was, is) = (self.old.kind(old), self.new.kind(new));
        is_read_as(was, is) && (!was.is_leaf() || self.share_regions(old, new))
    }

    /// Where an old arm leads, by the names of the new version.
    pub(super) fn old_target(&self, arm: &ArmDef<'_>) -> String {
        target(arm, |id| self.name_now(id))
    }

    pub(super) fn new_target(&self, arm: &ArmDef<'_>) -> String {
        target(arm, |id| self.new.name(id))
    }
}

/// Whether what is recorded of a node of one kind can be read when it is of another: leaves stand in records by name,
/// and regions make the text of a state longer or shorter. A history that has become something else is asked by nobody.
pub(super) fn is_read_as(was: NodeKind, is: NodeKind) -> bool {
    let has_regions = |kind| matches!(kind, NodeKind::Parallel | NodeKind::Region);
    match was {
        NodeKind::History | NodeKind::DeepHistory => true,
        _ if was.is_leaf() => is.is_leaf(),
        _ => was == is || !(has_regions(was) || has_regions(is)),
    }
}

/// Where an arm leads, as it is written in a block.
pub(super) fn target<'n>(arm: &ArmDef<'_>, name: impl Fn(NodeId) -> &'n str) -> String {
    let names: Vec<_> = arm.targets().iter().map(|id| name(*id)).collect();
    match arm.target {
        TargetDef::To(nodes) if nodes.len() > 1 => format!("({})", names.join(", ")),
        TargetDef::To(_) => names.concat(),
        TargetDef::Internal(_) => format!("internal {}", names.concat()),
        TargetDef::Stay => "stay".to_owned(),
        TargetDef::Reject(why) => format!("reject {}", text::folded(why)),
        TargetDef::Ignore => "ignore".to_owned(),
    }
}
