//! Statements: what stands between a keyword and its `;`.

use super::action::{Action, parse_actions};
use super::cursor::Cursor;
use super::item::Unhandled;
use crate::diagnostics::Diagnostics;
use proc_macro2::{Ident, TokenStream};
use syn::{LitInt, LitStr, Type};

/// Parses what stands between a keyword and its `;`. One that is missing is said where nothing else is wrong.
pub(super) fn parse_statement<T>(
    diagnostics: &mut Diagnostics,
    keyword: &Ident,
    cursor: &mut Cursor,
    parse: impl FnOnce(&mut Diagnostics, TokenStream) -> T,
) -> T {
    let (tokens, ended) = if keyword == "limit" { cursor.take_line() } else { cursor.take_statement() };
    let before = diagnostics.count();
    let parsed = parse(diagnostics, tokens);
    if !ended && diagnostics.count() == before {
        diagnostics.error_at(cursor.last(), format!("expected `;` at the end of this `{keyword}`"));
    }
    parsed
}

/// The actions behind `entry` or `exit`.
pub(super) fn parse_hook(diagnostics: &mut Diagnostics, keyword: &Ident, cursor: &mut Cursor) -> Vec<Action> {
    parse_statement(diagnostics, keyword, cursor, |diagnostics, tokens| {
        if tokens.is_empty() {
            diagnostics.error(keyword, format!("`{keyword}` needs an action behind it\nhelp: write `emit Event {{ … }}`, `do Effect {{ … }}` or `raise Trigger {{ … }}`"));
        }
        parse_actions(diagnostics, tokens, true)
    })
}

pub(super) fn parse_version(
    diagnostics: &mut Diagnostics,
    keyword: &Ident,
    cursor: &mut Cursor,
) -> Option<LitInt> {
    parse_statement(diagnostics, keyword, cursor, |diagnostics, tokens| {
        let number = syn::parse2(tokens);
        let wrong = "`version` needs a whole number\nhelp: write `version 2;`";
        number.map_err(|_| diagnostics.error(keyword, wrong)).ok()
    })
}

/// `data Type;` or `data Type version 2;`.
pub(super) fn parse_data(
    diagnostics: &mut Diagnostics,
    keyword: &Ident,
    cursor: &mut Cursor,
) -> Option<(Type, Option<LitInt>)> {
    parse_statement(diagnostics, keyword, cursor, |diagnostics, tokens| {
        let mut tokens = Cursor::new(tokens, keyword.span());
        let ty = tokens.take_until(|c| c.is_ident("version"));
        let ty = syn::parse2(ty)
            .map_err(|_| diagnostics.error(keyword, "`data` needs a type\nhelp: write `data Basket;`"))
            .ok();
        let version = tokens.next().and_then(|keyword| {
            let number = syn::parse2(tokens.rest());
            number.map_err(|_| diagnostics.error(keyword, "`version` needs a whole number")).ok()
        });
        ty.map(|ty| (ty, version))
    })
}

/// `lock "order.lock";`
pub(super) fn parse_lock(
    diagnostics: &mut Diagnostics,
    keyword: &Ident,
    cursor: &mut Cursor,
) -> Option<LitStr> {
    parse_statement(diagnostics, keyword, cursor, |diagnostics, tokens| {
        let file = syn::parse2(tokens);
        let wrong = "`lock` needs the name of a file beside Cargo.toml\nhelp: write `lock \"order.lock\";`";
        file.map_err(|_| diagnostics.error(keyword, wrong)).ok()
    })
}

pub(super) fn parse_unhandled(
    diagnostics: &mut Diagnostics,
    keyword: &Ident,
    cursor: &mut Cursor,
) -> Option<(Ident, Unhandled)> {
    parse_statement(diagnostics, keyword, cursor, |diagnostics, tokens| match tokens.to_string().as_str() {
        "reject" => Some((keyword.clone(), Unhandled::Reject)),
        "ignore" => Some((keyword.clone(), Unhandled::Ignore)),
        _ => {
            diagnostics
                .error(keyword, "`unhandled` is `reject` or `ignore`\nhelp: write `unhandled ignore;`");
            None
        }
    })
}

pub(super) fn parse_initial(
    diagnostics: &mut Diagnostics,
    keyword: &Ident,
    cursor: &mut Cursor,
) -> Option<Ident> {
    parse_statement(diagnostics, keyword, cursor, |diagnostics, tokens| {
        let name = syn::parse2(tokens);
        let wrong = "`initial` needs the name of a state\nhelp: write `initial Draft;`";
        name.map_err(|_| diagnostics.error(keyword, wrong)).ok()
    })
}
