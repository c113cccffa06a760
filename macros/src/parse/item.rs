//! Items of the machine, and members of its states.

use super::Machine;
use super::action::{Action, parse_actions};
use super::arm::{Arm, parse_ignore, parse_on};
use super::cursor::Cursor;
use crate::diagnostics::{Diagnostics, nearest};
use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use syn::parse::Parser;
use syn::{Attribute, LitInt, Type, Variant};

/// A declared state with what stands in its braces.
pub(crate) struct Node {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) kind: NodeKind,
    pub(crate) name: Ident,
    pub(crate) members: Vec<Member>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NodeKind {
    State,
    Final,
}

/// What stands in a state, or in the machine itself.
#[allow(clippy::large_enum_variant, reason = "syntax lives for one expansion")]
pub(crate) enum Member {
    Initial(Ident),
    Arm(Arm),
    Entry(Vec<Action>),
    Exit(Ident, Vec<Action>),
    Node(Node),
}

/// One variant of `triggers` or `effects`.
pub(crate) struct VariantItem {
    pub(crate) variant: Variant,
}

/// One line of `events`.
pub(crate) struct EventItem {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) ty: Type,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unhandled {
    Reject,
    Ignore,
}

/// Words of the language that this version does not know yet.
const NOT_SUPPORTED: &[&str] = &[
    "parallel", "region", "history", "deep", "always", "done", "raise", "after", "every", "limit", "migrate",
    "lock", "prove", "spawn",
];

pub(super) fn is_not_supported(word: &str) -> bool {
    NOT_SUPPORTED.contains(&word)
}

const MACHINE_ITEMS: &[&str] = &["version", "data", "triggers", "events", "effects", "unhandled"];
const MEMBERS: &[&str] = &["initial", "on", "ignore", "entry", "exit", "state", "final"];

/// Parses one item of the machine.
pub(super) fn parse_item(diagnostics: &mut Diagnostics, cursor: &mut Cursor, machine: &mut Machine) {
    let attrs = parse_attrs(diagnostics, cursor);
    let Some(keyword) = parse_keyword(diagnostics, cursor, MACHINE_ITEMS) else { return };
    match keyword.to_string().as_str() {
        "version" => machine.versions.extend(parse_version(diagnostics, &keyword, cursor)),
        "data" => machine.data.extend(parse_data(diagnostics, &keyword, cursor)),
        "triggers" => {
            machine.trigger_attrs.extend(attrs);
            machine.triggers.extend(parse_variants(diagnostics, &keyword, cursor));
        }
        "effects" => {
            machine.effect_attrs.extend(attrs);
            machine.effects.extend(parse_variants(diagnostics, &keyword, cursor));
        }
        "events" => machine.events.extend(parse_events(diagnostics, &keyword, cursor)),
        "unhandled" => machine.unhandled.extend(parse_unhandled(diagnostics, &keyword, cursor)),
        _ => parse_member(diagnostics, cursor, (attrs, keyword), &mut machine.members),
    }
}

/// Parses one member of a state or of the machine, from behind its keyword.
fn parse_member(
    diagnostics: &mut Diagnostics,
    cursor: &mut Cursor,
    head: (Vec<Attribute>, Ident),
    members: &mut Vec<Member>,
) {
    let (attrs, keyword) = head;
    match keyword.to_string().as_str() {
        "state" => members
            .extend(parse_node(diagnostics, cursor, (attrs, keyword, NodeKind::State)).map(Member::Node)),
        "final" => members
            .extend(parse_node(diagnostics, cursor, (attrs, keyword, NodeKind::Final)).map(Member::Node)),
        "initial" => members.extend(parse_initial(diagnostics, &keyword, cursor).map(Member::Initial)),
        "entry" => {
            let tokens = parse_statement(diagnostics, &keyword, cursor);
            members.push(Member::Entry(parse_actions(diagnostics, tokens, true)));
        }
        "exit" => {
            let tokens = parse_statement(diagnostics, &keyword, cursor);
            members.push(Member::Exit(keyword, parse_actions(diagnostics, tokens, true)));
        }
        "ignore" => {
            let tokens = parse_statement(diagnostics, &keyword, cursor);
            let arms = parse_ignore(diagnostics, &keyword, tokens);
            members.extend(arms.into_iter().map(|arm| Member::Arm(Arm { attrs: attrs.clone(), ..arm })));
        }
        _ => {
            let (tokens, ended) = cursor.take_statement();
            let arm = parse_on(diagnostics, keyword.clone(), tokens);
            if let (Some(_), false) = (&arm, ended) {
                diagnostics.error_at(cursor.last(), format!("expected `;` at the end of this `{keyword}`"));
            }
            members.extend(arm.map(|arm| Member::Arm(Arm { attrs, ..arm })));
        }
    }
}

