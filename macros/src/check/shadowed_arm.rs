//! `shadowed_arm`: an arm behind others of its state that already answer all of it.

use super::{duplicate_arm, level};
use crate::diagnostics::{Diagnostics, Level, SHADOWED_ARM};
use crate::model::{Arm, ArmId, Model, On};
use statewright_definition::Definition;

pub(crate) fn check<'a>(diagnostics: &mut Diagnostics, model: &'a Model, definition: &Definition<'a>) {
    for (id, arm) in model.arms() {
        let level = level(model, SHADOWED_ARM, &arm.attrs, arm.source);
        if level == Level::Allow || duplicate_arm::is_duplicate(model, definition, id) {
            continue;
        }
        if let Some(by) = shadow(model, definition, id) {
            let wrong =
                format!("`{}` is never asked: `{}` before it answers all of it", arm.text(), by.text());
            let help = "put the narrower arm first, or leave this one out".to_owned();
            diagnostics.judge((SHADOWED_ARM, level), arm.head(), (wrong, help));
            let finding = ("it is answered here".to_owned(), String::new());
            diagnostics.judge((SHADOWED_ARM, level), by.head(), finding);
        }
    }
}

/// The arm that leaves nothing over, if there is one.
fn shadow<'a>(model: &'a Model, definition: &Definition<'a>, id: ArmId) -> Option<&'a Arm> {
    let arm = model.arm(id);
    let mut open = arm.triggers().to_vec();
    let before = duplicate_arm::earlier(model, definition, id);
    before.filter(|other| other.is_whole()).find(|other| match (&arm.on, &other.on) {
        (On::Always, On::Always) | (On::Done, On::Done) => true,
        (On::Trigger(_), On::Trigger(matched)) => {
            open.retain(|trigger| !matched.triggers.contains(trigger));
            open.is_empty()
        }
        _ => false,
    })
}
