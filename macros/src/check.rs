//! The rules, one file each, in the order in which they report. A rule looks at the machine and hands its findings to
//! the sink; the first group is asked while names are resolved, the second on a model without holes, the third on
//! every run that the machine can make.

pub(crate) mod conflicting_regions;
pub(crate) mod conflicting_targets;
pub(crate) mod dead_end;
pub(crate) mod duplicate_arm;
pub(crate) mod duplicate_name;
pub(crate) mod endless_microsteps;
pub(crate) mod final_with_arms;
pub(crate) mod impure_guard;
pub(crate) mod limit_misuse;
pub(crate) mod lock_broken;
pub(crate) mod missing_initial;
pub(crate) mod no_way_out;
pub(crate) mod shadowed_arm;
pub(crate) mod timer_misuse;
pub(crate) mod transient_timer;
pub(crate) mod unguarded_fallback;
pub(crate) mod unknown_name;
pub(crate) mod unproven;
pub(crate) mod unreachable_state;
pub(crate) mod unused;
pub(crate) mod version_misuse;

use crate::diagnostics::{Diagnostics, Level, Rule};
use crate::model::{Attrs, Model, NodeId};
use statewright_definition::Definition;
use statewright_definition::explore::Graph;

/// A machine and every run that it can make.
pub(crate) struct Runs<'a> {
    model: &'a Model,
    definition: &'a Definition<'a>,
    graph: Graph,
}

/// Holds the model against every rule.
pub(crate) fn check_machine<'a>(
    diagnostics: &mut Diagnostics,
    model: &'a Model,
    definition: &'a Definition<'a>,
) {
    conflicting_targets::check(diagnostics, model, definition);
    if !diagnostics.is_empty() {
        return;
    }
    lock_broken::check(diagnostics, model);
    final_with_arms::check(diagnostics, model);
    timer_misuse::check(diagnostics, model);
    impure_guard::check(diagnostics, model);
    duplicate_arm::check(diagnostics, model, definition);
    shadowed_arm::check(diagnostics, model, definition);
    unguarded_fallback::check(diagnostics, model, definition);
    conflicting_regions::check(diagnostics, model, definition);
    let runs = &Runs { model, definition, graph: Graph::of(definition) };
    dead_end::check(diagnostics, runs);
    unused::check(diagnostics, model);
    if endless_microsteps::check(diagnostics, runs) {
        // Where such a step leads nobody knows: the rest would only follow from it.
        return;
    }
    unreachable_state::check(diagnostics, runs);
    transient_timer::check(diagnostics, runs);
    no_way_out::check(diagnostics, runs);
    unproven::check(diagnostics, runs);
}

/// The level of a judgement rule at a node: set there, at one around it, or at the machine.
fn level_at(model: &Model, rule: Rule, node: Option<NodeId>) -> Level {
    let around = node.into_iter().flat_map(|node| model.lineage(node)).map(|id| &model.node(id).attrs);
    let set = around.chain([&model.attrs]).find_map(|attrs| attrs.level(rule));
    set.unwrap_or_else(|| rule.level())
}

/// The level of a judgement rule at an item in a node, or at an item of the machine itself.
fn level(model: &Model, rule: Rule, attrs: &Attrs, node: Option<NodeId>) -> Level {
    attrs.level(rule).unwrap_or_else(|| level_at(model, rule, node))
}

#[cfg(test)]
mod tests;
