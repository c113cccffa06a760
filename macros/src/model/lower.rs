//! From syntax to model: collects names, then resolves their uses.

mod patterns;

use super::{Arm, Attrs, Event, Model, Named, Node, NodeId, NodeKind, Target};
use crate::check::{duplicate_name, missing_initial, unknown_name, version_misuse};
use crate::diagnostics::Diagnostics;
use crate::parse::{self, EventItem, Member, Unhandled, VariantItem};
use proc_macro2::Ident;
use quote::ToTokens;
use std::collections::BTreeSet;
use std::mem;
use syn::Type;

/// Resolves a machine's names.
pub(crate) fn lower_machine(diagnostics: &mut Diagnostics, machine: parse::Machine) -> Model {
    let mut model = lower_header(diagnostics, &machine);
    let mut lowering = Lowering::default();
    lowering.collect(diagnostics, &mut model, (machine.members, None));
    for (parent, name) in mem::take(&mut lowering.initials) {
        if parent.is_none() || !lowering.doubled.contains(&name.to_string()) {
            resolve_initial(diagnostics, &mut model, parent, name);
        }
    }
    missing_initial::report(diagnostics, &model);
    for (source, arm) in lowering.arms {
        lower_arm(diagnostics, &mut model, source, arm);
    }
    for place in 0..model.nodes.len() {
        let (entry, exit) =
            (mem::take(&mut model.nodes[place].entry), mem::take(&mut model.nodes[place].exit));
        model.nodes[place].entry = patterns::lower_actions(diagnostics, &model, entry);
        model.nodes[place].exit = patterns::lower_actions(diagnostics, &model, exit);
    }
    model
}

fn lower_header(diagnostics: &mut Diagnostics, machine: &parse::Machine) -> Model {
    let attrs = Attrs::read(diagnostics, &machine.attrs);
    let mut triggers = lower_variants(diagnostics, &machine.triggers);
    let mut effects = lower_variants(diagnostics, &machine.effects);
    let mut events = lower_events(diagnostics, &machine.events);
    duplicate_name::report_names(diagnostics, "trigger", triggers.iter().map(|t| &t.variant.ident));
    duplicate_name::report_names(diagnostics, "effect", effects.iter().map(|e| &e.variant.ident));
    duplicate_name::report_names(diagnostics, "event", events.iter().map(|e| &e.ident));
    keep_first(&mut triggers, |trigger| trigger.variant.ident.to_string());
    keep_first(&mut effects, |effect| effect.variant.ident.to_string());
    keep_first(&mut events, |event| event.ident.to_string());
    duplicate_name::report_items(diagnostics, "version", machine.versions.iter());
    duplicate_name::report_items(diagnostics, "data", machine.data.iter().map(|(ty, _)| ty));
    duplicate_name::report_items(diagnostics, "unhandled", machine.unhandled.iter().map(|(word, _)| word));
    Model {
        attrs,
        vis: machine.vis.clone(),
        name: machine.name.clone(),
        version: version_misuse::read(diagnostics, machine.versions.first()),
        data: machine.data.first().map(|(ty, _)| ty.clone()),
        data_version: version_misuse::read(diagnostics, machine.data.first().and_then(|(_, v)| v.as_ref())),
        triggers,
        trigger_attrs: machine.trigger_attrs.clone(),
        events,
        effects,
        effect_attrs: machine.effect_attrs.clone(),
        unhandled: machine.unhandled.first().map_or(Unhandled::Reject, |(_, choice)| *choice),
        initial: None,
        nodes: Vec::new(),
        arms: Vec::new(),
        mentions: Vec::new(),
    }
}

/// What was reported twice is modelled once.
fn keep_first<T>(items: &mut Vec<T>, name: impl Fn(&T) -> String) {
    let mut seen = BTreeSet::new();
    items.retain(|item| seen.insert(name(item)));
}

fn lower_variants(diagnostics: &mut Diagnostics, items: &[VariantItem]) -> Vec<Named> {
    let lower = |item: &VariantItem| {
        let attrs = Attrs::read(diagnostics, &item.variant.attrs);
        Named { attrs, variant: syn::Variant { attrs: Vec::new(), ..item.variant.clone() } }
    };
    items.iter().map(lower).collect()
}

fn lower_events(diagnostics: &mut Diagnostics, items: &[EventItem]) -> Vec<Event> {
    let mut events = Vec::new();
    for item in items {
        let attrs = Attrs::read_own(diagnostics, &item.attrs);
        match last_name(&item.ty) {
            Some(ident) => events.push(Event { attrs, ty: item.ty.clone(), ident }),
            None => diagnostics.error(
                &item.ty,
                "an event is a type with a name\nhelp: list structs and enums that derive `EventVersion`",
            ),
        }
    }
    events
}

fn last_name(ty: &Type) -> Option<Ident> {
    match ty {
        Type::Path(path) if path.qself.is_none() => {
            path.path.segments.last().map(|segment| segment.ident.clone())
        }
        _ => None,
    }
}

