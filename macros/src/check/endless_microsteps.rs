//! `endless_microsteps`: a cycle of `always`, `done` and raised triggers in which nothing can turn out otherwise: the
//! step never comes to rest.

use super::Runs;
use crate::diagnostics::{Diagnostics, ENDLESS_MICROSTEPS};

/// Whether there are any.
pub(crate) fn check(diagnostics: &mut Diagnostics, runs: &Runs<'_>) -> bool {
    for (arm, run) in &runs.graph.endless {
        let wrong = format!("a step that gets here never comes to rest: `{run}`");
        let help = "guard one of these arms with `if`, or lead one of them elsewhere".to_owned();
        diagnostics.broken(ENDLESS_MICROSTEPS, runs.model.arm(*arm).head(), (wrong, help));
    }
    !runs.graph.endless.is_empty()
}
