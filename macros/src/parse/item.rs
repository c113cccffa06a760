//! Items of the machine, and members of its states.

use super::Machine;
use super::action::Action;
use super::arm::{Arm, parse_arm, parse_ignore};
use super::cursor::Cursor;
use super::leaf::parse_leaf;
use super::lines::{parse_limit, parse_migrations, parse_proofs};
use super::list::{parse_events, parse_variants};
use super::node::{Node, NodeKind, parse_node};
use super::statement::{
    parse_data, parse_hook, parse_initial, parse_lock, parse_statement, parse_unhandled, parse_version,
};
use crate::diagnostics::{Diagnostics, nearest};
use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use syn::Attribute;

/// What stands in a state, or in the machine itself.
#[allow(clippy::large_enum_variant, reason = "syntax lives for one expansion")]
pub(crate) enum Member {
    Initial(Ident),
    Arm(Arm),
    Entry(Ident, Vec<Action>),
    Exit(Ident, Vec<Action>),
    Node(Node),
    /// What a history stands for as long as nothing is remembered.
    Default(Vec<Ident>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unhandled {
    Reject,
    Ignore,
}

/// Words of the language that this version does not know yet.
const NOT_SUPPORTED: &[&str] = &["spawn"];

const MACHINE_ITEMS: &[&str] = &[
    "version",
    "data",
    "lock",
    "triggers",
    "events",
    "effects",
    "unhandled",
    "limit",
    "migrate",
    "prove",
    "initial",
    "on",
    "always",
    "after",
    "every",
    "ignore",
    "entry",
    "exit",
    "state",
    "parallel",
    "final",
    "history",
    "deep",
    "done",
    "region",
];

pub(super) const STATE_MEMBERS: &[&str] = &[
    "initial", "on", "always", "done", "after", "every", "ignore", "entry", "exit", "state", "parallel",
    "region", "final", "history", "deep",
];

/// Items to which nothing can be attached but a comment.
const LINES: &[&str] = &[
    "version",
    "data",
    "lock",
    "events",
    "unhandled",
    "limit",
    "migrate",
    "prove",
    "initial",
    "entry",
    "exit",
];

/// Parses one item of the machine.
pub(super) fn parse_item(diagnostics: &mut Diagnostics, cursor: &mut Cursor, machine: &mut Machine) {
    let attrs = parse_attrs(diagnostics, cursor);
    let Some(keyword) = parse_keyword(diagnostics, cursor, MACHINE_ITEMS) else { return };
    if LINES.iter().any(|line| keyword == line) {
        refuse_attrs(diagnostics, &attrs);
    }
    match keyword.to_string().as_str() {
        "version" => machine.versions.extend(parse_version(diagnostics, &keyword, cursor)),
        "data" => machine.data.extend(parse_data(diagnostics, &keyword, cursor)),
        "lock" => machine.locks.extend(parse_lock(diagnostics, &keyword, cursor)),
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
        "limit" => {
            machine.limits.extend(parse_statement(diagnostics, &keyword, cursor, |diagnostics, tokens| {
                parse_limit(diagnostics, &keyword, tokens)
            }));
        }
        "migrate" | "prove" => match take_block(diagnostics, &keyword, cursor) {
            Some(body) if keyword == "migrate" => {
                machine.migrations.extend(parse_migrations(diagnostics, body));
            }
            Some(body) => machine.proofs.extend(parse_proofs(diagnostics, body)),
            None => {}
        },
        _ => parse_member(diagnostics, cursor, (attrs, keyword), &mut machine.members),
    }
}

/// Parses one member of a state or of the machine, from behind its keyword.
pub(super) fn parse_member(
    diagnostics: &mut Diagnostics,
    cursor: &mut Cursor,
    head: (Vec<Attribute>, Ident),
    members: &mut Vec<Member>,
) {
    let (attrs, keyword) = head;
    match keyword.to_string().as_str() {
        "state" | "parallel" | "region" | "final" | "history" | "deep" => {
            if let Some(kind) = node_kind(diagnostics, &keyword, cursor) {
                members.extend(parse_node(diagnostics, cursor, (attrs, keyword, kind)).map(Member::Node));
            }
        }
        "initial" => members.extend(parse_initial(diagnostics, &keyword, cursor).map(Member::Initial)),
        "entry" => members.push(Member::Entry(keyword.clone(), parse_hook(diagnostics, &keyword, cursor))),
        "exit" => members.push(Member::Exit(keyword.clone(), parse_hook(diagnostics, &keyword, cursor))),
        "ignore" => {
            let arms = parse_statement(diagnostics, &keyword, cursor, |diagnostics, tokens| {
                parse_ignore(diagnostics, &keyword, tokens)
            });
            members.extend(arms.into_iter().map(|arm| Member::Arm(Arm { attrs: attrs.clone(), ..arm })));
        }
        _ => {
            let arm = parse_statement(diagnostics, &keyword, cursor, |diagnostics, tokens| {
                parse_arm(diagnostics, keyword.clone(), tokens)
            });
            members.extend(arm.map(|arm| Member::Arm(Arm { attrs, ..arm })));
        }
    }
}

/// What the keyword of a state says; behind `deep` stands `history`.
fn node_kind(diagnostics: &mut Diagnostics, keyword: &Ident, cursor: &mut Cursor) -> Option<NodeKind> {
    let kind = match keyword.to_string().as_str() {
        "parallel" => NodeKind::Parallel,
        "region" => NodeKind::Region,
        "final" => NodeKind::Final,
        "history" => NodeKind::History,
        "deep" => {
            if !cursor.is_ident("history") {
                diagnostics.error(keyword, "`deep` is a kind of history\nhelp: write `deep history Name;`");
                cursor.skip_item();
                return None;
            }
            cursor.next();
            NodeKind::DeepHistory
        }
        _ => NodeKind::State,
    };
    Some(kind)
}

/// An attribute that nothing would read is not passed over in silence.
pub(super) fn refuse_attrs(diagnostics: &mut Diagnostics, attrs: &[Attribute]) {
    for attr in attrs.iter().filter(|attr| !attr.path().is_ident("doc")) {
        diagnostics.error(
            attr,
            "this attribute has no meaning here\nhelp: `#[allow(rule)]` stands at an arm, a state or the machine",
        );
    }
}

pub(super) fn parse_attrs(diagnostics: &mut Diagnostics, cursor: &mut Cursor) -> Vec<Attribute> {
    let mut tokens = TokenStream::new();
    while cursor.is_punct('#') {
        tokens.extend(cursor.next().map(TokenStream::from));
        if matches!(cursor.peek(), Some(TokenTree::Group(g)) if g.delimiter() == Delimiter::Bracket) {
            tokens.extend(cursor.next().map(TokenStream::from));
        }
    }
    parse_leaf(diagnostics, tokens, Attribute::parse_outer).unwrap_or_default()
}

/// The word that says what item follows; anything else is reported and skipped.
pub(super) fn parse_keyword(
    diagnostics: &mut Diagnostics,
    cursor: &mut Cursor,
    known: &[&str],
) -> Option<Ident> {
    let Some(keyword) = cursor.take_ident() else {
        match cursor.peek().cloned() {
            Some(token) => diagnostics.error(&token, format!("expected an item, found `{token}`")),
            None => diagnostics.error_at(cursor.last(), "an item must follow these attributes"),
        }
        cursor.skip_item();
        return None;
    };
    let word = keyword.to_string();
    if known.contains(&word.as_str()) {
        return Some(keyword);
    }
    if NOT_SUPPORTED.contains(&word.as_str()) {
        diagnostics.error(&keyword, format!("`{word}` is not supported yet"));
    } else if MACHINE_ITEMS.contains(&word.as_str()) {
        diagnostics.error(&keyword, format!("`{word}` belongs to the machine, not to a state"));
    } else {
        let near = nearest(&word, known.iter().copied());
        let help = if near.is_empty() { format!("expected one of {}", listed(known)) } else { near };
        diagnostics.error(&keyword, format!("`{word}` begins no item\nhelp: {help}"));
    }
    cursor.skip_item();
    None
}

fn listed(known: &[&str]) -> String {
    let words: Vec<_> = known.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

/// The braces behind a keyword.
fn take_block(diagnostics: &mut Diagnostics, keyword: &Ident, cursor: &mut Cursor) -> Option<TokenStream> {
    let body = cursor.take_braces().map(|group| group.stream());
    if body.is_none() {
        diagnostics.error(keyword, format!("`{keyword}` needs braces\nhelp: write `{keyword} {{ … }}`"));
        cursor.skip_item();
    }
    body
}
