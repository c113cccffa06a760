//! The whole graph of a machine as data: what the compiler proves, the runtime drives, and diagrams and tools read.
//!
//! The compiler builds a [`Definition`] while it expands a machine, and generated code holds the same one as a
//! static. [`chart`] says what a statechart does with it. Nothing here knows tokens, payloads or records.

pub mod chart;
pub mod diff;
mod dot;
pub mod explore;
#[cfg(feature = "json")]
mod json;
pub mod lock;
mod mermaid;
mod plantuml;
mod scxml;
mod svg;
mod table;
mod text;

use std::fmt;

/// A machine as declared: nodes, arms and names, in source order. Ids are indices into its lists.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "json", derive(serde::Serialize))]
pub struct Definition<'a> {
    /// Name of the machine's type, `Order`.
    pub machine: &'a str,
    /// `version` of the graph, 1 unless declared.
    pub version: u32,
    /// Doc comment of the machine, lines joined by `\n`; empty without one.
    pub doc: &'a str,
    /// What the events build up.
    pub data: DataDef<'a>,
    /// The node that the machine's `initial` names.
    pub initial: NodeId,
    /// What happens to a trigger that no arm answers.
    pub unhandled: Unhandled,
    /// Every declared node, in source order: parents stand before their children, and each node's descendants behind
    /// it without a gap.
    pub nodes: &'a [NodeDef<'a>],
    /// Every trigger.
    pub triggers: &'a [TriggerDef<'a>],
    /// Every event type, newest version each.
    pub events: &'a [EventDef<'a>],
    /// Events that are recorded and written no more.
    pub retired: &'a [RetiredDef<'a>],
    /// Every effect.
    pub effects: &'a [EffectDef<'a>],
    /// Every arm, in source order.
    pub arms: &'a [ArmDef<'a>],
    /// The arms of the machine itself, in source order.
    pub own: &'a [ArmId],
    /// Every `limit` line.
    pub limits: &'a [LimitDef<'a>],
    /// Every line of `migrate`.
    pub migrations: &'a [MigrationDef<'a>],
    /// Every line of `prove`, as written; the compiler has proven them.
    pub proofs: &'a [&'a str],
}

/// The `data` line.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "json", derive(serde::Serialize))]
pub struct DataDef<'a> {
    /// The type as written.
    pub type_name: &'a str,
    /// Raised by hand when the body of an `Apply` changes what old events mean.
    pub version: u32,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[cfg_attr(feature = "json", derive(serde::Serialize))]
        pub struct $name(pub u16);

        impl $name {
            /// As an index.
            pub fn index(self) -> usize {
                usize::from(self.0)
            }
        }
    )* };
}

ids! {
    /// Place of a node in [`Definition::nodes`].
    NodeId
    /// Place of an arm in [`Definition::arms`].
    ArmId
    /// Place of a trigger in [`Definition::triggers`].
    TriggerId
}

/// An effect.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "json", derive(serde::Serialize))]
pub struct EffectDef<'a> {
    /// As declared.
    pub name: &'a str,
    /// Doc comment, lines joined by `\n`; empty without one.
    pub doc: &'a str,
    /// It waits for no other effect of its instance, and none waits for it.
    pub unordered: bool,
}

/// A trigger.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "json", derive(serde::Serialize))]
pub struct TriggerDef<'a> {
    /// As declared.
    pub name: &'a str,
    /// Doc comment, lines joined by `\n`; empty without one.
    pub doc: &'a str,
    /// Raised only: nobody outside can fire it.
    pub internal: bool,
}

/// One type of the `events` block.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "json", derive(serde::Serialize))]
pub struct EventDef<'a> {
    /// `name` of `#[event(name = "…")]`: what is recorded.
    pub name: &'a str,
    /// The newest version.
    pub version: u32,
}

/// An event that is recorded and written no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "json", derive(serde::Serialize))]
pub struct RetiredDef<'a> {
    /// As recorded.
    pub name: &'a str,
    /// The function that makes the events that stand in its place, as written; `None`: nothing does.
    pub split: Option<&'a str>,
}

/// What happens to a trigger that no arm answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "json", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Unhandled {
    /// It is rejected with `NotHandled`.
    Reject,
    /// It is accepted, nothing happens and nothing is recorded.
    Ignore,
}

