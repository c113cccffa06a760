//! `impure_guard`: a guard only looks. It may be asked any number of times, and not at all when a record is replayed.

use crate::diagnostics::{Diagnostics, IMPURE_GUARD};
use crate::model::Model;
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr, ExprClosure, Macro};

/// Macros of the standard library and of `tracing` and `log` that do something or end the program.
const ACTING: &[&str] = &[
    "print",
    "println",
    "eprint",
    "eprintln",
    "dbg",
    "write",
    "writeln",
    "panic",
    "todo",
    "unimplemented",
    "unreachable",
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "trace",
    "debug",
    "info",
    "warn",
    "error",
];

pub(crate) fn check(diagnostics: &mut Diagnostics, model: &Model) {
    for (guard, _) in model.arms.iter().filter_map(|arm| arm.guard.as_ref()) {
        Look { diagnostics, in_closure: false }.visit_expr(guard);
    }
}

struct Look<'a> {
    diagnostics: &'a mut Diagnostics,
    in_closure: bool,
}

impl Look<'_> {
    fn report(&mut self, at: impl ToTokens, what: &str) {
        let help = "a guard is a plain condition: move the work into an event, an effect, or a function that only reads";
        self.diagnostics.broken(IMPURE_GUARD, at, (format!("{what} in a guard"), help.to_owned()));
    }
}

impl<'ast> Visit<'ast> for Look<'_> {
    fn visit_expr(&mut self, expr: &'ast Expr) {
        match expr {
            Expr::Await(_) => self.report(expr, "`.await`"),
            Expr::Try(_) if !self.in_closure => self.report(expr, "`?`"),
            Expr::Return(_) if !self.in_closure => self.report(expr, "`return`"),
            Expr::Break(_) | Expr::Continue(_) if !self.in_closure => self.report(expr, "a jump"),
            Expr::Assign(_) => self.report(expr, "an assignment"),
            Expr::Binary(binary) if is_assignment(binary.op) => self.report(expr, "an assignment"),
            Expr::Let(_) => self.report(expr, "`let`"),
            _ => visit::visit_expr(self, expr),
        }
    }

    fn visit_expr_closure(&mut self, closure: &'ast ExprClosure) {
        let outside = std::mem::replace(&mut self.in_closure, true);
        visit::visit_expr_closure(self, closure);
        self.in_closure = outside;
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        if let Some(name) = mac.path.segments.last().filter(|s| ACTING.iter().any(|acting| s.ident == acting))
        {
            self.report(&mac.path, &format!("`{}!`", name.ident));
        }
    }
}

fn is_assignment(op: BinOp) -> bool {
    use BinOp::{
        AddAssign, BitAndAssign, BitOrAssign, BitXorAssign, DivAssign, MulAssign, RemAssign, ShlAssign,
        ShrAssign, SubAssign,
    };
    matches!(
        op,
        AddAssign(_)
            | SubAssign(_)
            | MulAssign(_)
            | DivAssign(_)
            | RemAssign(_)
            | BitXorAssign(_)
            | BitAndAssign(_)
            | BitOrAssign(_)
            | ShlAssign(_)
            | ShrAssign(_)
    )
}
