//! `conflicting_regions`: two regions answer one trigger for certain, and one of their arms leaves what the other
//! would leave. Only one of them is ever taken while both states are active.

use super::level;
use crate::diagnostics::{CONFLICTING_REGIONS, Diagnostics};
use crate::model::{Arm, Model, NodeId, NodeKind};
use statewright_definition::Definition;
use statewright_definition::chart::Memory;
use std::collections::BTreeMap;

pub(crate) fn check(diagnostics: &mut Diagnostics, model: &Model, definition: &Definition<'_>) {
    let mut by_trigger: BTreeMap<u16, Vec<&Arm>> = BTreeMap::new();
    for arm in model.arms.iter().filter(|arm| arm.is_whole() && is_in_region(model, arm)) {
        if !arm.targets().is_empty() {
            arm.triggers().iter().for_each(|trigger| by_trigger.entry(trigger.0).or_default().push(arm));
        }
    }
    for arms in by_trigger.values() {
        for (place, later) in arms.iter().enumerate() {
            let earlier = arms[..place].iter().find(|earlier| conflict(definition, earlier, later));
            if let Some(earlier) = earlier {
                report(diagnostics, model, earlier, later);
            }
        }
    }
}

fn report(diagnostics: &mut Diagnostics, model: &Model, earlier: &Arm, later: &Arm) {
    let judged = (CONFLICTING_REGIONS, level(model, CONFLICTING_REGIONS, &later.attrs, later.source));
    let name = |arm: &Arm| arm.source.map(|id| model.node(id).name.to_string()).unwrap_or_default();
    let wrong = format!(
        "`{}` and `{}` both answer `{}` and would leave the same states: while both are active, the arm of `{0}` wins",
        name(earlier),
        name(later),
        later.text()
    );
    let help = "guard one of them with `if`, or let the parallel state answer".to_owned();
    diagnostics.judge(judged, later.head(), (wrong, help));
    diagnostics.judge(judged, earlier.head(), ("the other arm is this".to_owned(), String::new()));
}

fn is_in_region(model: &Model, arm: &Arm) -> bool {
    arm.source.is_some_and(|id| model.lineage(id).any(|id| model.node(id).kind == NodeKind::Region))
}

/// Whether their sources lie in different regions and one of them leaves the parallel state around both.
fn conflict(definition: &Definition<'_>, a: &Arm, b: &Arm) -> bool {
    let (Some(first), Some(second)) = (a.source, b.source) else { return false };
    let around = definition.lineage(first).find(|id| definition.is_within(second, *id));
    let Some(parallel) = around.filter(|id| definition.kind(*id) == NodeKind::Parallel) else { return false };
    first != parallel
        && second != parallel
        && (leaves(definition, a, parallel) || leaves(definition, b, parallel))
}

fn leaves(definition: &Definition<'_>, arm: &Arm, parallel: NodeId) -> bool {
    let targets = arm.targets();
    let target = match &arm.target {
        crate::model::Target::Internal(id) => statewright_definition::TargetDef::Internal(*id),
        _ => statewright_definition::TargetDef::To(&targets),
    };
    let domain = definition.domain(arm.source, &targets, (&target, &Memory::default()));
    definition.is_inside(Some(parallel), domain)
}