/// One declared node.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "json", derive(serde::Serialize))]
pub struct NodeDef<'a> {
    /// Unique in the machine.
    pub name: &'a str,
    /// What kind of node it is.
    pub kind: NodeKind,
    /// The node it stands in; `None` for the machine's own children.
    pub parent: Option<NodeId>,
    /// Its last descendant in source order; itself when it has none.
    pub last: NodeId,
    /// Where it leads when it is entered: what the `initial` of a compound or region names, the default of a history.
    /// Empty for all others, and for a history without default.
    pub initial: &'a [NodeId],
    /// Its own arms, in source order.
    pub arms: &'a [ArmId],
    /// Done when it is entered.
    pub entry: &'a [ActionDef<'a>],
    /// Done when it is left.
    pub exit: &'a [ActionDef<'a>],
    /// Doc comment, lines joined by `\n`; empty without one.
    pub doc: &'a str,
    /// Where it is declared.
    pub location: Location<'a>,
}

/// The kinds of nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "json", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum NodeKind {
    /// Has no children: an instance can rest in it.
    Atomic,
    /// Has children, one of which is active whenever it is.
    Compound,
    /// Has regions, all of which are active whenever it is.
    Parallel,
    /// Stands in a parallel state; one of its children is active whenever it is.
    Region,
    /// The end of the machine, or of the compound or region it stands in.
    Final,
    /// Stands for the child of its parent that was active when the parent was last left.
    History,
    /// Stands for all that was active in its parent when that was last left.
    DeepHistory,
}

impl NodeKind {
    /// Whether an instance can rest in it: it has no children and is no history.
    pub fn is_leaf(self) -> bool {
        matches!(self, Self::Atomic | Self::Final)
    }

    /// Whether one of its children is active whenever it is.
    pub fn is_compound(self) -> bool {
        matches!(self, Self::Compound | Self::Region)
    }

    /// Whether it stands for what was left.
    pub fn is_history(self) -> bool {
        matches!(self, Self::History | Self::DeepHistory)
    }
}

/// One arm.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "json", derive(serde::Serialize))]
pub struct ArmDef<'a> {
    /// The node it stands in; `None` for an arm of the machine itself.
    pub source: Option<NodeId>,
    /// What it answers.
    pub on: On<'a>,
    /// The guard as written.
    pub guard: Option<&'a str>,
    /// Whether it applies whatever the payload and the data: no guard, and a pattern that always matches.
    pub whole: bool,
    /// Where it leads.
    pub target: TargetDef<'a>,
    /// Done on the way, in order.
    pub actions: &'a [ActionDef<'a>],
    /// Doc comment, lines joined by `\n`; empty without one.
    pub doc: &'a str,
    /// Where it is declared.
    pub location: Location<'a>,
}

/// What an arm answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "json", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum On<'a> {
    /// A trigger.
    Trigger {
        /// The pattern as written.
        pattern: &'a str,
        /// The triggers that it can match.
        triggers: &'a [TriggerId],
    },
    /// Nothing: it is taken as soon as it applies.
    Always,
    /// The end of the node's child, or of all its regions.
    Done,
    /// The end of a time span that begins when the node is entered, as written.
    After(&'a str),
    /// The same again and again, as written.
    Every(&'a str),
}

/// Where an arm leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "json", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum TargetDef<'a> {
    /// To a node, or to several in different regions, leaving and entering what lies between.
    To(&'a [NodeId]),
    /// To a descendant, without leaving the source.
    Internal(NodeId),
    /// Nowhere: actions run, nothing is left or entered.
    Stay,
    /// The trigger is refused; the reason as written.
    Reject(&'a str),
    /// The trigger is accepted, nothing happens and nothing is recorded.
    Ignore,
}

/// One action, as written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "json", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ActionDef<'a> {
    /// `emit` of an event.
    Emit(&'a str),
    /// `do` of an effect.
    Do(&'a str),
    /// `raise` of a trigger.
    Raise(TriggerId, &'a str),
}

/// A `limit` line: a token bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "json", derive(serde::Serialize))]
pub struct LimitDef<'a> {
    /// Triggers admitted in each period.
    pub count: u32,
    /// The period, in nanoseconds.
    pub period_ns: u64,
    /// Triggers admitted at once after a pause; `count` unless declared.
    pub burst: u32,
    /// The triggers it counts; empty: all.
    pub triggers: &'a [TriggerId],
    /// Who shares a bucket.
    pub scope: LimitScope,
}

/// Who shares the bucket of a `limit`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "json", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum LimitScope {
    /// Each instance has its own.
    #[default]
    Instance,
    /// All instances of a tenant share one.
    Tenant,
    /// All instances share one.
    Machine,
}

/// A line of `migrate`: what a former state has become.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "json", derive(serde::Serialize))]
pub struct MigrationDef<'a> {
    /// A name that older records hold.
    pub from: &'a str,
    /// What it means now.
    pub to: NodeId,
}

/// A place in the source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "json", derive(serde::Serialize))]
pub struct Location<'a> {
    /// As the compiler was told it.
    pub file: &'a str,
    /// Counted from 1.
    pub line: u32,
}

