//! `dead_end`: a state that is not final, and that no arm of its own or inherited leaves.

use super::is_allowed_at;
use crate::diagnostics::{DEAD_END, Diagnostics};
use crate::model::{Graph, Model, NodeKind};

pub(crate) fn check(diagnostics: &mut Diagnostics, model: &Model, graph: &Graph) {
    for id in model.leaves() {
        let node = model.node(id);
        let stuck = node.kind == NodeKind::Atomic && graph.ways_on(id).is_empty();
        if !stuck || is_allowed_at(model, DEAD_END, Some(id)) {
            continue;
        }
        let wrong = format!("nothing leaves `{}`", node.name);
        let help = format!("give it an arm that leads on, or make it `final {};`", node.name);
        diagnostics.broken(DEAD_END, &node.name, (wrong, help));
    }
}
