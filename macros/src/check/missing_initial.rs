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
    for id in model.node_ids().filter(|id| model.node(*id).kind.is_compound()) {
        let node = model.node(id);
        let what = if node.kind == NodeKind::Region { "region" } else { "compound state" };
        if node.initial.is_empty() {
            let help = first_child(model, Some(id)).unwrap_or_else(|| "declare a state in it".to_owned());
            let wrong = format!("{what} `{}` has no `initial`", node.name);
            diagnostics.broken(MISSING_INITIAL, &node.name, (wrong, help));
        }
        report_circle(diagnostics, model, id);
    }
}

/// A history without default leads to its parent's `initial`, which must not be that history.
fn report_circle(diagnostics: &mut Diagnostics, model: &Model, id: NodeId) {
    for history in model.node(id).initial.iter().map(|id| model.node(*id)) {
        if history.kind.is_history() && history.initial.is_empty() && history.parent == Some(id) {
            let wrong = format!(
                "`{}` begins with `{}`, which has nothing to remember yet",
                model.node(id).name,
                history.name
            );
            let help = format!("give the history a default: `history {} => State;`", history.name);
            diagnostics.broken(MISSING_INITIAL, &history.name, (wrong, help));
        }
    }
}

pub(crate) fn report_default(diagnostics: &mut Diagnostics, model: &Model, at: (NodeId, &Ident)) {
    let (history, name) = at;
    let around = model.node(history).parent;
    let help = first_child(model, around).map(|help| help.replace("initial ", "=> ")).unwrap_or_default();
    let around = around.map(|id| model.node(id).name.to_string()).unwrap_or_default();
    let wrong = format!(
        "the default of `{}` is a state inside `{around}`, and `{name}` is none",
        model.node(history).name
    );
    diagnostics.broken(MISSING_INITIAL, name, (wrong, help));
}

pub(crate) fn report_outside(diagnostics: &mut Diagnostics, model: &Model, at: (NodeId, &Ident)) {
    let (compound, name) = at;
    let help = first_child(model, Some(compound)).unwrap_or_default();
    let wrong =
        format!("`initial` of `{}` names `{name}`, which is not inside it", model.node(compound).name);
    diagnostics.broken(MISSING_INITIAL, name, (wrong, help));
}

fn first_child(model: &Model, parent: Option<NodeId>) -> Option<String> {
    let mut states = model.nodes.iter().filter(|node| !node.kind.is_history());
    let child = states.find(|node| node.parent == parent)?;
    Some(format!("write `initial {};`", child.name))
}