impl<'a> Definition<'a> {
    /// The node with this id.
    pub fn node(&self, id: NodeId) -> Option<&'a NodeDef<'a>> {
        self.nodes.get(id.index())
    }

    /// The arm with this id.
    pub fn arm(&self, id: ArmId) -> Option<&'a ArmDef<'a>> {
        self.arms.get(id.index())
    }

    /// The trigger with this id.
    pub fn trigger(&self, id: TriggerId) -> Option<&'a TriggerDef<'a>> {
        self.triggers.get(id.index())
    }

    /// The node with this name.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.ids().find(|id| self.node(*id).is_some_and(|n| n.name == name))
    }

    /// Name of a node.
    pub fn name(&self, id: NodeId) -> &'a str {
        self.node(id).map_or("", |n| n.name)
    }

    /// Kind of a node.
    pub fn kind(&self, id: NodeId) -> NodeKind {
        self.node(id).map_or(NodeKind::Atomic, |n| n.kind)
    }

    /// The node that a node stands in.
    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        self.node(id)?.parent
    }

    /// The node and its ancestors, innermost first.
    pub fn lineage(&self, id: NodeId) -> impl Iterator<Item = NodeId> + use<'a> {
        let nodes = self.nodes;
        std::iter::successors(Some(id), move |id| nodes.get(id.index())?.parent)
    }

    /// Whether `inner` is `outer` or one of its descendants.
    pub fn is_within(&self, inner: NodeId, outer: NodeId) -> bool {
        self.node(outer).is_some_and(|n| outer <= inner && inner <= n.last)
    }

    /// The arms of a node, or of the machine itself, in source order.
    pub fn own_arms(&self, source: Option<NodeId>) -> &'a [ArmId] {
        match source {
            Some(id) => self.node(id).map_or(&[], |n| n.arms),
            None => self.own,
        }
    }

    /// Arms that may answer in a leaf, in the order in which they are asked: its own in source order, then each
    /// ancestor's, then the machine's.
    pub fn arms_of(&self, leaf: NodeId) -> impl Iterator<Item = (ArmId, &'a ArmDef<'a>)> + use<'a> {
        let definition = *self;
        let sources = self.lineage(leaf).map(Some).chain(std::iter::once(None));
        let ids = sources.flat_map(move |source| definition.own_arms(source).iter().copied());
        ids.filter_map(move |id| Some((id, definition.arm(id)?)))
    }

    /// Every node's id, in source order.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..u16::try_from(self.nodes.len()).unwrap_or(u16::MAX)).map(NodeId)
    }

    /// Every arm with its id, in source order.
    pub fn all_arms(&self) -> impl Iterator<Item = (ArmId, &'a ArmDef<'a>)> + use<'a> {
        (0..).map(ArmId).zip(self.arms)
    }

    /// The children of a node, or of the machine, in source order.
    pub fn children(&self, parent: Option<NodeId>) -> impl Iterator<Item = NodeId> + use<'a> {
        let nodes = self.nodes;
        let (first, end) = match parent {
            Some(id) => (id.index() + 1, self.node(id).map_or(0, |n| n.last.index() + 1)),
            None => (0, nodes.len()),
        };
        let next = move |at: usize| nodes.get(at).map_or(end, |n| n.last.index() + 1);
        std::iter::successors(Some(first), move |at| Some(next(*at)))
            .take_while(move |at| *at < end)
            .filter_map(|at| u16::try_from(at).ok().map(NodeId))
    }

    /// Whether it is a final state of the machine itself: an instance that enters it has finished.
    pub fn is_end(&self, id: NodeId) -> bool {
        self.node(id).is_some_and(|n| n.kind == NodeKind::Final && n.parent.is_none())
    }

    /// Whether time can bring an instance on.
    pub fn has_timers(&self) -> bool {
        self.arms.iter().any(ArmDef::is_timer)
    }

    /// Where a timer stands: its node's name and its place among the timers there, `Submitted#0`. Records hold it.
    pub fn timer_name(&self, timer: ArmId) -> String {
        let source = self.arm(timer).and_then(|arm| arm.source);
        let mut timers = self.timers_of(source);
        let place = timers.position(|id| id == timer).unwrap_or_default();
        format!("{}#{place}", source.map_or("", |id| self.name(id)))
    }

    /// The timer with this name.
    pub fn find_timer(&self, name: &str) -> Option<ArmId> {
        let (node, place) = name.rsplit_once('#')?;
        let source = match self.migrated(node) {
            "" => None,
            node => Some(self.find(node)?),
        };
        self.timers_of(source).nth(place.parse().ok()?)
    }

    /// The timers of a node, or of the machine itself, in source order.
    pub fn timers_of(&self, source: Option<NodeId>) -> impl Iterator<Item = ArmId> + use<'a> {
        let definition = *self;
        let own = self.own_arms(source).iter().copied();
        own.filter(move |id| definition.arm(*id).is_some_and(ArmDef::is_timer))
    }

    /// What a name in an old record means now: `migrate` lines applied, all others as they are.
    pub fn migrated<'n>(&self, name: &'n str) -> &'n str
    where
        'a: 'n,
    {
        self.migrations.iter().find(|m| m.from == name).map_or(name, |m| self.name(m.to))
    }

    /// A `stateDiagram-v2` of [Mermaid](https://mermaid.js.org): every arm once, nothing else.
    pub fn to_mermaid(&self) -> String {
        mermaid::draw(self)
    }

    /// A digraph for [Graphviz](https://graphviz.org): states with states inside are clusters, every arm stands once.
    pub fn to_dot(&self) -> String {
        dot::draw(self)
    }

    /// A state diagram for [PlantUML](https://plantuml.com/state-diagram).
    pub fn to_plantuml(&self) -> String {
        plantuml::draw(self)
    }

    /// A document of [W3C SCXML](https://www.w3.org/TR/scxml/). Guards and actions stand in it as written; what SCXML has
    /// no word for has a namespace of its own.
    pub fn to_scxml(&self) -> String {
        scxml::write(self)
    }

    /// A picture that needs no script: `<svg>`, in the colours of the text around it.
    pub fn to_svg(&self) -> String {
        svg::draw(self)
    }

    /// The transitions as a table in Markdown.
    pub fn to_table(&self) -> String {
        table::write(self)
    }

    /// All of it as JSON; its shape is `definition.schema.json` in this crate.
    #[cfg(feature = "json")]
    pub fn to_json(&self) -> String {
        json::write(self)
    }
}

