//! What the block means: ids, resolved names, and the [`Definition`](statewright_definition::Definition) that says
//! what is left and entered.
//!
//! It judges only what cannot be resolved; the rules stand in `check`.

mod attrs;
mod define;
mod lower;

pub(crate) use attrs::Attrs;
pub(crate) use define::define;
pub(crate) use lower::lower_machine;
pub(crate) use statewright_definition::lock::Lock;
pub(crate) use statewright_definition::{ArmId, LimitScope, NodeId, NodeKind, TriggerId};

use crate::parse::{Action, Duration, Retired, Unhandled};
use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use std::collections::HashMap;
use syn::{Attribute, Expr, LitStr, Pat, Type, Variant, Visibility};

/// A machine with its names resolved. What could not be resolved is absent.
pub(crate) struct Model {
    pub(crate) attrs: Attrs,
    pub(crate) vis: Visibility,
    pub(crate) name: Ident,
    pub(crate) version: u32,
    pub(crate) data: Option<Type>,
    pub(crate) data_version: u32,
    pub(crate) triggers: Vec<Trigger>,
    pub(crate) trigger_attrs: Vec<Attribute>,
    pub(crate) events: Vec<Event>,
    /// Events that are recorded and listed no more.
    pub(crate) retired: Vec<Retired>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) effect_attrs: Vec<Attribute>,
    pub(crate) unhandled: Unhandled,
    pub(crate) lock: Option<Locked>,
    pub(crate) initial: Option<NodeId>,
    /// Every node, in source order, parents before children.
    pub(crate) nodes: Vec<Node>,
    pub(crate) arms: Vec<Arm>,
    pub(crate) limits: Vec<Limit>,
    pub(crate) migrations: Vec<(Ident, NodeId)>,
    pub(crate) proofs: Vec<Proof>,
    /// Nodes and triggers by name.
    node_names: HashMap<String, NodeId>,
    trigger_names: HashMap<String, TriggerId>,
}

/// The `lock` line, and what its file says.
pub(crate) struct Locked {
    pub(crate) file: LitStr,
    /// `None`: there is no such file yet; nothing has been released.
    pub(crate) released: Option<Lock>,
    /// The schema of each effect.
    pub(crate) effects: Vec<TokenStream>,
}

/// A variant of `triggers` or `effects`.
pub(crate) struct Named {
    pub(crate) attrs: Attrs,
    pub(crate) variant: Variant,
}

/// A trigger.
pub(crate) struct Trigger {
    pub(crate) named: Named,
    /// `#[internal]`: it can only be raised.
    pub(crate) internal: bool,
}

/// An effect.
pub(crate) struct Effect {
    pub(crate) named: Named,
    /// `#[unordered]`: it waits for no other.
    pub(crate) unordered: bool,
}

/// A listed event.
pub(crate) struct Event {
    pub(crate) attrs: Attrs,
    pub(crate) ty: Type,
    /// The last name of the type: the variant's.
    pub(crate) ident: Ident,
}

/// A declared node.
pub(crate) struct Node {
    pub(crate) attrs: Attrs,
    pub(crate) name: Ident,
    pub(crate) kind: NodeKind,
    pub(crate) parent: Option<NodeId>,
    /// Its last descendant; itself when it has none.
    pub(crate) last: NodeId,
    /// What `initial` names, or the default of a history.
    pub(crate) initial: Vec<NodeId>,
    pub(crate) entry: Vec<Action>,
    pub(crate) exit: Vec<Action>,
    /// What a final state must not have.
    pub(crate) misplaced: Vec<Misplaced>,
}

/// Something that cannot stand in a final state, at its tokens.
pub(crate) struct Misplaced {
    pub(crate) tokens: TokenStream,
    pub(crate) timer: bool,
}

/// An arm with its triggers and its target resolved.
pub(crate) struct Arm {
    pub(crate) attrs: Attrs,
    pub(crate) keyword: Ident,
    pub(crate) source: Option<NodeId>,
    pub(crate) on: On,
    pub(crate) guard: Option<(Expr, String)>,
    pub(crate) target: Target,
    pub(crate) actions: Vec<Action>,
}

/// What an arm answers.
#[allow(clippy::large_enum_variant, reason = "syntax lives for one expansion")]
pub(crate) enum On {
    Trigger(Matched),
    Always,
    Done,
    After(Duration),
    Every(Duration),
}

/// A pattern over triggers, its variants looked up.
pub(crate) struct Matched {
    pub(crate) pattern: Pat,
    pub(crate) text: String,
    pub(crate) triggers: Vec<TriggerId>,
    /// Whether `_` stands in the pattern.
    pub(crate) wildcard: bool,
    /// Whether the pattern matches its triggers whatever their payload.
    pub(crate) irrefutable: bool,
}

