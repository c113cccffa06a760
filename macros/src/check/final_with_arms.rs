//! `final_with_arms`: a final state with arms or children: nothing leaves the end.

use crate::diagnostics::{Diagnostics, FINAL_WITH_ARMS};
use crate::model::Model;

pub(crate) fn check(diagnostics: &mut Diagnostics, model: &Model) {
    for node in &model.nodes {
        for tokens in &node.misplaced {
            let help = format!(
                "a final state has nothing but `entry`: make it `state {}`, or leave this out",
                node.name
            );
            diagnostics.broken(FINAL_WITH_ARMS, tokens, (format!("`{}` is final", node.name), help));
        }
    }
}
