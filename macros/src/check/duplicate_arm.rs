//! `duplicate_arm`: two arms of one state that both answer a trigger whatever it carries.

use crate::diagnostics::{DUPLICATE_ARM, Diagnostics};
use crate::model::{Arm, ArmId, Model, On};
use statewright_definition::Definition;

pub(crate) fn check<'a>(diagnostics: &mut Diagnostics, model: &'a Model, definition: &Definition<'a>) {
    for (id, arm) in model.arms() {
        if let Some(first) = first_twin(model, definition, id) {
            let wrong = format!("a second arm for `{}`", arm.text());
            let help = "guard one of them with `if`, or leave one out".to_owned();
            diagnostics.broken(DUPLICATE_ARM, arm.head(), (wrong, help));
            diagnostics.broken(
                DUPLICATE_ARM,
                first.head(),
                ("it is first answered here".to_owned(), String::new()),
            );
        }
    }
}

pub(super) fn is_duplicate<'a>(model: &'a Model, definition: &Definition<'a>, id: ArmId) -> bool {
    first_twin(model, definition, id).is_some()
}

fn first_twin<'a>(model: &'a Model, definition: &Definition<'a>, id: ArmId) -> Option<&'a Arm> {
    let arm = model.arm(id);
    let mut before = earlier(model, definition, id);
    before.find(|other| is_plain(arm) && is_plain(other) && overlap(arm, other))
}

/// The arms of the same state before one, in source order.
pub(super) fn earlier<'a>(
    model: &'a Model,
    definition: &Definition<'a>,
    id: ArmId,
) -> impl Iterator<Item = &'a Arm> + use<'a> {
    let own = definition.own_arms(model.arm(id).source);
    own.iter().take_while(move |other| **other != id).map(|other| model.arm(*other))
}

/// `_` behind other arms answers what they leave over; whether it is asked at all is `shadowed_arm`'s to say.
fn is_plain(arm: &Arm) -> bool {
    arm.is_whole() && arm.matched().is_none_or(|matched| !matched.wildcard) && arm.timer().is_none()
}

fn overlap(a: &Arm, b: &Arm) -> bool {
    let same = matches!((&a.on, &b.on), (On::Always, On::Always) | (On::Done, On::Done));
    same || a.triggers().iter().any(|trigger| b.triggers().contains(trigger))
}
