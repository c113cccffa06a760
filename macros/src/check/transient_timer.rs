//! `transient_timer`: a timer on a state that is always left in the step that enters it.

use super::{Runs, level};
use crate::diagnostics::{Diagnostics, TRANSIENT_TIMER};
use std::collections::BTreeSet;

pub(crate) fn check(diagnostics: &mut Diagnostics, runs: &Runs<'_>) {
    let (model, graph) = (runs.model, &runs.graph);
    if !graph.complete {
        return;
    }
    let at_rest = graph.places.iter().zip(&graph.rests).filter(|(_, rests)| **rests);
    let rested: BTreeSet<_> = at_rest.flat_map(|(place, _)| place.configuration.nodes()).collect();
    let reached = graph.reached();
    for arm in model.arms.iter().filter(|arm| arm.timer().is_some()) {
        let Some(source) = arm.source.filter(|id| reached.contains(id) && !rested.contains(id)) else {
            continue;
        };
        let level = level(model, TRANSIENT_TIMER, &arm.attrs, arm.source);
        let wrong = format!(
            "`{}` is left in the step that enters it: this timer is never due",
            model.node(source).name
        );
        let help = "guard the `always` that leaves it with `if`, or leave the timer out".to_owned();
        diagnostics.judge((TRANSIENT_TIMER, level), &arm.keyword, (wrong, help));
    }
}