fn parse_attrs(diagnostics: &mut Diagnostics, cursor: &mut Cursor) -> Vec<Attribute> {
    let mut tokens = TokenStream::new();
    while cursor.is_punct('#') {
        tokens.extend(cursor.next().map(TokenStream::from));
        if matches!(cursor.peek(), Some(TokenTree::Group(g)) if g.delimiter() == Delimiter::Bracket) {
            tokens.extend(cursor.next().map(TokenStream::from));
        }
    }
    Attribute::parse_outer.parse2(tokens).map_err(|error| diagnostics.syn(error)).unwrap_or_default()
}

/// The word that says what item follows; anything else is reported and skipped.
fn parse_keyword(diagnostics: &mut Diagnostics, cursor: &mut Cursor, more: &[&str]) -> Option<Ident> {
    let Some(keyword) = cursor.take_ident() else {
        match cursor.peek().cloned() {
            Some(token) => diagnostics.error(&token, format!("expected an item, found `{token}`")),
            None => diagnostics.error_at(cursor.last(), "an item must follow these attributes"),
        }
        cursor.skip_item();
        return None;
    };
    let word = keyword.to_string();
    if MEMBERS.iter().chain(more).any(|known| *known == word) {
        return Some(keyword);
    }
    if is_not_supported(&word) {
        diagnostics.error(&keyword, format!("`{word}` is not supported yet"));
    } else if MACHINE_ITEMS.contains(&word.as_str()) {
        diagnostics.error(&keyword, format!("`{word}` belongs to the machine, not to a state"));
    } else {
        let near = nearest(&word, MEMBERS.iter().chain(more).copied());
        let help = if near.is_empty() { format!("expected one of {}", listed(more)) } else { near };
        diagnostics.error(&keyword, format!("`{word}` begins no item\nhelp: {help}"));
    }
    cursor.skip_item();
    None
}

