//! The rules, one file each, in the order in which they report. A rule looks at the model and hands its findings to
//! the sink; the first group is asked while names are resolved, the second on a model without holes.

pub(crate) mod dead_end;
pub(crate) mod duplicate_arm;
pub(crate) mod duplicate_name;
pub(crate) mod final_with_arms;
pub(crate) mod impure_guard;
pub(crate) mod missing_initial;
pub(crate) mod no_way_out;
pub(crate) mod shadowed_arm;
pub(crate) mod unknown_name;
pub(crate) mod unreachable_state;
pub(crate) mod unused;
pub(crate) mod version_misuse;

use crate::diagnostics::{Diagnostics, Rule};
use crate::model::{Attrs, Graph, Model, NodeId};

/// Holds the model against every rule.
pub(crate) fn check_machine(diagnostics: &mut Diagnostics, model: &Model) {
    final_with_arms::check(diagnostics, model);
    impure_guard::check(diagnostics, model);
    duplicate_arm::check(diagnostics, model);
    shadowed_arm::check(diagnostics, model);
    let graph = Graph::of(model);
    unreachable_state::check(diagnostics, model, &graph);
    dead_end::check(diagnostics, model, &graph);
    no_way_out::check(diagnostics, model, &graph);
    unused::check(diagnostics, model);
}

/// Whether a judgement rule is switched off at a state, at one around it, or at the machine.
fn is_allowed_at(model: &Model, rule: Rule, node: Option<NodeId>) -> bool {
    let around =
        node.into_iter().flat_map(|node| model.lineage(node)).any(|id| model.node(id).attrs.allows(rule));
    around || model.attrs.allows(rule)
}

/// Whether a judgement rule is switched off at an item of the machine itself.
fn is_allowed(model: &Model, rule: Rule, attrs: &Attrs) -> bool {
    attrs.allows(rule) || model.attrs.allows(rule)
}

#[cfg(test)]
mod tests;
