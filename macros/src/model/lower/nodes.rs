//! The nodes: collects them in source order, then resolves where each begins.

use super::{IDS_MAX, report_too_many};
use crate::check::{duplicate_name, missing_initial, unknown_name};
use crate::diagnostics::Diagnostics;
use crate::model::{Attrs, Misplaced, Model, Node, NodeId, NodeKind};
use crate::parse::{self, Member};
use proc_macro2::Ident;
use quote::ToTokens;
use std::collections::BTreeSet;

/// What stands in the nodes, to be resolved when all names are known.
#[derive(Default)]
pub(super) struct Found {
    pub(super) arms: Vec<(Option<NodeId>, parse::Arm)>,
    initials: Vec<(Option<NodeId>, Ident)>,
    defaults: Vec<(NodeId, Vec<Ident>)>,
    /// Names of states that were declared again, and left out: `initial`s that mean them say nothing new.
    doubled: BTreeSet<String>,
    /// There were more nodes than ids.
    full: bool,
}

pub(super) fn collect(diagnostics: &mut Diagnostics, model: &mut Model, members: Vec<Member>) -> Found {
    let mut found = Found::default();
    found.collect(diagnostics, model, (members, None));
    found
}

impl Found {
    fn collect(
        &mut self,
        diagnostics: &mut Diagnostics,
        model: &mut Model,
        level: (Vec<Member>, Option<NodeId>),
    ) {
        let (members, parent) = level;
        for member in members {
            match member {
                Member::Node(node) => self.collect_node(diagnostics, model, (node, parent)),
                Member::Arm(arm) => self.arms.push((parent, arm)),
                Member::Initial(name) => self.initials.push((parent, name)),
                Member::Default(names) => self.defaults.extend(parent.map(|id| (id, names))),
                Member::Entry(keyword, actions) => match parent {
                    Some(id) => model.nodes[id.index()].entry.extend(actions),
                    None => diagnostics.error(
                        &keyword,
                        "the machine itself has no `entry`\nhelp: put it into the initial state",
                    ),
                },
                Member::Exit(keyword, actions) => match parent {
                    Some(id) => model.nodes[id.index()].exit.extend(actions),
                    None => diagnostics
                        .error(&keyword, "the machine itself is never left\nhelp: put `exit` into a state"),
                },
            }
        }
    }

    fn collect_node(
        &mut self,
        diagnostics: &mut Diagnostics,
        model: &mut Model,
        node: (parse::Node, Option<NodeId>),
    ) {
        let (node, parent) = node;
        if let Some(first) = model.find(&node.name) {
            let first = model.node(first).name.clone();
            duplicate_name::report(diagnostics, "state", (&first, &node.name));
            self.doubled.insert(node.name.to_string());
            return;
        }
        let free = u16::try_from(model.nodes.len()).ok().filter(|_| model.nodes.len() < IDS_MAX);
        let Some(id) = free.map(NodeId) else {
            if !std::mem::replace(&mut self.full, true) {
                report_too_many(diagnostics, "states", &node.name);
            }
            return;
        };
        let attrs = Attrs::read_own(diagnostics, &node.attrs);
        let kind = kind(&node);
        fits(diagnostics, parent.map(|id| model.node(id)), (&node, kind));
        let (kept, misplaced) =
            if kind == NodeKind::Final { split_final(node.members) } else { (node.members, Vec::new()) };
        model.node_names.insert(node.name.to_string(), id);
        model.nodes.push(Node {
            attrs,
            name: node.name,
            kind,
            parent,
            last: id,
            initial: Vec::new(),
            entry: Vec::new(),
            exit: Vec::new(),
            misplaced,
        });
        self.collect(diagnostics, model, (kept, Some(id)));
        let last = u16::try_from(model.nodes.len() - 1).map_or(id, NodeId);
        model.nodes[id.index()].last = last;
    }
}

fn kind(node: &parse::Node) -> NodeKind {
    let has_states = node.members.iter().any(|member| matches!(member, Member::Node(_)));
    match node.kind {
        parse::NodeKind::State if has_states => NodeKind::Compound,
        parse::NodeKind::State => NodeKind::Atomic,
        parse::NodeKind::Parallel => NodeKind::Parallel,
        parse::NodeKind::Region => NodeKind::Region,
        parse::NodeKind::Final => NodeKind::Final,
        parse::NodeKind::History => NodeKind::History,
        parse::NodeKind::DeepHistory => NodeKind::DeepHistory,
    }
}

