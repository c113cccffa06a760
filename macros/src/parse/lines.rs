//! Lines about the machine as a whole: `limit`, `migrate { … }`, `prove { … }`.

use super::cursor::Cursor;
use super::duration::{Duration, parse_duration};
use super::text::source_text;
use crate::diagnostics::Diagnostics;
use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::LitInt;

/// `limit 100 per 1s burst 150 on Submit, Pay per tenant;`
pub(crate) struct Limit {
    pub(crate) count: LitInt,
    pub(crate) period: Duration,
    pub(crate) burst: Option<LitInt>,
    pub(crate) triggers: Vec<Ident>,
    pub(crate) scope: Option<Ident>,
}

/// `Former => Name;`
pub(crate) struct Migration {
    pub(crate) from: Ident,
    pub(crate) to: Ident,
}

/// One line of `prove`.
pub(crate) struct Proof {
    pub(crate) claim: Claim,
    /// All of the line, to be underlined.
    pub(crate) tokens: TokenStream,
    pub(crate) text: String,
}

pub(crate) enum Claim {
    Requires(Ident, Ident),
    Never(Ident, Ident),
    Reaches(Ident, Ident),
    AlwaysEnds,
    Handled(Vec<Ident>),
}

/// Parses a limit from behind its keyword.
pub(super) fn parse_limit(
    diagnostics: &mut Diagnostics,
    keyword: &Ident,
    tokens: TokenStream,
) -> Option<Limit> {
    let mut cursor = Cursor::new(tokens, keyword.span());
    let count = take_number(diagnostics, keyword, &mut cursor)?;
    let Some(per) = take_word(&mut cursor, "per") else {
        diagnostics.error(keyword, "a limit has a period\nhelp: write `limit 100 per 1s;`");
        return None;
    };
    let period = parse_duration(diagnostics, &per, &mut cursor)?;
    let mut limit = Limit { count, period, burst: None, triggers: Vec::new(), scope: None };
    if let Some(burst) = take_word(&mut cursor, "burst") {
        limit.burst = Some(take_number(diagnostics, &burst, &mut cursor)?);
    }
    if let Some(on) = take_word(&mut cursor, "on") {
        limit.triggers = take_names(diagnostics, &on, &mut cursor);
    }
    if let Some(per) = take_word(&mut cursor, "per") {
        let scope =
            cursor.take_ident().filter(|word| ["instance", "tenant", "machine"].iter().any(|w| word == w));
        if scope.is_none() {
            diagnostics.error(&per, "a limit is `per instance`, `per tenant` or `per machine`");
            return None;
        }
        limit.scope = scope;
    }
    let rest = cursor.rest();
    if !rest.is_empty() {
        diagnostics.error(
            rest,
            "expected `;`\nhelp: write `limit 100 per 1s burst 150 on Submit, Pay per tenant;`, each part at its place",
        );
    }
    Some(limit)
}

/// Parses the lines of `migrate { … }`.
pub(super) fn parse_migrations(diagnostics: &mut Diagnostics, body: TokenStream) -> Vec<Migration> {
    let mut migrations = Vec::new();
    for tokens in split_lines(body) {
        let mut cursor = Cursor::new(tokens.clone(), proc_macro2::Span::call_site());
        let from = cursor.take_name();
        let arrow = cursor.is_arrow();
        cursor.next();
        cursor.next();
        match (from, cursor.take_name(), cursor.is_empty()) {
            (Some(from), Some(to), true) if arrow => migrations.push(Migration { from, to }),
            _ => diagnostics.error(tokens, "expected a migration\nhelp: write `Former => State;`"),
        }
    }
    migrations
}

/// Parses the lines of `prove { … }`.
pub(super) fn parse_proofs(diagnostics: &mut Diagnostics, body: TokenStream) -> Vec<Proof> {
    let mut proofs = Vec::new();
    for tokens in split_lines(body) {
        match parse_claim(&tokens) {
            Some(claim) => {
                let text = source_text(tokens.clone());
                proofs.push(Proof { claim, tokens, text });
            }
            None => diagnostics.error(
                tokens,
                "expected a claim\nhelp: write `A requires B;`, `never A ~> B;`, `A reaches B;`, `always ends;` or `handled Trigger;`",
            ),
        }
    }
    proofs
}

fn parse_claim(tokens: &TokenStream) -> Option<Claim> {
    let mut cursor = Cursor::new(tokens.clone(), proc_macro2::Span::call_site());
    let first = cursor.take_ident()?;
    let claim = match first.to_string().as_str() {
        "always" => take_word(&mut cursor, "ends").map(|_| Claim::AlwaysEnds)?,
        "handled" => {
            let mut names = vec![cursor.take_name()?];
            while cursor.is_punct(',') {
                cursor.next();
                names.push(cursor.take_name()?);
            }
            Claim::Handled(names)
        }
        "never" => {
            let from = cursor.take_name()?;
            let arrow = [cursor.next()?.to_string(), cursor.next()?.to_string()];
            let to = cursor.take_name().filter(|_| arrow == ["~", ">"])?;
            Claim::Never(from, to)
        }
        _ => {
            let word = cursor.take_ident()?;
            let second = cursor.take_name()?;
            match word.to_string().as_str() {
                "requires" => Claim::Requires(first, second),
                "reaches" => Claim::Reaches(first, second),
                _ => return None,
            }
        }
    };
    cursor.is_empty().then_some(claim)
}

/// What stands between the `;` of a block.
fn split_lines(body: TokenStream) -> Vec<TokenStream> {
    let mut lines = vec![TokenStream::new()];
    for token in body {
        match (&token, lines.last_mut()) {
            (TokenTree::Punct(p), _) if p.as_char() == ';' => lines.push(TokenStream::new()),
            (_, Some(line)) => line.extend([token]),
            (_, None) => {}
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

fn take_word(cursor: &mut Cursor, word: &str) -> Option<Ident> {
    if cursor.is_ident(word) { cursor.take_ident() } else { None }
}

fn take_number(diagnostics: &mut Diagnostics, keyword: &Ident, cursor: &mut Cursor) -> Option<LitInt> {
    let number = match cursor.peek() {
        Some(TokenTree::Literal(_)) => cursor.next().and_then(|token| syn::parse2(token.into()).ok()),
        _ => None,
    };
    if number.is_none() {
        diagnostics.error(keyword, format!("`{keyword}` needs a whole number behind it"));
    }
    number
}

fn take_names(diagnostics: &mut Diagnostics, keyword: &Ident, cursor: &mut Cursor) -> Vec<Ident> {
    let mut names = Vec::new();
    while let Some(name) = cursor.take_name() {
        names.push(name);
        if !cursor.is_punct(',') {
            break;
        }
        cursor.next();
    }
    if names.is_empty() {
        diagnostics.error(keyword, format!("`{keyword}` needs the name of a trigger behind it"));
    }
    names
}