#[derive(Default)]
struct Lowering {
    initials: Vec<(Option<NodeId>, Ident)>,
    arms: Vec<(Option<NodeId>, parse::Arm)>,
    /// Names of states that were declared again, and left out: `initial`s that mean them say nothing new.
    doubled: BTreeSet<String>,
}

impl Lowering {
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
                Member::Entry(actions) => match parent {
                    Some(id) => model.nodes[id.index()].entry.extend(actions),
                    None => diagnostics.error(
                        &model.name,
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
        let Ok(place) = u16::try_from(model.nodes.len()) else {
            diagnostics.error(&node.name, "a machine has at most 65,535 states");
            return;
        };
        let attrs = Attrs::read_own(diagnostics, &node.attrs);
        let has_children = node.members.iter().any(|member| matches!(member, Member::Node(_)));
        let is_final = node.kind == parse::NodeKind::Final;
        let kind = match (is_final, has_children) {
            (true, _) => NodeKind::Final,
            (false, true) => NodeKind::Compound,
            (false, false) => NodeKind::Atomic,
        };
        let (kept, misplaced) = if is_final { split_final(node.members) } else { (node.members, Vec::new()) };
        let name = node.name;
        model.nodes.push(Node {
            attrs,
            name,
            kind,
            parent,
            initial: None,
            entry: Vec::new(),
            exit: Vec::new(),
            misplaced,
        });
        self.collect(diagnostics, model, (kept, Some(NodeId(place))));
    }
}

/// A final state keeps its entry actions; all else is misplaced.
fn split_final(members: Vec<Member>) -> (Vec<Member>, Vec<proc_macro2::TokenStream>) {
    let (kept, rest): (Vec<_>, Vec<_>) =
        members.into_iter().partition(|member| matches!(member, Member::Entry(_)));
    let tokens = rest.iter().map(|member| match member {
        Member::Initial(name) => name.to_token_stream(),
        Member::Arm(arm) => arm.keyword.to_token_stream(),
        Member::Exit(keyword, _) => keyword.to_token_stream(),
        Member::Node(node) => node.name.to_token_stream(),
        Member::Entry(_) => proc_macro2::TokenStream::new(),
    });
    (kept, tokens.collect())
}

fn resolve_initial(diagnostics: &mut Diagnostics, model: &mut Model, parent: Option<NodeId>, name: Ident) {
    let Some(target) = model.find(&name) else {
        unknown_name::report_state(diagnostics, model, &name);
        return;
    };
    let slot = match parent {
        Some(id) if target == id || !model.is_within(target, id) => {
            missing_initial::report_outside(diagnostics, model, (id, &name));
            return;
        }
        Some(id) => &mut model.nodes[id.index()].initial,
        None => &mut model.initial,
    };
    if slot.replace(target).is_some() {
        duplicate_name::report_second_initial(diagnostics, &name);
    }
    model.mentions.push(name);
}

fn lower_arm(diagnostics: &mut Diagnostics, model: &mut Model, source: Option<NodeId>, arm: parse::Arm) {
    let attrs = Attrs::read_own(diagnostics, &arm.attrs);
    let Some(matched) = patterns::lower_pattern(diagnostics, model, arm.pattern) else { return };
    let target = match arm.target {
        parse::Target::To(name) => resolve_target(diagnostics, model, name).map(Target::To),
        parse::Target::Internal(name) => {
            resolve_internal(diagnostics, model, (source, name)).map(Target::Internal)
        }
        parse::Target::Stay => Some(Target::Stay),
        parse::Target::Reject(expr, text) => Some(Target::Reject(expr, text)),
        parse::Target::Ignore => Some(Target::Ignore),
    };
    let Some(target) = target else { return };
    let actions = patterns::lower_actions(diagnostics, model, arm.actions);
    model.arms.push(Arm {
        attrs,
        keyword: arm.keyword,
        source,
        triggers: matched.triggers,
        wildcard: matched.wildcard,
        irrefutable: matched.irrefutable,
        pattern: matched.pattern,
        pattern_text: arm.pattern_text,
        guard: arm.guard,
        target,
        actions,
    });
}

fn resolve_target(diagnostics: &mut Diagnostics, model: &mut Model, name: Ident) -> Option<NodeId> {
    let Some(target) = model.find(&name) else {
        unknown_name::report_state(diagnostics, model, &name);
        return None;
    };
    model.mentions.push(name);
    Some(target)
}

fn resolve_internal(
    diagnostics: &mut Diagnostics,
    model: &mut Model,
    arm: (Option<NodeId>, Ident),
) -> Option<NodeId> {
    let (source, name) = arm;
    let target = resolve_target(diagnostics, model, name.clone())?;
    let inside = source.is_none_or(|source| source != target && model.is_within(target, source));
    if source.is_none() || !inside {
        diagnostics.error(name, "an `internal` arm stands in a compound state and leads to a state inside it\nhelp: leave `internal` out");
        return None;
    }
    Some(target)
}
