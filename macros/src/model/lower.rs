//! From syntax to model: collects names, then resolves their uses.

mod arms;
mod lines;
mod lock;
mod nodes;
mod patterns;

pub(super) use patterns::literal_name;

use super::{Attrs, Effect, Event, Model, Named, Trigger, TriggerId};
use crate::check::{duplicate_name, missing_initial, version_misuse};
use crate::diagnostics::Diagnostics;
use crate::parse::{self, EventItem, Retired, Unhandled, VariantItem};
use proc_macro2::Ident;
use std::collections::{BTreeSet, HashMap};
use std::mem;
use syn::Type;

/// Nodes, arms and triggers of a machine, each: ids are 16 bits wide, and one value stands for none.
const IDS_MAX: usize = 65_534;

/// Resolves a machine's names.
pub(crate) fn lower_machine(diagnostics: &mut Diagnostics, machine: parse::Machine) -> Model {
    let mut model = lower_header(diagnostics, &machine);
    let found = nodes::collect(diagnostics, &mut model, machine.members);
    duplicate_name::report_fields(diagnostics, &model);
    nodes::resolve_initials(diagnostics, &mut model, &found);
    missing_initial::report(diagnostics, &model);
    let mut arms = found.arms;
    at_most(diagnostics, "arms", &mut arms, |(_, arm)| &arm.keyword);
    for (source, arm) in arms {
        arms::lower_arm(diagnostics, &mut model, source, arm);
    }
    for place in 0..model.nodes.len() {
        let (entry, exit) =
            (mem::take(&mut model.nodes[place].entry), mem::take(&mut model.nodes[place].exit));
        model.nodes[place].entry = patterns::lower_actions(diagnostics, &model, entry);
        model.nodes[place].exit = patterns::lower_actions(diagnostics, &model, exit);
    }
    lines::lower_limits(diagnostics, &mut model, machine.limits);
    lines::lower_migrations(diagnostics, &mut model, machine.migrations);
    lines::lower_proofs(diagnostics, &mut model, machine.proofs);
    model
}

fn lower_header(diagnostics: &mut Diagnostics, machine: &parse::Machine) -> Model {
    let attrs = Attrs::read(diagnostics, &machine.attrs);
    let mut triggers = lower_triggers(diagnostics, &machine.triggers);
    let mut effects = lower_effects(diagnostics, &machine.effects);
    let mut events = lower_events(diagnostics, &machine.events);
    duplicate_name::report_names(diagnostics, "trigger", triggers.iter().map(|t| &t.named.variant.ident));
    duplicate_name::report_names(diagnostics, "effect", effects.iter().map(|e| &e.named.variant.ident));
    duplicate_name::report_names(diagnostics, "event", events.iter().map(|e| &e.ident));
    at_most(diagnostics, "triggers", &mut triggers, |trigger| &trigger.named.variant.ident);
    keep_first(&mut triggers, |trigger| trigger.named.variant.ident.to_string());
    keep_first(&mut effects, |effect| effect.named.variant.ident.to_string());
    keep_first(&mut events, |event| event.ident.to_string());
    let lock = lock::lower_lock(diagnostics, machine.locks.first(), &mut effects);
    duplicate_name::report_items(diagnostics, "version", machine.versions.iter());
    duplicate_name::report_items(diagnostics, "lock", machine.locks.iter());
    duplicate_name::report_items(diagnostics, "data", machine.data.iter().map(|(ty, _)| ty));
    duplicate_name::report_items(diagnostics, "unhandled", machine.unhandled.iter().map(|(word, _)| word));
    let named = |trigger: &Trigger| trigger.named.variant.ident.to_string();
    Model {
        trigger_names: triggers.iter().map(named).zip((0..).map(TriggerId)).collect(),
        node_names: HashMap::new(),
        attrs,
        vis: machine.vis.clone(),
        name: machine.name.clone(),
        version: version_misuse::read(diagnostics, machine.versions.first()),
        data: machine.data.first().map(|(ty, _)| ty.clone()),
        data_version: version_misuse::read(diagnostics, machine.data.first().and_then(|(_, v)| v.as_ref())),
        triggers,
        trigger_attrs: machine.trigger_attrs.clone(),
        events,
        retired: lower_retired(diagnostics, &machine.events),
        effects,
        effect_attrs: machine.effect_attrs.clone(),
        unhandled: machine.unhandled.first().map_or(Unhandled::Reject, |(_, choice)| *choice),
        lock,
        initial: None,
        nodes: Vec::new(),
        arms: Vec::new(),
        limits: Vec::new(),
        migrations: Vec::new(),
        proofs: Vec::new(),
    }
}

