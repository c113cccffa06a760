//! `duplicate_arm`: two arms of one state that both answer a trigger whatever it carries.

use crate::diagnostics::{DUPLICATE_ARM, Diagnostics};
use crate::model::{Arm, ArmId, Model};

pub(crate) fn check(diagnostics: &mut Diagnostics, model: &Model) {
    for (id, arm) in model.arms() {
        if let Some(first) = first_twin(model, id) {
            let wrong = format!("a second arm for `{}`", arm.pattern_text);
            let help = "guard one of them with `if`, or leave one out".to_owned();
            diagnostics.broken(DUPLICATE_ARM, &arm.pattern, (wrong, help));
            diagnostics.broken(
                DUPLICATE_ARM,
                &first.pattern,
                ("it is first answered here".to_owned(), String::new()),
            );
        }
    }
}

pub(super) fn is_duplicate(model: &Model, id: ArmId) -> bool {
    first_twin(model, id).is_some()
}

fn first_twin(model: &Model, id: ArmId) -> Option<&Arm> {
    let arm = model.arm(id);
    let candidates = model.arms().take_while(|(other, _)| *other != id).map(|(_, other)| other);
    candidates
        .filter(|other| other.source == arm.source)
        .find(|other| is_plain(arm) && is_plain(other) && overlap(arm, other))
}

fn is_plain(arm: &Arm) -> bool {
    arm.is_whole() && !arm.wildcard
}

fn overlap(a: &Arm, b: &Arm) -> bool {
    a.triggers.iter().any(|trigger| b.triggers.contains(trigger))
}
