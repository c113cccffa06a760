//! `final_with_arms`: a final state with arms or children: nothing leaves the end.

use crate::diagnostics::{Diagnostics, FINAL_WITH_ARMS};
use crate::model::Model;

/// Timers are `timer_misuse`'s to report.
pub(crate) fn check(diagnostics: &mut Diagnostics, model: &Model) {
    for node in &model.nodes {
        for misplaced in node.misplaced.iter().filter(|misplaced| !misplaced.timer) {
            let help = format!(
                "a final state has nothing but `entry`: make it `state {}`, or leave this out",
                node.name
            );
            diagnostics.broken(
                FINAL_WITH_ARMS,
                &misplaced.tokens,
                (format!("`{}` is final", node.name), help),
            );
        }
    }
}