/// What can stand in what.
fn fits(diagnostics: &mut Diagnostics, parent: Option<&Node>, node: (&parse::Node, NodeKind)) {
    let (node, kind) = node;
    let around = parent.map(|parent| parent.kind);
    let wrong = match (around, kind) {
        (Some(NodeKind::Parallel), NodeKind::Region | NodeKind::History | NodeKind::DeepHistory) => None,
        (Some(NodeKind::Parallel), _) => Some(format!(
            "a parallel state holds regions\nhelp: write `region Name {{ initial {0}; … }}` around `{0}`",
            node.name
        )),
        (_, NodeKind::Region) => {
            Some("a region stands in a parallel state\nhelp: write `parallel Name { … }` around the regions".to_owned())
        }
        (None, NodeKind::History | NodeKind::DeepHistory) => {
            Some("the machine itself is never left: there is nothing to remember\nhelp: put the history into a state with states inside".to_owned())
        }
        _ => None,
    };
    if let Some(wrong) = wrong {
        diagnostics.error(&node.name, wrong);
    }
    let holds = |what: fn(parse::NodeKind) -> bool| {
        node.members.iter().any(|member| matches!(member, Member::Node(child) if what(child.kind)))
    };
    let history = |kind| matches!(kind, parse::NodeKind::History | parse::NodeKind::DeepHistory);
    if kind == NodeKind::Parallel && !holds(|kind| kind == parse::NodeKind::Region) {
        diagnostics.error(
            &node.name,
            format!("parallel state `{}` has no region\nhelp: write `region Name {{ … }}` inside, one for each part", node.name),
        );
    }
    if kind == NodeKind::Compound
        && !holds(|kind| !matches!(kind, parse::NodeKind::History | parse::NodeKind::DeepHistory))
        && holds(history)
    {
        diagnostics.error(
            &node.name,
            format!(
                "`{}` has no states inside, so there is nothing to remember\nhelp: leave the history out",
                node.name
            ),
        );
    }
}

/// A final state keeps its entry actions; all else is misplaced.
fn split_final(members: Vec<Member>) -> (Vec<Member>, Vec<Misplaced>) {
    let (kept, rest): (Vec<_>, Vec<_>) =
        members.into_iter().partition(|member| matches!(member, Member::Entry(..)));
    let misplaced = rest.iter().map(|member| {
        let (tokens, timer) = match member {
            Member::Initial(name) => (name.to_token_stream(), false),
            Member::Arm(arm) => {
                let timer = matches!(arm.on, parse::On::After(_) | parse::On::Every(_));
                (arm.keyword.to_token_stream(), timer)
            }
            Member::Exit(keyword, _) | Member::Entry(keyword, _) => (keyword.to_token_stream(), false),
            Member::Node(node) => (node.name.to_token_stream(), false),
            Member::Default(names) => (names.first().to_token_stream(), false),
        };
        Misplaced { tokens, timer }
    });
    (kept, misplaced.collect())
}

pub(super) fn resolve_initials(diagnostics: &mut Diagnostics, model: &mut Model, found: &Found) {
    for (parent, name) in &found.initials {
        let kept = parent.is_none() || !found.doubled.contains(&name.to_string());
        if kept {
            resolve_initial(diagnostics, model, *parent, name);
        }
    }
    for (history, names) in &found.defaults {
        for name in names {
            resolve_default(diagnostics, model, *history, name);
        }
    }
}

fn resolve_initial(diagnostics: &mut Diagnostics, model: &mut Model, parent: Option<NodeId>, name: &Ident) {
    let Some(target) = model.find(name) else {
        unknown_name::report_state(diagnostics, model, name);
        return;
    };
    let Some(id) = parent else {
        if model.initial.replace(target).is_some() {
            duplicate_name::report_second_initial(diagnostics, name);
        }
        return;
    };
    if target == id || !model.is_within(target, id) {
        missing_initial::report_outside(diagnostics, model, (id, name));
        return;
    }
    if model.node(id).kind == NodeKind::Parallel {
        diagnostics.error(
            name,
            "a parallel state has no `initial`: all its regions are entered\nhelp: put `initial` into each region",
        );
        return;
    }
    if !std::mem::replace(&mut model.nodes[id.index()].initial, vec![target]).is_empty() {
        duplicate_name::report_second_initial(diagnostics, name);
    }
}

fn resolve_default(diagnostics: &mut Diagnostics, model: &mut Model, history: NodeId, name: &Ident) {
    let Some(target) = model.find(name) else {
        unknown_name::report_state(diagnostics, model, name);
        return;
    };
    // A history of the machine itself was reported where it stands.
    let Some(around) = model.node(history).parent else { return };
    let inside = model.is_within(target, around) && target != around;
    if !inside || model.node(target).kind.is_history() {
        missing_initial::report_default(diagnostics, model, (history, name));
        return;
    }
    model.nodes[history.index()].initial.push(target);
}
