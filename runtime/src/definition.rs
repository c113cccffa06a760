//! The whole graph of a machine as static data: what diagrams, explanations and tools read.
//!
//! The compiler writes it; nothing here decides a step.

mod dot;
mod mermaid;

use serde::Serialize;

/// A machine as declared: nodes, arms and names, in source order. Ids are indices into its lists.
#[derive(Debug, Serialize)]
pub struct Definition {
    /// Name of the machine's type, `Order`.
    pub machine: &'static str,
    /// `version` of the graph, 1 unless declared.
    pub version: u32,
    /// Doc comment of the machine, lines joined by `\n`; empty without one.
    pub doc: &'static str,
    /// What the events build up.
    pub data: DataDef,
    /// The node that the machine's `initial` names.
    pub initial: NodeId,
    /// What happens to a trigger that no arm answers.
    pub unhandled: Unhandled,
    /// Every declared state, parents before children, in source order.
    pub nodes: &'static [NodeDef],
    /// Every trigger.
    pub triggers: &'static [NameDef],
    /// Every event type, newest version each.
    pub events: &'static [EventDef],
    /// Every effect.
    pub effects: &'static [NameDef],
    /// Every arm, in source order.
    pub arms: &'static [ArmDef],
}

/// The `data` line.
#[derive(Debug, Serialize)]
pub struct DataDef {
    /// The type as written.
    pub type_name: &'static str,
    /// Raised by hand when the body of an `Apply` changes what old events mean.
    pub version: u32,
}

/// Place of a node in [`Definition::nodes`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize)]
pub struct NodeId(pub u16);

/// Place of an arm in [`Definition::arms`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize)]
pub struct ArmId(pub u16);

/// Place of a trigger in [`Definition::triggers`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize)]
pub struct TriggerId(pub u16);

/// A name with its doc comment.
#[derive(Debug, Serialize)]
pub struct NameDef {
    /// As declared.
    pub name: &'static str,
    /// Doc comment, lines joined by `\n`; empty without one.
    pub doc: &'static str,
}

/// One type of the `events` block.
#[derive(Debug, Serialize)]
pub struct EventDef {
    /// `name` of `#[event(name = "…")]`: what is recorded.
    pub name: &'static str,
    /// The newest version.
    pub version: u32,
}

/// What happens to a trigger that no arm answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unhandled {
    /// It is rejected with `NotHandled`.
    Reject,
    /// It is accepted, nothing happens and nothing is recorded.
    Ignore,
}

/// One declared state.
#[derive(Debug, Serialize)]
pub struct NodeDef {
    /// Unique in the machine.
    pub name: &'static str,
    /// What kind of state it is.
    pub kind: NodeKind,
    /// The state it stands in; `None` for the machine's own children.
    pub parent: Option<NodeId>,
    /// What a compound's `initial` names: any descendant.
    pub initial: Option<NodeId>,
    /// Done when it is entered.
    pub entry: &'static [ActionDef],
    /// Done when it is left.
    pub exit: &'static [ActionDef],
    /// Doc comment, lines joined by `\n`; empty without one.
    pub doc: &'static str,
    /// Where it is declared.
    pub location: Location,
}

/// The kinds of states.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NodeKind {
    /// Has no children: an instance can rest in it.
    Atomic,
    /// Has children, one of which is active whenever it is.
    Compound,
    /// The end of the machine, or of the compound it stands in.
    Final,
}

/// One arm.
#[derive(Debug, Serialize)]
pub struct ArmDef {
    /// The state it stands in; `None` for an arm of the machine itself.
    pub source: Option<NodeId>,
    /// The triggers that its pattern can match.
    pub triggers: &'static [TriggerId],
    /// The pattern as written.
    pub pattern: &'static str,
    /// The guard as written.
    pub guard: Option<&'static str>,
    /// Whether it answers its triggers whatever their payload: no guard, and a pattern that always matches.
    pub whole: bool,
    /// Where it leads.
    pub target: TargetDef,
    /// Done on the way, in order.
    pub actions: &'static [ActionDef],
    /// Doc comment, lines joined by `\n`; empty without one.
    pub doc: &'static str,
    /// Where it is declared.
    pub location: Location,
}

/// Where an arm leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TargetDef {
    /// To a state, leaving and entering what lies between.
    To(NodeId),
    /// To a descendant, without leaving the source.
    Internal(NodeId),
    /// Nowhere: actions run, nothing is left or entered.
    Stay,
    /// The trigger is refused; the reason as written.
    Reject(&'static str),
    /// The trigger is accepted, nothing happens and nothing is recorded.
    Ignore,
}

/// One action, as written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ActionDef {
    /// `emit` of an event.
    Emit(&'static str),
    /// `do` of an effect.
    Do(&'static str),
}

/// A place in the source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Location {
    /// As the compiler was told it.
    pub file: &'static str,
    /// Counted from 1.
    pub line: u32,
}

impl Definition {
    /// The node with this id.
    pub fn node(&self, id: NodeId) -> Option<&'static NodeDef> {
        self.nodes.get(usize::from(id.0))
    }

    /// The arm with this id.
    pub fn arm(&self, id: ArmId) -> Option<&'static ArmDef> {
        self.arms.get(usize::from(id.0))
    }

    /// The node with this name.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.ids().find(|id| self.node(*id).is_some_and(|n| n.name == name))
    }

    /// Name of a node.
    pub fn name(&self, id: NodeId) -> &'static str {
        self.node(id).map_or("", |n| n.name)
    }

    /// The node and its ancestors, innermost first.
    pub fn lineage(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::successors(Some(id), |id| self.node(*id)?.parent)
    }

    /// Whether `inner` is `outer` or one of its descendants.
    pub fn is_within(&self, inner: NodeId, outer: NodeId) -> bool {
        self.lineage(inner).any(|id| id == outer)
    }

    /// Arms that answer in a state, in the order in which they are asked: its own in source order, then each
    /// ancestor's, then the machine's.
    pub fn arms_of(&self, state: NodeId) -> impl Iterator<Item = (ArmId, &'static ArmDef)> + '_ {
        let sources = self.lineage(state).map(Some).chain(std::iter::once(None));
        sources
            .flat_map(|source| (0..).map(ArmId).zip(self.arms).filter(move |(_, arm)| arm.source == source))
    }

    /// Every node's id, in source order.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..u16::try_from(self.nodes.len()).unwrap_or(u16::MAX)).map(NodeId)
    }

    /// The children of a node, or of the machine, in source order.
    pub fn children(&self, parent: Option<NodeId>) -> impl Iterator<Item = NodeId> + '_ {
        self.ids().filter(move |id| self.node(*id).is_some_and(|n| n.parent == parent))
    }

    /// A `stateDiagram-v2` of [Mermaid](https://mermaid.js.org): every arm once, nothing else.
    pub fn to_mermaid(&self) -> String {
        mermaid::draw(self)
    }

    /// A digraph for [Graphviz](https://graphviz.org): compound states are clusters, every arm stands once.
    pub fn to_dot(&self) -> String {
        dot::draw(self)
    }
}

impl ArmDef {
    /// What the arm asks for, on one line: `Pay { cents } [cents >= data.total()]`.
    pub fn label(&self) -> String {
        match self.guard {
            Some(guard) => format!("{} [{guard}]", self.pattern),
            None => self.pattern.to_owned(),
        }
    }
}