/// What ids cannot count is reported once, at the first one too many, and left out.
fn at_most<T>(diagnostics: &mut Diagnostics, what: &str, items: &mut Vec<T>, at: impl Fn(&T) -> &Ident) {
    if let Some(item) = items.get(IDS_MAX) {
        report_too_many(diagnostics, what, at(item));
        items.truncate(IDS_MAX);
    }
}

fn report_too_many(diagnostics: &mut Diagnostics, what: &str, at: &Ident) {
    diagnostics.error(
        at,
        format!("a machine has at most 65,534 {what}\nhelp: make a machine of its own of a part of this one"),
    );
}

/// What was reported twice is modelled once.
fn keep_first<T>(items: &mut Vec<T>, name: impl Fn(&T) -> String) {
    let mut seen = BTreeSet::new();
    items.retain(|item| seen.insert(name(item)));
}

/// `#[internal]` is the language's own.
fn lower_triggers(diagnostics: &mut Diagnostics, items: &[VariantItem]) -> Vec<Trigger> {
    let mut lower = |item: &VariantItem| {
        let (named, internal) = lower_variant(diagnostics, item, "internal");
        Trigger { named, internal }
    };
    items.iter().map(&mut lower).collect()
}

/// So is `#[unordered]`.
fn lower_effects(diagnostics: &mut Diagnostics, items: &[VariantItem]) -> Vec<Effect> {
    let mut lower = |item: &VariantItem| {
        let (named, unordered) = lower_variant(diagnostics, item, "unordered");
        Effect { named, unordered }
    };
    items.iter().map(&mut lower).collect()
}

/// A variant, and whether it has the attribute that is the language's own; all others pass through.
fn lower_variant(diagnostics: &mut Diagnostics, item: &VariantItem, own: &str) -> (Named, bool) {
    let (own, rest): (Vec<_>, Vec<_>) =
        item.variant.attrs.iter().cloned().partition(|attr| attr.path().is_ident(own));
    let attrs = Attrs::read(diagnostics, &rest);
    let variant = syn::Variant { attrs: Vec::new(), ..item.variant.clone() };
    (Named { attrs, variant }, !own.is_empty())
}

fn lower_events(diagnostics: &mut Diagnostics, items: &[EventItem]) -> Vec<Event> {
    let mut events = Vec::new();
    for item in items {
        let EventItem::Listed { attrs, ty } = item else { continue };
        let attrs = Attrs::read_own(diagnostics, attrs);
        match last_name(ty) {
            Some(ident) => events.push(Event { attrs, ty: ty.clone(), ident }),
            None => diagnostics.error(
                ty,
                "an event is a type with a name\nhelp: list structs and enums that derive `EventVersion`",
            ),
        }
    }
    events
}

fn lower_retired(diagnostics: &mut Diagnostics, items: &[EventItem]) -> Vec<Retired> {
    let mut found: Vec<Retired> = Vec::new();
    for item in items {
        let EventItem::Retired(retired) = item else { continue };
        if found.iter().any(|other| other.name.value() == retired.name.value()) {
            duplicate_name::report_retired(diagnostics, &retired.name);
        } else {
            found.push(retired.clone());
        }
    }
    found
}

fn last_name(ty: &Type) -> Option<Ident> {
    match ty {
        Type::Path(path) if path.qself.is_none() => {
            path.path.segments.last().map(|segment| segment.ident.clone())
        }
        _ => None,
    }
}
