//! `conflicting_targets`: several targets that do not lie in different regions of one parallel state.

use crate::diagnostics::{CONFLICTING_TARGETS, Diagnostics};
use crate::model::{Model, NodeId, NodeKind, Target};
use proc_macro2::Ident;
use statewright_definition::Definition;

pub(crate) fn check(diagnostics: &mut Diagnostics, model: &Model, definition: &Definition<'_>) {
    for arm in &model.arms {
        if let Target::To(targets) = &arm.target {
            check_targets(diagnostics, definition, targets);
        }
    }
}

fn check_targets(diagnostics: &mut Diagnostics, definition: &Definition<'_>, targets: &[(NodeId, Ident)]) {
    for (place, (id, name)) in targets.iter().enumerate() {
        let clash = targets[..place].iter().find(|(other, _)| !are_apart(definition, *id, *other));
        if let Some((_, other)) = clash {
            let wrong = format!("`{name}` and `{other}` cannot be entered together");
            let help = "name one state for each region of one parallel state".to_owned();
            diagnostics.broken(CONFLICTING_TARGETS, name, (wrong, help));
        }
    }
}

/// Whether they lie in different regions of the innermost node around both.
fn are_apart(definition: &Definition<'_>, a: NodeId, b: NodeId) -> bool {
    let around = definition.lineage(a).find(|id| definition.is_within(b, *id));
    around.is_some_and(|id| definition.kind(id) == NodeKind::Parallel && id != a && id != b)
}
