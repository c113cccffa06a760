//! Lines about the machine as a whole: limits, migrations, claims.

use super::arms::resolve;
use crate::check::{limit_misuse, unknown_name};
use crate::diagnostics::Diagnostics;
use crate::model::{Claim, Limit, LimitScope, Model, Proof, TriggerId};
use crate::parse;
use proc_macro2::Ident;

pub(super) fn lower_limits(diagnostics: &mut Diagnostics, model: &mut Model, limits: Vec<parse::Limit>) {
    for limit in limits {
        let triggers = resolve_triggers(diagnostics, model, &limit.triggers);
        let numbers = limit_misuse::read(diagnostics, &limit);
        let scope = match limit.scope.as_ref().map(ToString::to_string).as_deref() {
            Some("tenant") => LimitScope::Tenant,
            Some("machine") => LimitScope::Machine,
            _ => LimitScope::Instance,
        };
        if let (Some(triggers), Some((count, period_ns, burst))) = (triggers, numbers) {
            model.limits.push(Limit { count, period_ns, burst, triggers, scope });
        }
    }
}

fn resolve_triggers(diagnostics: &mut Diagnostics, model: &Model, names: &[Ident]) -> Option<Vec<TriggerId>> {
    let mut found = Vec::new();
    let mut whole = true;
    for name in names {
        if let Some(id) = model.find_trigger(name) {
            found.push(id);
        } else {
            unknown_name::report_trigger(diagnostics, model, &syn::Path::from(name.clone()));
            whole = false;
        }
    }
    whole.then_some(found)
}

pub(super) fn lower_migrations(
    diagnostics: &mut Diagnostics,
    model: &mut Model,
    migrations: Vec<parse::Migration>,
) {
    for migration in migrations {
        if model.find(&migration.from).is_some() {
            unknown_name::report_living(diagnostics, &migration.from);
        } else if let Some(to) = resolve(diagnostics, model, &migration.to) {
            model.migrations.push((migration.from, to));
        }
    }
}

pub(super) fn lower_proofs(diagnostics: &mut Diagnostics, model: &mut Model, proofs: Vec<parse::Proof>) {
    for proof in proofs {
        let mut pair = |a: Ident, b: Ident| {
            let (a, b) = (resolve(diagnostics, model, &a), resolve(diagnostics, model, &b));
            a.zip(b)
        };
        let claim = match proof.claim {
            parse::Claim::Requires(a, b) => pair(a, b).map(|(a, b)| Claim::Requires(a, b)),
            parse::Claim::Never(a, b) => pair(a, b).map(|(a, b)| Claim::Never(a, b)),
            parse::Claim::Reaches(a, b) => pair(a, b).map(|(a, b)| Claim::Reaches(a, b)),
            parse::Claim::AlwaysEnds => Some(Claim::AlwaysEnds),
            parse::Claim::Handled(names) => resolve_triggers(diagnostics, model, &names).map(Claim::Handled),
        };
        if let Some(claim) = claim {
            model.proofs.push(Proof { claim, tokens: proof.tokens, text: proof.text });
        }
    }
}
