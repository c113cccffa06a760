//! `missing_initial`: a machine or compound without `initial`, or an `initial` that is not inside it.

use crate::diagnostics::{Diagnostics, MISSING_INITIAL};
use crate::model::{Model, NodeId, NodeKind};
use proc_macro2::Ident;

/// Levels whose `initial` was written but not understood were reported where it stands.
pub(crate) fn report(diagnostics: &mut Diagnostics, model: &Model) {
    if !diagnostics.is_empty() {
        return;
    }
    if model.initial.is_none() {
        let help = first_child(model, None)
            .unwrap_or_else(|| "declare a state, and name it with `initial`".to_owned());
        diagnostics.broken(
            MISSING_INITIAL,
            &model.name,
            (format!("machine `{}` has no `initial`", model.name), help),
        );
    }
    for id in model.node_ids().filter(|id| model.node(*id).kind == NodeKind::Compound) {
        let node = model.node(id);
        if node.initial.is_none() {
            let help = first_child(model, Some(id)).unwrap_or_default();
            diagnostics.broken(
                MISSING_INITIAL,
                &node.name,
                (format!("compound state `{}` has no `initial`", node.name), help),
            );
        }
    }
}

pub(crate) fn report_outside(diagnostics: &mut Diagnostics, model: &Model, at: (NodeId, &Ident)) {
    let (compound, name) = at;
    let help = first_child(model, Some(compound)).unwrap_or_default();
    let wrong =
        format!("`initial` of `{}` names `{name}`, which is not inside it", model.node(compound).name);
    diagnostics.broken(MISSING_INITIAL, name, (wrong, help));
}

fn first_child(model: &Model, parent: Option<NodeId>) -> Option<String> {
    let child = model.nodes.iter().find(|node| node.parent == parent)?;
    Some(format!("write `initial {};`", child.name))
}
