//! `timer_misuse`: a time span of nothing or of more than 64 bits of nanoseconds, or a timer on a final state.

use crate::diagnostics::{Diagnostics, TIMER_MISUSE};
use crate::model::Model;
use crate::parse::DurationValue;

pub(crate) fn check(diagnostics: &mut Diagnostics, model: &Model) {
    for node in &model.nodes {
        for misplaced in node.misplaced.iter().filter(|misplaced| misplaced.timer) {
            let wrong = format!("a timer on `{}`, which is final: nothing leaves it", node.name);
            let help = format!("make it `state {}`, or leave the timer out", node.name);
            diagnostics.broken(TIMER_MISUSE, &misplaced.tokens, (wrong, help));
        }
    }
    for duration in model.arms.iter().filter_map(|arm| arm.timer()) {
        let DurationValue::Literal(number, nanos) = &duration.value else { continue };
        let (wrong, help) = match nanos {
            Some(0) => ("a timer of no time".to_owned(), "write `always` for an arm that is taken at once"),
            None => (format!("`{number}` is more than 584 years"), "write a shorter time"),
            Some(_) => continue,
        };
        diagnostics.broken(TIMER_MISUSE, number, (wrong, help.to_owned()));
    }
}
