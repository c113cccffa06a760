//! Attributes of items: doc comments, `#[allow(rule)]`, and what is passed through.

use crate::diagnostics::{Diagnostics, Level, RULES, Rule, misspelt};
use proc_macro2::Ident;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Path, Token};

/// The attributes of one item, read.
#[derive(Default)]
pub(crate) struct Attrs {
    /// Doc comment, lines joined by `\n`.
    pub(crate) doc: String,
    /// Rules whose level is set here.
    levels: Vec<(&'static str, Level)>,
    /// All but `#[allow(rule)]`, `#[warn(rule)]` and `#[deny(rule)]`.
    pub(crate) passed: Vec<Attribute>,
}

impl Attrs {
    pub(crate) fn read(diagnostics: &mut Diagnostics, attrs: &[Attribute]) -> Self {
        let mut read = Self::default();
        let mut lines = Vec::new();
        for attr in attrs {
            lines.extend(doc_line(attr));
            match level_named(attr.path()) {
                Some(level) => read.set_level(diagnostics, attr, level),
                None => read.passed.push(attr.clone()),
            }
        }
        read.doc = lines.join("\n");
        read
    }

    /// For items that become no item of Rust: nothing can be passed through but the doc comment.
    pub(crate) fn read_own(diagnostics: &mut Diagnostics, attrs: &[Attribute]) -> Self {
        let mut read = Self::read(diagnostics, attrs);
        for attr in read.passed.iter().filter(|attr| !attr.path().is_ident("doc")) {
            diagnostics.error(
                attr,
                "this attribute has no meaning here\nhelp: doc comments and `#[allow(rule)]` can stand here",
            );
        }
        read.passed.retain(|attr| attr.path().is_ident("doc"));
        read
    }

    /// The level that is set for a rule here.
    pub(crate) fn level(&self, rule: Rule) -> Option<Level> {
        self.levels.iter().rev().find(|(name, _)| *name == rule.name).map(|(_, level)| *level)
    }

    fn set_level(&mut self, diagnostics: &mut Diagnostics, attr: &Attribute, level: Level) {
        let Ok(paths) = attr.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated) else {
            self.passed.push(attr.clone());
            return;
        };
        let mut others = Punctuated::<&Path, Token![,]>::new();
        for path in &paths {
            match path.get_ident().and_then(rule_named) {
                Some(rule) if rule.judgement || level == Level::Deny => self.levels.push((rule.name, level)),
                Some(rule) => {
                    diagnostics.error(
                        path,
                        format!("`{}` cannot be switched off\nhelp: see docs/rules.md#{0}", rule.name),
                    );
                }
                None if is_misspelt(diagnostics, path) => {}
                None => others.push(path),
            }
        }
        if !others.is_empty() {
            let word = attr.path();
            self.passed.push(syn::parse_quote_spanned!(attr.span()=> #[#word(#others)]));
        }
    }
}

fn level_named(path: &Path) -> Option<Level> {
    let levels = [("allow", Level::Allow), ("warn", Level::Warn), ("deny", Level::Deny)];
    levels.into_iter().find(|(word, _)| path.is_ident(word)).map(|(_, level)| level)
}

fn rule_named(name: &Ident) -> Option<&'static Rule> {
    RULES.iter().find(|rule| name == rule.name)
}

/// A lint of rustc's or clippy's is passed through; a misspelt rule is not one.
fn is_misspelt(diagnostics: &mut Diagnostics, path: &Path) -> bool {
    let Some(name) = path.get_ident() else { return false };
    let meant = misspelt(&name.to_string(), RULES.iter().map(|rule| rule.name));
    if let Some(meant) = meant {
        diagnostics.error(path, format!("there is no rule `{name}`\nhelp: did you mean `{meant}`?"));
    }
    meant.is_some()
}

fn doc_line(attr: &Attribute) -> Option<String> {
    let Meta::NameValue(meta) = &attr.meta else { return None };
    if !meta.path.is_ident("doc") {
        return None;
    }
    match &meta.value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
        _ => None,
    }
}
