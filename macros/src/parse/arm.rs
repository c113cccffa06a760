//! Arms: `on Pattern if guard => target actions;`, the same with `always`, `done`, `after` and `every` in place of
//! the trigger, and `ignore A, B;`.

use super::action::{Action, parse_actions};
use super::cursor::{Cursor, can_end};
use super::duration::{Duration, parse_duration};
use super::leaf::parse_leaf;
use super::text::source_text;
use crate::diagnostics::Diagnostics;
use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::quote;
use syn::parse::{Parse, Parser};
use syn::{Attribute, Expr, Pat};

/// One arm as written.
pub(crate) struct Arm {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) keyword: Ident,
    pub(crate) on: On,
    pub(crate) guard: Option<(Expr, String)>,
    pub(crate) target: Target,
    pub(crate) actions: Vec<Action>,
}

/// What it answers.
#[allow(clippy::large_enum_variant, reason = "syntax lives for one expansion")]
pub(crate) enum On {
    Trigger(Pat, String),
    Always,
    Done,
    After(Duration),
    Every(Duration),
}

#[allow(clippy::large_enum_variant, reason = "syntax lives for one expansion")]
pub(crate) enum Target {
    To(Vec<Ident>),
    Internal(Ident),
    Stay,
    Reject(Expr, String),
    Ignore,
}

/// Parses an arm from behind its keyword.
pub(super) fn parse_arm(diagnostics: &mut Diagnostics, keyword: Ident, tokens: TokenStream) -> Option<Arm> {
    let mut cursor = Cursor::new(tokens, keyword.span());
    let on = match keyword.to_string().as_str() {
        "always" => Some(On::Always),
        "done" => Some(On::Done),
        "after" => parse_duration(diagnostics, &keyword, &mut cursor).map(On::After),
        "every" => parse_duration(diagnostics, &keyword, &mut cursor).map(On::Every),
        _ => {
            let pattern = cursor.take_until(|c| c.is_ident("if") || c.is_arrow());
            if pattern.is_empty() {
                diagnostics
                    .error(&keyword, "`on` needs a trigger behind it\nhelp: write `on Trigger => State;`");
                return None;
            }
            let text = source_text(pattern.clone());
            if let Some(wrong) = wrong_arrow(&pattern) {
                let found = source_text(wrong.clone());
                diagnostics.error(
                    wrong,
                    format!("expected `=>`, found `{found}`\nhelp: write `on Trigger => State;`"),
                );
                return None;
            }
            parse_leaf(diagnostics, pattern, Pat::parse_multi).map(|pattern| On::Trigger(pattern, text))
        }
    };
    let guard = parse_guard(diagnostics, &mut cursor)?;
    if on.is_none() && cursor.is_empty() {
        return None;
    }
    if !cursor.is_arrow() {
        let help = "an arm says where it leads\nhelp: write `=> State`, `=> stay` or `=> reject \"why\"`";
        match cursor.peek().cloned() {
            Some(token) if on.is_some() && guard.is_none() => diagnostics.error(token, help),
            _ => diagnostics.error(&keyword, help),
        }
        return None;
    }
    cursor.next();
    cursor.next();
    let target = parse_target(diagnostics, &mut cursor);
    let actions = parse_actions(diagnostics, cursor.rest(), false);
    let guard = match guard {
        Some(guard) => {
            Some(parse_leaf(diagnostics, guard.clone(), Expr::parse).map(|expr| (expr, source_text(guard)))?)
        }
        None => None,
    };
    let (on, target) = (on?, target?);
    if !matches!(on, On::Trigger(..)) && matches!(target, Target::Reject(..)) {
        diagnostics.error(
            &keyword,
            format!("nobody asked, so there is nothing to refuse: `reject` stands in `on` arms only\nhelp: guard this `{keyword}` with `if`"),
        );
        return None;
    }
    Some(Arm { attrs: Vec::new(), keyword, on, guard, target, actions })
}

/// `->` or `=` where an arrow is meant: no pattern over triggers has them, but for the `..=` of a range.
fn wrong_arrow(pattern: &TokenStream) -> Option<TokenStream> {
    let tokens: Vec<_> = pattern.clone().into_iter().collect();
    let is = |at: usize, c: char| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == c);
    let count = |at: usize| match at {
        _ if is(at, '-') && is(at + 1, '>') => 2,
        _ if is(at, '=') && !(at > 0 && is(at - 1, '.')) => 1,
        _ => 0,
    };
    let at = (0..tokens.len()).find(|at| count(*at) > 0)?;
    Some(tokens.iter().skip(at).take(count(at)).cloned().collect())
}

/// `if …` up to the arrow. The outer `None`: it was reported.
#[allow(clippy::option_option, reason = "a guard may be absent, and it may be wrong")]
fn parse_guard(diagnostics: &mut Diagnostics, cursor: &mut Cursor) -> Option<Option<TokenStream>> {
    if !cursor.is_ident("if") {
        return Some(None);
    }
    let keyword = cursor.next();
    let guard = cursor.take_until(Cursor::is_arrow);
    if guard.is_empty() {
        diagnostics.error(keyword, "`if` needs a condition behind it");
        return None;
    }
    Some(Some(guard))
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
            on: On::Trigger(pattern, token.to_string()),
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
    if matches!(cursor.peek(), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis) {
        return parse_names(diagnostics, cursor).map(Target::To);
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
        _ => Some(Target::To(vec![name])),
    }
}

/// `Name`, or several: `(A, B)`.
pub(super) fn parse_names(diagnostics: &mut Diagnostics, cursor: &mut Cursor) -> Option<Vec<Ident>> {
    if let Some(name) = cursor.take_name() {
        return Some(vec![name]);
    }
    let Some(TokenTree::Group(group)) = cursor.next() else {
        diagnostics.error_at(cursor.last(), "expected the name of a state");
        return None;
    };
    let mut inner = Cursor::new(group.stream(), group.span_open());
    let mut names = Vec::new();
    while let Some(name) = inner.take_name() {
        names.push(name);
        if inner.is_punct(',') {
            inner.next();
        }
    }
    if names.is_empty() || !inner.is_empty() {
        diagnostics.error(group, "expected names of states\nhelp: write `(A, B)`: one for each region");
        return None;
    }
    Some(names)
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
    parse_leaf(diagnostics, tokens, Expr::parse).map(|expr| Target::Reject(expr, text))
}
