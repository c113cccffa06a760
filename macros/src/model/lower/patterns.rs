//! Patterns over triggers and literals of effects: bare variants are looked up and qualified, keeping the user's
//! spans.

use crate::check::unknown_name;
use crate::diagnostics::Diagnostics;
use crate::model::{Model, Named, TriggerId};
use crate::parse::{Action, ActionKind};
use proc_macro2::Ident;
use quote::format_ident;
use syn::{Expr, Fields, Pat, Path};

pub(super) struct Matched {
    pub(super) pattern: Pat,
    pub(super) triggers: Vec<TriggerId>,
    pub(super) wildcard: bool,
    pub(super) irrefutable: bool,
}

pub(super) fn lower_pattern(
    diagnostics: &mut Diagnostics,
    model: &Model,
    mut pattern: Pat,
) -> Option<Matched> {
    let mut matching =
        Matching { diagnostics, model, triggers: Vec::new(), wildcard: false, irrefutable: true };
    matching.visit(&mut pattern)?;
    let Matching { mut triggers, wildcard, irrefutable, .. } = matching;
    triggers.sort_unstable();
    triggers.dedup();
    Some(Matched { pattern, triggers, wildcard, irrefutable })
}

struct Matching<'a> {
    diagnostics: &'a mut Diagnostics,
    model: &'a Model,
    triggers: Vec<TriggerId>,
    wildcard: bool,
    irrefutable: bool,
}

impl Matching<'_> {
    fn visit(&mut self, pattern: &mut Pat) -> Option<()> {
        match pattern {
            Pat::Wild(_) => {
                self.wildcard = true;
                self.triggers.extend((0..).map(TriggerId).zip(&self.model.triggers).map(|(id, _)| id));
            }
            Pat::Or(or) => {
                for case in &mut or.cases {
                    self.visit(case)?;
                }
            }
            Pat::Paren(paren) => self.visit(&mut paren.pat)?,
            Pat::Struct(of) => {
                self.irrefutable &= of.fields.iter().all(|field| is_irrefutable(&field.pat));
                self.trigger(&mut of.path, None)?;
            }
            Pat::TupleStruct(of) => {
                self.irrefutable &= of.elems.iter().all(is_irrefutable);
                self.trigger(&mut of.path, None)?;
            }
            Pat::Ident(name)
                if name.by_ref.is_none() && name.mutability.is_none() && name.subpat.is_none() =>
            {
                let mut path = Path::from(name.ident.clone());
                self.trigger(&mut path, Some(&name.ident))?;
                *pattern = Pat::Path(syn::parse_quote!(#path));
            }
            other => {
                self.diagnostics.error(
                    other,
                    "expected a trigger\nhelp: write `Trigger`, `Trigger { field, .. }`, `A | B` or `_`",
                );
                return None;
            }
        }
        Some(())
    }

    /// Looks a variant up and puts the enum's name before it. `bare`: it was written without payload.
    fn trigger(&mut self, path: &mut Path, bare: Option<&Ident>) -> Option<()> {
        let found = resolve(path, &self.model.triggers);
        let Some(at) = found else {
            unknown_name::report_trigger(self.diagnostics, self.model, path);
            return None;
        };
        if let (Some(bare), Some(def)) = (bare, self.model.triggers.get(at))
            && !matches!(def.variant.fields, Fields::Unit)
        {
            let any = if matches!(def.variant.fields, Fields::Named(_)) { " { .. }" } else { "(..)" };
            self.diagnostics.error(
                bare,
                format!("trigger `{bare}` carries a payload\nhelp: write `{bare}{any}` for any payload"),
            );
            return None;
        }
        self.triggers.extend(u16::try_from(at).map(TriggerId).ok());
        qualify(path, &format_ident!("{}Trigger", self.model.name));
        Some(())
    }
}

fn is_irrefutable(pattern: &Pat) -> bool {
    match pattern {
        Pat::Wild(_) | Pat::Rest(_) => true,
        Pat::Ident(name) => name.subpat.as_ref().is_none_or(|(_, inner)| is_irrefutable(inner)),
        Pat::Paren(paren) => is_irrefutable(&paren.pat),
        Pat::Tuple(tuple) => tuple.elems.iter().all(is_irrefutable),
        _ => false,
    }
}

/// Qualifies the effects that actions name. What is no effect is reported and left out.
pub(super) fn lower_actions(
    diagnostics: &mut Diagnostics,
    model: &Model,
    actions: Vec<Action>,
) -> Vec<Action> {
    let mut lowered = Vec::new();
    for mut action in actions {
        if action.kind == ActionKind::Emit || lower_effect(diagnostics, model, &mut action.expr) {
            lowered.push(action);
        }
    }
    lowered
}

fn lower_effect(diagnostics: &mut Diagnostics, model: &Model, expr: &mut Expr) -> bool {
    let path = match expr {
        Expr::Struct(literal) => &mut literal.path,
        Expr::Path(literal) => &mut literal.path,
        Expr::Call(call) => match call.func.as_mut() {
            Expr::Path(literal) => &mut literal.path,
            other => {
                diagnostics.error(other, "expected an effect\nhelp: write `do Effect { … }`");
                return false;
            }
        },
        other => {
            diagnostics.error(other, "expected an effect\nhelp: write `do Effect { … }`");
            return false;
        }
    };
    if resolve(path, &model.effects).is_none() {
        unknown_name::report_effect(diagnostics, model, path);
        return false;
    }
    qualify(path, &format_ident!("{}Effect", model.name));
    true
}

fn resolve(path: &Path, known: &[Named]) -> Option<usize> {
    let name = path.get_ident()?;
    known.iter().position(|def| def.variant.ident == *name)
}

/// `Pay` becomes `OrderTrigger::Pay`; the new name carries the span of the old one.
fn qualify(path: &mut Path, of: &Ident) {
    if let Some(name) = path.get_ident().cloned() {
        let of = Ident::new(&of.to_string(), name.span());
        *path = syn::parse_quote!(#of::#name);
    }
}
