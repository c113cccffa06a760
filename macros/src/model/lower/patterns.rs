//! Patterns over triggers and literals of effects: bare variants are looked up and qualified, keeping the user's
//! spans.

use crate::check::unknown_name;
use crate::diagnostics::Diagnostics;
use crate::model::{Matched, Model, TriggerId};
use crate::parse::{Action, ActionKind};
use proc_macro2::Ident;
use quote::format_ident;
use syn::{Expr, Fields, Pat, Path};

pub(super) fn lower_pattern(
    diagnostics: &mut Diagnostics,
    model: &Model,
    mut pattern: Pat,
    text: String,
) -> Option<Matched> {
    let mut matching =
        Matching { diagnostics, model, triggers: Vec::new(), wildcard: false, irrefutable: true };
    matching.visit(&mut pattern)?;
    let Matching { mut triggers, wildcard, irrefutable, .. } = matching;
    triggers.sort_unstable();
    triggers.dedup();
    Some(Matched { pattern, text, triggers, wildcard, irrefutable })
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
        let Some(id) = path.get_ident().and_then(|name| self.model.find_trigger(name)) else {
            unknown_name::report_trigger(self.diagnostics, self.model, path);
            return None;
        };
        let fields = self.model.triggers.get(id.index()).map(|def| &def.named.variant.fields);
        if let (Some(bare), Some(fields)) = (bare, fields)
            && !matches!(fields, Fields::Unit)
        {
            let any = if matches!(fields, Fields::Named(_)) { " { .. }" } else { "(..)" };
            self.diagnostics.error(
                bare,
                format!("trigger `{bare}` carries a payload\nhelp: write `{bare}{any}` for any payload"),
            );
            return None;
        }
        self.triggers.push(id);
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

/// Qualifies the effects and triggers that actions name. What is none is reported and left out.
pub(super) fn lower_actions(
    diagnostics: &mut Diagnostics,
    model: &Model,
    actions: Vec<Action>,
) -> Vec<Action> {
    let mut lowered = Vec::new();
    for mut action in actions {
        let whole = match action.kind {
            ActionKind::Emit => true,
            ActionKind::Do => lower_literal(diagnostics, model, &mut action.expr, "Effect"),
            ActionKind::Raise => lower_literal(diagnostics, model, &mut action.expr, "Trigger"),
        };
        if whole {
            lowered.push(action);
        }
    }
    lowered
}

/// A literal of one of the machine's effects or triggers: looked up, and the enum's name put before it.
fn lower_literal(diagnostics: &mut Diagnostics, model: &Model, expr: &mut Expr, of: &str) -> bool {
    let Some(path) = literal_path(expr) else {
        let help = if of == "Effect" {
            "expected an effect\nhelp: write `do Effect { … }`"
        } else {
            "expected a trigger\nhelp: write `raise Trigger { … }`"
        };
        diagnostics.error(expr, help);
        return false;
    };
    let name = path.get_ident();
    if of == "Effect" {
        if !name.is_some_and(|name| model.effects.iter().any(|def| def.named.variant.ident == *name)) {
            unknown_name::report_effect(diagnostics, model, path);
            return false;
        }
    } else if name.is_none_or(|name| model.find_trigger(name).is_none()) {
        unknown_name::report_trigger(diagnostics, model, path);
        return false;
    }
    qualify(path, &format_ident!("{}{of}", model.name));
    true
}

fn literal_path(expr: &mut Expr) -> Option<&mut Path> {
    match expr {
        Expr::Struct(literal) => Some(&mut literal.path),
        Expr::Path(literal) => Some(&mut literal.path),
        Expr::Call(call) => match call.func.as_mut() {
            Expr::Path(literal) => Some(&mut literal.path),
            _ => None,
        },
        _ => None,
    }
}

/// The last name of the path that a lowered literal begins with.
pub(in crate::model) fn literal_name(expr: &Expr) -> Option<Ident> {
    let mut expr = expr.clone();
    literal_path(&mut expr)?.segments.last().map(|segment| segment.ident.clone())
}

/// `Pay` becomes `OrderTrigger::Pay`; the new name carries the span of the old one.
fn qualify(path: &mut Path, of: &Ident) {
    if let Some(name) = path.get_ident().cloned() {
        let of = Ident::new(&of.to_string(), name.span());
        *path = syn::parse_quote!(#of::#name);
    }
}
