//! Durations: `250ms`, `30s`, `5m`, `2h`, `7d`, or an expression in parentheses.

use super::cursor::Cursor;
use super::leaf::parse_leaf;
use super::text::source_text;
use crate::diagnostics::Diagnostics;
use proc_macro2::{Delimiter, Ident, TokenTree};
use syn::parse::Parse;
use syn::{Expr, LitInt};

/// A span of time as written.
pub(crate) struct Duration {
    pub(crate) value: DurationValue,
    pub(crate) text: String,
}

#[allow(clippy::large_enum_variant, reason = "syntax lives for one expansion")]
pub(crate) enum DurationValue {
    /// A number with its unit; `None`: more nanoseconds than 64 bits hold.
    Literal(LitInt, Option<u64>),
    /// Evaluated when the state is entered.
    Expr(Expr),
}

const UNITS: &[(&str, u64)] = &[
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

const HELP: &str = "help: write `250ms`, `30s`, `5m`, `2h`, `7d` or `(expression)`";

/// Takes the one token that a duration is.
pub(super) fn parse_duration(
    diagnostics: &mut Diagnostics,
    keyword: &Ident,
    cursor: &mut Cursor,
) -> Option<Duration> {
    let token = match cursor.peek() {
        Some(TokenTree::Literal(_) | TokenTree::Group(_)) => cursor.next(),
        _ => None,
    };
    let Some(token) = token else {
        diagnostics.error(keyword, format!("`{keyword}` needs a duration behind it\n{HELP}"));
        return None;
    };
    let text = source_text(token.clone().into());
    if let TokenTree::Group(group) = &token
        && group.delimiter() == Delimiter::Parenthesis
        && !group.stream().is_empty()
    {
        let expr = parse_leaf(diagnostics, group.stream(), Expr::parse)?;
        return Some(Duration { value: DurationValue::Expr(expr), text });
    }
    let value = literal(&token);
    if value.is_none() {
        diagnostics.error(&token, format!("`{text}` is not a duration\n{HELP}"));
    }
    value.map(|value| Duration { value, text })
}

fn literal(token: &TokenTree) -> Option<DurationValue> {
    let number: LitInt = syn::parse2(token.clone().into()).ok()?;
    let (_, unit) = UNITS.iter().find(|(suffix, _)| *suffix == number.suffix())?;
    let nanos = number.base10_parse::<u64>().ok().and_then(|count| count.checked_mul(*unit));
    Some(DurationValue::Literal(number, nanos))
}