/// Where an arm leads.
#[allow(clippy::large_enum_variant, reason = "syntax lives for one expansion")]
pub(crate) enum Target {
    /// Nodes, each with the name as it stands there.
    To(Vec<(NodeId, Ident)>),
    Internal(NodeId),
    Stay,
    Reject(Expr, String),
    Ignore,
}

/// A `limit` line, its names resolved.
pub(crate) struct Limit {
    pub(crate) count: u32,
    pub(crate) period_ns: u64,
    pub(crate) burst: u32,
    pub(crate) triggers: Vec<TriggerId>,
    pub(crate) scope: LimitScope,
}

/// A line of `prove`, its names resolved.
pub(crate) struct Proof {
    pub(crate) claim: Claim,
    pub(crate) tokens: TokenStream,
    pub(crate) text: String,
}

/// What a line of `prove` says.
pub(crate) enum Claim {
    /// No run reaches the first without passing the second.
    Requires(NodeId, NodeId),
    /// No run gets from the first to the second.
    Never(NodeId, NodeId),
    /// From the first, the second can be reached.
    Reaches(NodeId, NodeId),
    /// From every state a final state can be reached.
    AlwaysEnds,
    /// Wherever an instance rests, these are answered.
    Handled(Vec<TriggerId>),
}

impl Arm {
    /// Whether it applies always: no guard, and a pattern that matches whatever the payload.
    pub(crate) fn is_whole(&self) -> bool {
        self.guard.is_none() && self.matched().is_none_or(|matched| matched.irrefutable)
    }

    /// The pattern of an arm that answers triggers.
    pub(crate) fn matched(&self) -> Option<&Matched> {
        match &self.on {
            On::Trigger(matched) => Some(matched),
            On::Always | On::Done | On::After(_) | On::Every(_) => None,
        }
    }

    /// The triggers that it can answer.
    pub(crate) fn triggers(&self) -> &[TriggerId] {
        self.matched().map_or(&[], |matched| &matched.triggers)
    }

    /// Its time span, if it is a timer.
    pub(crate) fn timer(&self) -> Option<&Duration> {
        match &self.on {
            On::After(duration) | On::Every(duration) => Some(duration),
            On::Trigger(_) | On::Always | On::Done => None,
        }
    }

    /// What is underlined when the arm is meant: its pattern, or its keyword.
    pub(crate) fn head(&self) -> TokenStream {
        self.matched()
            .map_or_else(|| self.keyword.to_token_stream(), |matched| matched.pattern.to_token_stream())
    }

    /// The same as text.
    pub(crate) fn text(&self) -> String {
        match &self.on {
            On::Trigger(matched) => matched.text.clone(),
            On::Always => "always".to_owned(),
            On::Done => "done".to_owned(),
            On::After(duration) => format!("after {}", duration.text),
            On::Every(duration) => format!("every {}", duration.text),
        }
    }

    /// The nodes it leads to.
    pub(crate) fn targets(&self) -> Vec<NodeId> {
        match &self.target {
            Target::To(nodes) => nodes.iter().map(|(id, _)| *id).collect(),
            Target::Internal(id) => vec![*id],
            Target::Stay | Target::Reject(..) | Target::Ignore => Vec::new(),
        }
    }
}

impl Model {
    /// Whether there is an enum of events. One that lists none is there to read what is retired.
    pub(crate) fn has_events(&self) -> bool {
        !self.events.is_empty() || !self.retired.is_empty()
    }

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
        self.node_names.get(&name.to_string()).copied()
    }

    pub(crate) fn find_trigger(&self, name: &Ident) -> Option<TriggerId> {
        self.trigger_names.get(&name.to_string()).copied()
    }

    /// States in which an instance can rest.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.node_ids().filter(|id| self.node(*id).kind.is_leaf())
    }

    /// The node and its ancestors, innermost first.
    pub(crate) fn lineage(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::successors(Some(id), |id| self.node(*id).parent)
    }

    pub(crate) fn is_within(&self, inner: NodeId, outer: NodeId) -> bool {
        outer <= inner && inner <= self.node(outer).last
    }

    /// A final state of the machine itself.
    pub(crate) fn is_end(&self, id: NodeId) -> bool {
        self.node(id).kind == NodeKind::Final && self.node(id).parent.is_none()
    }

    /// Whether a step can go on by itself: there are `always` or `done` arms, or triggers that are raised.
    pub(crate) fn runs_on(&self) -> bool {
        let raises = |actions: &[Action]| actions.iter().any(|a| a.kind == crate::parse::ActionKind::Raise);
        self.triggers.iter().any(|trigger| trigger.internal)
            || self.arms.iter().any(|arm| matches!(arm.on, On::Always | On::Done) || raises(&arm.actions))
            || self.nodes.iter().any(|node| raises(&node.entry) || raises(&node.exit))
    }
}