impl<'a> NodeDef<'a> {
    /// A node, its parts in an order that generated code writes in few tokens. The tree is the parent, or `u16::MAX`,
    /// and the last descendant.
    #[doc(hidden)]
    pub const fn new(
        named: (&'a str, &'a str),
        kind: NodeKind,
        tree: (u16, u16),
        lists: (&'a [NodeId], &'a [ArmId]),
        hooks: (&'a [ActionDef<'a>], &'a [ActionDef<'a>]),
        at: (&'a str, u32),
    ) -> Self {
        Self {
            name: named.0,
            kind,
            parent: optional(tree.0),
            last: NodeId(tree.1),
            initial: lists.0,
            arms: lists.1,
            entry: hooks.0,
            exit: hooks.1,
            doc: named.1,
            location: Location { file: at.0, line: at.1 },
        }
    }
}

const fn optional(id: u16) -> Option<NodeId> {
    if id == u16::MAX { None } else { Some(NodeId(id)) }
}

impl<'a> ArmDef<'a> {
    /// An arm, its parts in an order that generated code writes in few tokens.
    #[doc(hidden)]
    pub const fn new(
        source: u16,
        on: On<'a>,
        guard: (Option<&'a str>, bool),
        target: TargetDef<'a>,
        actions: &'a [ActionDef<'a>],
        at: (&'a str, &'a str, u32),
    ) -> Self {
        Self {
            source: optional(source),
            on,
            guard: guard.0,
            whole: guard.1,
            target,
            actions,
            doc: at.0,
            location: Location { file: at.1, line: at.2 },
        }
    }

    /// The triggers that its pattern can match; none for an arm that answers no trigger.
    pub fn triggers(&self) -> &'a [TriggerId] {
        match self.on {
            On::Trigger { triggers, .. } => triggers,
            _ => &[],
        }
    }

    /// Whether it is a timer.
    pub fn is_timer(&self) -> bool {
        matches!(self.on, On::After(_) | On::Every(_))
    }

    /// The nodes it leads to; none when it leads nowhere.
    pub fn targets(&self) -> &[NodeId] {
        match &self.target {
            TargetDef::To(nodes) => nodes,
            TargetDef::Internal(node) => std::slice::from_ref(node),
            TargetDef::Stay | TargetDef::Reject(_) | TargetDef::Ignore => &[],
        }
    }

    /// What the arm asks for, on one line: `Pay { cents } [cents >= data.total()]`.
    pub fn label(&self) -> String {
        match self.guard {
            Some(guard) => format!("{} [{guard}]", self.on),
            None => self.on.to_string(),
        }
    }
}

impl fmt::Display for On<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trigger { pattern, .. } => f.write_str(pattern),
            Self::Always => f.write_str("always"),
            Self::Done => f.write_str("done"),
            Self::After(span) => write!(f, "after {span}"),
            Self::Every(span) => write!(f, "every {span}"),
        }
    }
}