fn listed(more: &[&str]) -> String {
    let words: Vec<_> = MEMBERS.iter().chain(more).map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

/// The tokens behind a keyword up to its `;`.
fn parse_statement(diagnostics: &mut Diagnostics, keyword: &Ident, cursor: &mut Cursor) -> TokenStream {
    let (tokens, ended) = cursor.take_statement();
    if !ended {
        diagnostics.error_at(cursor.last(), format!("expected `;` at the end of this `{keyword}`"));
    }
    tokens
}

fn parse_version(diagnostics: &mut Diagnostics, keyword: &Ident, cursor: &mut Cursor) -> Option<LitInt> {
    let tokens = parse_statement(diagnostics, keyword, cursor);
    let wrong =
        |_| syn::Error::new_spanned(keyword, "`version` needs a whole number\nhelp: write `version 2;`");
    syn::parse2(tokens).map_err(|error| diagnostics.syn(wrong(error))).ok()
}

/// `data Type;` or `data Type version 2;`.
fn parse_data(
    diagnostics: &mut Diagnostics,
    keyword: &Ident,
    cursor: &mut Cursor,
) -> Option<(Type, Option<LitInt>)> {
    let mut tokens = Cursor::new(parse_statement(diagnostics, keyword, cursor), keyword.span());
    let ty = tokens.take_until(|c| c.is_ident("version"));
    let ty = syn::parse2(ty)
        .map_err(|_| diagnostics.error(keyword, "`data` needs a type\nhelp: write `data Basket;`"))
        .ok();
    let version = tokens.next().and_then(|keyword| {
        let number = syn::parse2(tokens.rest());
        number.map_err(|_| diagnostics.error(keyword, "`version` needs a whole number")).ok()
    });
    ty.map(|ty| (ty, version))
}

fn parse_unhandled(
    diagnostics: &mut Diagnostics,
    keyword: &Ident,
    cursor: &mut Cursor,
) -> Option<(Ident, Unhandled)> {
    let tokens = parse_statement(diagnostics, keyword, cursor);
    match tokens.to_string().as_str() {
        "reject" => Some((keyword.clone(), Unhandled::Reject)),
        "ignore" => Some((keyword.clone(), Unhandled::Ignore)),
        _ => {
            diagnostics
                .error(keyword, "`unhandled` is `reject` or `ignore`\nhelp: write `unhandled ignore;`");
            None
        }
    }
}

fn parse_initial(diagnostics: &mut Diagnostics, keyword: &Ident, cursor: &mut Cursor) -> Option<Ident> {
    let tokens = parse_statement(diagnostics, keyword, cursor);
    let wrong = |_| {
        syn::Error::new_spanned(keyword, "`initial` needs the name of a state\nhelp: write `initial Draft;`")
    };
    syn::parse2(tokens).map_err(|error| diagnostics.syn(wrong(error))).ok()
}

fn parse_node(
    diagnostics: &mut Diagnostics,
    cursor: &mut Cursor,
    head: (Vec<Attribute>, Ident, NodeKind),
) -> Option<Node> {
    let (attrs, keyword, kind) = head;
    let Some(name) = cursor.take_name() else {
        diagnostics
            .error(&keyword, format!("`{keyword}` needs a name\nhelp: write `{keyword} Name {{ … }}`"));
        cursor.skip_item();
        return None;
    };
    let mut members = Vec::new();
    if let Some(body) = cursor.take_braces() {
        parse_members(diagnostics, &body, &mut members);
    } else if cursor.is_punct(';') {
        cursor.next();
    } else {
        diagnostics.error(&name, format!("expected `{{ … }}` or `;` behind `{name}`"));
    }
    Some(Node { attrs, kind, name, members })
}

fn parse_members(diagnostics: &mut Diagnostics, body: &Group, members: &mut Vec<Member>) {
    let mut cursor = Cursor::new(body.stream(), body.span_open());
    while !cursor.is_empty() {
        let attrs = parse_attrs(diagnostics, &mut cursor);
        if let Some(keyword) = parse_keyword(diagnostics, &mut cursor, &[]) {
            parse_member(diagnostics, &mut cursor, (attrs, keyword), members);
        }
    }
}

/// The variants of an enum body, each for itself, so that a broken one costs no other.
fn parse_variants(diagnostics: &mut Diagnostics, keyword: &Ident, cursor: &mut Cursor) -> Vec<VariantItem> {
    let parts = parse_list(diagnostics, keyword, cursor);
    let variants =
        parts.into_iter().map(|tokens| syn::parse2::<Variant>(tokens).map(|variant| VariantItem { variant }));
    variants.filter_map(|parsed| parsed.map_err(|error| diagnostics.syn(error)).ok()).collect()
}

fn parse_events(diagnostics: &mut Diagnostics, keyword: &Ident, cursor: &mut Cursor) -> Vec<EventItem> {
    let parts = parse_list(diagnostics, keyword, cursor);
    parts.into_iter().filter_map(|tokens| parse_event(diagnostics, tokens)).collect()
}

fn parse_event(diagnostics: &mut Diagnostics, tokens: TokenStream) -> Option<EventItem> {
    let mut cursor = Cursor::new(tokens, proc_macro2::Span::call_site());
    let attrs = parse_attrs(diagnostics, &mut cursor);
    if cursor.is_ident("retired") {
        diagnostics.error(cursor.next(), "`retired` is not supported yet");
        return None;
    }
    syn::parse2(cursor.rest()).map_err(|error| diagnostics.syn(error)).ok().map(|ty| EventItem { attrs, ty })
}

/// What stands between the commas of `keyword { … }`. A comma inside `<…>` is one of a type, not of the list.
fn parse_list(diagnostics: &mut Diagnostics, keyword: &Ident, cursor: &mut Cursor) -> Vec<TokenStream> {
    let Some(body) = cursor.take_braces() else {
        diagnostics.error(keyword, format!("`{keyword}` needs braces\nhelp: write `{keyword} {{ … }}`"));
        return Vec::new();
    };
    if cursor.is_punct(';') {
        cursor.next();
    }
    let mut parts = vec![TokenStream::new()];
    let mut depth = 0_u32;
    for token in body.stream() {
        match &token {
            TokenTree::Punct(p) if p.as_char() == '<' => depth += 1,
            TokenTree::Punct(p) if p.as_char() == '>' => depth = depth.saturating_sub(1),
            TokenTree::Punct(p) if p.as_char() == ',' && depth == 0 => {
                parts.push(TokenStream::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.extend([token]);
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}
