//! Arms: their patterns, their targets, where they can stand.

use super::patterns;
use crate::check::unknown_name;
use crate::diagnostics::Diagnostics;
use crate::model::{Arm, Attrs, Model, NodeId, On, Target};
use crate::parse;
use proc_macro2::Ident;

pub(super) fn lower_arm(
    diagnostics: &mut Diagnostics,
    model: &mut Model,
    source: Option<NodeId>,
    arm: parse::Arm,
) {
    let attrs = Attrs::read_own(diagnostics, &arm.attrs);
    let on = match arm.on {
        parse::On::Trigger(pattern, text) => {
            patterns::lower_pattern(diagnostics, model, pattern, text).map(On::Trigger)
        }
        parse::On::Always => Some(On::Always),
        parse::On::Done => can_be_done(diagnostics, model, source, &arm.keyword).then_some(On::Done),
        parse::On::After(duration) => Some(On::After(duration)),
        parse::On::Every(duration) => Some(On::Every(duration)),
    };
    let target = match arm.target {
        parse::Target::To(names) => {
            let resolved: Vec<_> =
                names.into_iter().map(|name| Some((resolve(diagnostics, model, &name)?, name))).collect();
            resolved.into_iter().collect::<Option<Vec<_>>>().map(Target::To)
        }
        parse::Target::Internal(name) => {
            resolve_internal(diagnostics, model, source, &name).map(Target::Internal)
        }
        parse::Target::Stay => Some(Target::Stay),
        parse::Target::Reject(expr, text) => Some(Target::Reject(expr, text)),
        parse::Target::Ignore => Some(Target::Ignore),
    };
    let actions = patterns::lower_actions(diagnostics, model, arm.actions);
    if let (Some(on), Some(target)) = (on, target) {
        model.arms.push(Arm { attrs, keyword: arm.keyword, source, on, guard: arm.guard, target, actions });
    }
}

fn can_be_done(
    diagnostics: &mut Diagnostics,
    model: &Model,
    source: Option<NodeId>,
    keyword: &Ident,
) -> bool {
    use crate::model::NodeKind::{Compound, Parallel, Region};
    let can = source.is_some_and(|id| matches!(model.node(id).kind, Compound | Parallel | Region));
    if !can {
        diagnostics.error(
            keyword,
            "`done` stands in a state with states inside: it is taken when their final state is reached\nhelp: write `always` for an arm that is taken at once",
        );
    }
    can
}

/// Looks a node up.
pub(super) fn resolve(diagnostics: &mut Diagnostics, model: &Model, name: &Ident) -> Option<NodeId> {
    let target = model.find(name);
    if target.is_none() {
        unknown_name::report_state(diagnostics, model, name);
    }
    target
}

fn resolve_internal(
    diagnostics: &mut Diagnostics,
    model: &Model,
    source: Option<NodeId>,
    name: &Ident,
) -> Option<NodeId> {
    let target = resolve(diagnostics, model, name)?;
    let inside = |source: NodeId| {
        model.node(source).kind.is_compound() && source != target && model.is_within(target, source)
    };
    if !source.is_some_and(inside) {
        diagnostics.error(
            name,
            "an `internal` arm stands in a compound state or a region and leads to a state inside it\nhelp: leave `internal` out",
        );
        return None;
    }
    Some(target)
}
