//! `shadowed_arm`: an arm behind others of its state that already answer all of it.

use super::{duplicate_arm, is_allowed_at};
use crate::diagnostics::{Diagnostics, SHADOWED_ARM};
use crate::model::{Arm, ArmId, Model};

pub(crate) fn check(diagnostics: &mut Diagnostics, model: &Model) {
    for (id, arm) in model.arms() {
        let off = arm.attrs.allows(SHADOWED_ARM) || is_allowed_at(model, SHADOWED_ARM, arm.source);
        if off || duplicate_arm::is_duplicate(model, id) {
            continue;
        }
        if let Some(by) = shadow(model, id, arm) {
            let wrong = format!(
                "`{}` is never asked: `{}` before it answers all of it",
                arm.pattern_text, by.pattern_text
            );
            let help = "put the narrower arm first, or leave this one out".to_owned();
            diagnostics.broken(SHADOWED_ARM, &arm.pattern, (wrong, help));
            diagnostics.broken(SHADOWED_ARM, &by.pattern, ("it is answered here".to_owned(), String::new()));
        }
    }
}

/// The arm that leaves nothing over, if there is one.
fn shadow<'a>(model: &'a Model, id: ArmId, arm: &Arm) -> Option<&'a Arm> {
    let mut open = arm.triggers.clone();
    let before = model.arms().take_while(|(other, _)| *other != id).map(|(_, other)| other);
    before.filter(|other| other.source == arm.source && other.is_whole()).find(|other| {
        open.retain(|trigger| !other.triggers.contains(trigger));
        open.is_empty()
    })
}
