//! `unguarded_fallback`: every arm for a trigger is guarded, and none says what happens when no guard holds. Off
//! unless asked for with `#[warn(unguarded_fallback)]` or `#[deny(unguarded_fallback)]`.

use super::level;
use crate::diagnostics::{Diagnostics, Level, UNGUARDED_FALLBACK};
use crate::model::{Arm, Model, Target, TriggerId};
use statewright_definition::Definition;
use std::collections::BTreeSet;

pub(crate) fn check(diagnostics: &mut Diagnostics, model: &Model, definition: &Definition<'_>) {
    let mut reported = BTreeSet::new();
    for arm in &model.arms {
        let level = level(model, UNGUARDED_FALLBACK, &arm.attrs, arm.source);
        if level == Level::Allow {
            continue;
        }
        for trigger in arm.triggers() {
            if reported.insert((arm.source, *trigger)) && !has_fallback(model, definition, arm, *trigger) {
                let name = &model.triggers[trigger.index()].named.variant.ident;
                let wrong = format!("nothing says what happens to `{name}` when no guard holds");
                let help =
                    format!("add an arm without guard, `ignore {name};` or `on {name} … => reject \"why\"`");
                diagnostics.judge((UNGUARDED_FALLBACK, level), arm.head(), (wrong, help));
            }
        }
    }
}

fn has_fallback(model: &Model, definition: &Definition<'_>, arm: &Arm, trigger: TriggerId) -> bool {
    let around = arm.source.into_iter().flat_map(|id| definition.lineage(id)).map(Some).chain([None]);
    let mut asked = around.flat_map(|source| definition.own_arms(source)).map(|id| model.arm(*id));
    asked.any(|other| {
        other.triggers().contains(&trigger)
            && (other.is_whole() || matches!(other.target, Target::Reject(..)))
    })
}
