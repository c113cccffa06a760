//! What the block means: ids, resolved names, the order in which arms are asked, what is left and entered.
//!
//! It judges only what cannot be resolved; the rules stand in `check`.

mod attrs;
mod graph;
mod lower;
mod paths;

pub(crate) use attrs::Attrs;
pub(crate) use graph::Graph;
pub(crate) use lower::lower_machine;

use crate::parse::{Action, Unhandled};
use proc_macro2::{Ident, TokenStream};
use syn::{Attribute, Expr, Pat, Type, Variant, Visibility};

macro_rules! ids {
    ($($name:ident)*) => { $(
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub(crate) struct $name(pub(crate) u16);

        impl $name {
            pub(crate) fn index(self) -> usize {
                usize::from(self.0)
            }
        }
    )* };
}

ids! { NodeId TriggerId ArmId }

/// A machine with its names resolved. What could not be resolved is absent.
pub(crate) struct Model {
    pub(crate) attrs: Attrs,
    pub(crate) vis: Visibility,
    pub(crate) name: Ident,
    pub(crate) version: u32,
    pub(crate) data: Option<Type>,
    pub(crate) data_version: u32,
    pub(crate) triggers: Vec<Named>,
    pub(crate) trigger_attrs: Vec<Attribute>,
    pub(crate) events: Vec<Event>,
    pub(crate) effects: Vec<Named>,
    pub(crate) effect_attrs: Vec<Attribute>,
    pub(crate) unhandled: Unhandled,
    pub(crate) initial: Option<NodeId>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) arms: Vec<Arm>,
    /// Every mention of a state that was resolved, for editors.
    pub(crate) mentions: Vec<Ident>,
}

/// A trigger or an effect.
pub(crate) struct Named {
    pub(crate) attrs: Attrs,
    pub(crate) variant: Variant,
}

/// A listed event.
pub(crate) struct Event {
    pub(crate) attrs: Attrs,
    pub(crate) ty: Type,
    /// The last name of the type: the variant's.
    pub(crate) ident: Ident,
}

/// What kind of state a node is. Regions, parallel and history states will stand here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NodeKind {
    Atomic,
    Compound,
    Final,
}

/// A declared state.
pub(crate) struct Node {
    pub(crate) attrs: Attrs,
    pub(crate) name: Ident,
    pub(crate) kind: NodeKind,
    pub(crate) parent: Option<NodeId>,
    pub(crate) initial: Option<NodeId>,
    pub(crate) entry: Vec<Action>,
    pub(crate) exit: Vec<Action>,
    /// What a final state must not have, at its tokens.
    pub(crate) misplaced: Vec<TokenStream>,
}

/// An arm with its triggers and its target resolved.
pub(crate) struct Arm {
    pub(crate) attrs: Attrs,
    pub(crate) keyword: Ident,
    pub(crate) source: Option<NodeId>,
    pub(crate) triggers: Vec<TriggerId>,
    /// Whether `_` stands in the pattern.
    pub(crate) wildcard: bool,
    /// Whether the pattern matches its triggers whatever their payload.
    pub(crate) irrefutable: bool,
    pub(crate) pattern: Pat,
    pub(crate) pattern_text: String,
    pub(crate) guard: Option<(Expr, String)>,
    pub(crate) target: Target,
    pub(crate) actions: Vec<Action>,
}

/// Where an arm leads.
#[allow(clippy::large_enum_variant, reason = "syntax lives for one expansion")]
pub(crate) enum Target {
    To(NodeId),
    Internal(NodeId),
    Stay,
    Reject(Expr, String),
    Ignore,
}

impl Arm {
    /// Whether it answers its triggers always: no guard, and a pattern that matches whatever the payload.
    pub(crate) fn is_whole(&self) -> bool {
        self.guard.is_none() && self.irrefutable
    }
}

impl Model {
    pub(crate) fn node_ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..u16::try_from(self.nodes.len()).unwrap_or(u16::MAX)).map(NodeId)
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    pub(crate) fn arm(&self, id: ArmId) -> &Arm {
        &self.arms[id.index()]
    }

    pub(crate) fn arms(&self) -> impl Iterator<Item = (ArmId, &Arm)> {
        (0..).map(ArmId).zip(&self.arms)
    }

    pub(crate) fn find(&self, name: &Ident) -> Option<NodeId> {
        self.node_ids().find(|id| self.node(*id).name == *name)
    }

    /// States in which an instance can rest.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.node_ids().filter(|id| self.node(*id).kind != NodeKind::Compound)
    }

    /// The node and its ancestors, innermost first.
    pub(crate) fn lineage(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::successors(Some(id), |id| self.node(*id).parent)
    }

    pub(crate) fn is_within(&self, inner: NodeId, outer: NodeId) -> bool {
        self.lineage(inner).any(|id| id == outer)
    }

    /// A final state of the machine itself.
    pub(crate) fn is_end(&self, id: NodeId) -> bool {
        self.node(id).kind == NodeKind::Final && self.node(id).parent.is_none()
    }

    /// The arms that may answer in a leaf, in the order in which they are asked: its own, its ancestors', the
    /// machine's. An arm all of whose triggers were answered for certain before it is left out.
    pub(crate) fn flattened(&self, leaf: NodeId) -> Vec<ArmId> {
        if self.is_end(leaf) {
            return Vec::new();
        }
        let sources = self.lineage(leaf).map(Some).chain([None]);
        let mut answered = vec![false; self.triggers.len()];
        let mut asked = Vec::new();
        for (id, arm) in sources.flat_map(|source| self.arms().filter(move |(_, arm)| arm.source == source)) {
            if arm.triggers.iter().all(|t| answered[t.index()]) {
                continue;
            }
            asked.push(id);
            if arm.is_whole() {
                arm.triggers.iter().for_each(|t| answered[t.index()] = true);
            }
        }
        asked
    }
}
