//! The names that a block mentions, for editors: they complete, jump and rename by code that is never run.
//!
//! It stands first in an expansion and holds what is written, declared or not, so that a half-typed name finds its
//! neighbours where they were before it.

use crate::parse::{Action, ActionKind, Claim, Machine, Member, On, Target};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{Expr, Pat, Path};

/// ```text
/// const _: fn() = || {
///     if let OrderNode::Draft { .. } = (loop {}) {}
///     if let OrderTrigger::Submit { .. } = (loop {}) {}
/// };
/// ```
pub(crate) fn emit_echoes(machine: &Machine) -> TokenStream {
    let mut echoes = Echoes { machine: &machine.name, code: TokenStream::new() };
    machine.members.iter().for_each(|member| echoes.member(member));
    machine.limits.iter().flat_map(|limit| &limit.triggers).for_each(|name| echoes.echo("Trigger", name));
    machine.migrations.iter().for_each(|migration| echoes.echo("Node", &migration.to));
    machine.proofs.iter().for_each(|proof| echoes.claim(&proof.claim));
    let code = echoes.code;
    quote!(const _: fn() = || { #code };)
}

struct Echoes<'a> {
    machine: &'a Ident,
    code: TokenStream,
}

impl Echoes<'_> {
    /// A keyword of Rust names nothing, and is not yet reported where this is asked.
    fn echo(&mut self, of: &str, name: &Ident) {
        if syn::parse2::<Ident>(name.to_token_stream()).is_err() {
            return;
        }
        let of = format_ident!("{}{of}", self.machine);
        self.code.extend(quote!(if let #of::#name { .. } = (loop {}) {}));
    }

    fn path(&mut self, of: &str, path: &Path) {
        if let Some(name) = path.get_ident() {
            self.echo(of, name);
        }
    }

    fn member(&mut self, member: &Member) {
        match member {
            Member::Initial(name) => self.echo("Node", name),
            Member::Default(names) => names.iter().for_each(|name| self.echo("Node", name)),
            Member::Entry(_, actions) | Member::Exit(_, actions) => self.actions(actions),
            Member::Node(node) => node.members.iter().for_each(|member| self.member(member)),
            Member::Arm(arm) => {
                if let On::Trigger(pattern, _) = &arm.on {
                    self.pattern(pattern);
                }
                match &arm.target {
                    Target::To(names) => names.iter().for_each(|name| self.echo("Node", name)),
                    Target::Internal(name) => self.echo("Node", name),
                    Target::Stay | Target::Reject(..) | Target::Ignore => {}
                }
                self.actions(&arm.actions);
            }
        }
    }

    fn pattern(&mut self, pattern: &Pat) {
        match pattern {
            Pat::Or(or) => or.cases.iter().for_each(|case| self.pattern(case)),
            Pat::Paren(paren) => self.pattern(&paren.pat),
            Pat::Struct(of) => self.path("Trigger", &of.path),
            Pat::TupleStruct(of) => self.path("Trigger", &of.path),
            Pat::Ident(name) => self.echo("Trigger", &name.ident),
            _ => {}
        }
    }

    fn actions(&mut self, actions: &[Action]) {
        for action in actions {
            let of = match action.kind {
                ActionKind::Emit => continue,
                ActionKind::Do => "Effect",
                ActionKind::Raise => "Trigger",
            };
            match &action.expr {
                Expr::Struct(literal) => self.path(of, &literal.path),
                Expr::Path(literal) => self.path(of, &literal.path),
                Expr::Call(call) => {
                    if let Expr::Path(literal) = call.func.as_ref() {
                        self.path(of, &literal.path);
                    }
                }
                _ => {}
            }
        }
    }

    fn claim(&mut self, claim: &Claim) {
        match claim {
            Claim::Requires(a, b) | Claim::Never(a, b) | Claim::Reaches(a, b) => {
                self.echo("Node", a);
                self.echo("Node", b);
            }
            Claim::AlwaysEnds => {}
            Claim::Handled(names) => names.iter().for_each(|name| self.echo("Trigger", name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::emit_echoes;
    use crate::diagnostics::Diagnostics;
    use crate::parse::parse_machine;

    #[test]
    fn every_mention_is_echoed_in_order_declared_or_not() {
        let block = "machine M { initial A; on B => self; on B | C(_) => (D, E) do F { n: 1 } raise G(1); state A { history H => I; entry do J; } \
            prove { K requires L; handled N; } migrate { Old => O; } limit 1 per 1s on P; }";
        let diagnostics = &mut Diagnostics::new();
        let machine = parse_machine(diagnostics, block.parse().expect("tokens")).expect("a machine");
        assert_eq!(diagnostics.take().to_string(), "");
        let echoes = emit_echoes(&machine).to_string();
        let names: Vec<_> =
            echoes.split("if let ").skip(1).map(|echo| echo.split(" {").next().unwrap_or_default()).collect();
        let expected = [
            "MNode :: A",
            "MTrigger :: B",
            "MTrigger :: B",
            "MTrigger :: C",
            "MNode :: D",
            "MNode :: E",
            "MEffect :: F",
            "MTrigger :: G",
            "MNode :: I",
            "MEffect :: J",
            "MTrigger :: P",
            "MNode :: O",
            "MNode :: K",
            "MNode :: L",
            "MTrigger :: N",
        ];
        assert_eq!(names, expected);
    }
}
