//! Arms: `on Pattern if guard => target actions;` and `ignore A, B;`.

use super::action::{Action, parse_actions};
use super::cursor::{Cursor, can_end};
use super::item::is_not_supported;
use super::text::source_text;
use crate::diagnostics::Diagnostics;
use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::quote;
use syn::parse::Parser;
use syn::{Attribute, Expr, Pat};

/// One arm as written.
pub(crate) struct Arm {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) keyword: Ident,
    pub(crate) pattern: Pat,
    pub(crate) pattern_text: String,
    pub(crate) guard: Option<(Expr, String)>,
    pub(crate) target: Target,
    pub(crate) actions: Vec<Action>,
}

#[allow(clippy::large_enum_variant, reason = "syntax lives for one expansion")]
pub(crate) enum Target {
    To(Ident),
    Internal(Ident),
    Stay,
    Reject(Expr, String),
    Ignore,
}

/// Parses an arm from behind its `on`.
pub(super) fn parse_on(diagnostics: &mut Diagnostics, keyword: Ident, tokens: TokenStream) -> Option<Arm> {
    let mut cursor = Cursor::new(tokens, keyword.span());
    let pattern = cursor.take_until(|c| c.is_ident("if") || c.is_arrow());
    if pattern.is_empty() {
        diagnostics.error(&keyword, "`on` needs a trigger behind it\nhelp: write `on Trigger => State;`");
        return None;
    }
    let guard = if cursor.is_ident("if") {
        let keyword = cursor.next();
        let guard = cursor.take_until(Cursor::is_arrow);
        if guard.is_empty() {
            diagnostics.error(keyword, "`if` needs a condition behind it");
            return None;
        }
        Some(guard)
    } else {
        None
    };
    if !cursor.is_arrow() {
        diagnostics.error(
            pattern,
            "an arm says where it leads\nhelp: write `=> State`, `=> stay` or `=> reject \"why\"`",
        );
        return None;
    }
    cursor.next();
    cursor.next();
    let pattern_text = source_text(pattern.clone());
    let pattern = leaf(diagnostics, Pat::parse_multi.parse2(pattern));
    let guard =
        guard.map(|tokens| (source_text(tokens.clone()), leaf(diagnostics, syn::parse2::<Expr>(tokens))));
    let target = parse_target(diagnostics, &mut cursor);
    let actions = parse_actions(diagnostics, cursor.rest(), false);
    let guard = match guard {
        Some((text, expr)) => Some((expr?, text)),
        None => None,
    };
    Some(Arm { attrs: Vec::new(), keyword, pattern: pattern?, pattern_text, guard, target: target?, actions })
}

/// Parses `A, B` behind `ignore`: one arm for each.
pub(super) fn parse_ignore(diagnostics: &mut Diagnostics, keyword: &Ident, tokens: TokenStream) -> Vec<Arm> {
    let mut cursor = Cursor::new(tokens, keyword.span());
    let mut arms = Vec::new();
    while let Some(token) = cursor.next() {
        // `Name { .. }` fits a variant of any form.
        let Ok(pattern) = Pat::parse_multi.parse2(quote!(#token { .. })) else {
            diagnostics.error(token, "expected the name of a trigger\nhelp: write `ignore A, B;`");
            return arms;
        };
        arms.push(Arm {
            attrs: Vec::new(),
            keyword: keyword.clone(),
            pattern,
            pattern_text: token.to_string(),
            guard: None,
            target: Target::Ignore,
            actions: Vec::new(),
        });
        if cursor.is_punct(',') {
            cursor.next();
        } else if !cursor.is_empty() {
            diagnostics.error(cursor.rest(), "expected `,` between triggers");
        }
    }
    if arms.is_empty() {
        diagnostics.error(keyword, "`ignore` needs a trigger behind it");
    }
    arms
}

fn parse_target(diagnostics: &mut Diagnostics, cursor: &mut Cursor) -> Option<Target> {
    if let Some(TokenTree::Group(group)) = cursor.peek() {
        diagnostics.error(group.clone(), "several targets are not supported yet");
        cursor.rest();
        return None;
    }
    let Some(name) = cursor.take_ident() else {
        let help = "help: write `=> State`, `=> stay` or `=> reject \"why\"`";
        match cursor.peek().cloned() {
            Some(token) => diagnostics.error(token, format!("expected a target\n{help}")),
            None => diagnostics.error_at(cursor.last(), format!("an arm says where it leads\n{help}")),
        }
        cursor.rest();
        return None;
    };
    match name.to_string().as_str() {
        "stay" => Some(Target::Stay),
        "reject" => parse_reject(diagnostics, &name, cursor),
        "internal" => {
            let Some(target) = cursor.take_ident() else {
                diagnostics.error(name, "`internal` needs a state behind it");
                return None;
            };
            Some(Target::Internal(target))
        }
        "ignore" => {
            diagnostics
                .error(name, "`ignore` is not a target\nhelp: write `ignore Trigger;` in place of the arm");
            None
        }
        word if is_not_supported(word) => {
            diagnostics.error(&name, format!("`{name}` is not supported yet"));
            None
        }
        _ => Some(Target::To(name)),
    }
}

fn parse_reject(diagnostics: &mut Diagnostics, keyword: &Ident, cursor: &mut Cursor) -> Option<Target> {
    let mut tokens: Vec<TokenTree> = Vec::new();
    while !cursor.is_empty() {
        let action = ["emit", "do", "raise"].iter().find(|word| cursor.is_ident(word));
        if let (Some(word), true) = (action, tokens.last().is_none_or(can_end)) {
            let rest = cursor.rest();
            diagnostics.error(rest, format!("a refused trigger changes nothing: `{word}` cannot stand here"));
            break;
        }
        tokens.extend(cursor.next());
    }
    let tokens: TokenStream = tokens.into_iter().collect();
    if tokens.is_empty() {
        diagnostics.error(keyword, "`reject` needs a reason behind it\nhelp: write `=> reject \"why\"`");
        return None;
    }
    let text = source_text(tokens.clone());
    leaf(diagnostics, syn::parse2(tokens)).map(|expr| Target::Reject(expr, text))
}

fn leaf<T>(diagnostics: &mut Diagnostics, parsed: syn::Result<T>) -> Option<T> {
    parsed.map_err(|error| diagnostics.syn(error)).ok()
}
