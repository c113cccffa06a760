//! States of every kind: `state`, `parallel`, `region`, `final`, `history`.

use super::arm::parse_names;
use super::cursor::Cursor;
use super::item::{Member, STATE_MEMBERS, parse_attrs, parse_keyword, parse_member, refuse_attrs};
use crate::diagnostics::Diagnostics;
use proc_macro2::{Group, Ident, TokenStream};
use syn::Attribute;

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
    Parallel,
    Region,
    Final,
    History,
    DeepHistory,
}

/// Parses a state from behind its keyword.
pub(super) fn parse_node(
    diagnostics: &mut Diagnostics,
    cursor: &mut Cursor,
    head: (Vec<Attribute>, Ident, NodeKind),
) -> Option<Node> {
    let (attrs, keyword, kind) = head;
    let name = if cursor.surely_begins_item() { None } else { cursor.take_name() };
    let Some(name) = name else {
        diagnostics
            .error(&keyword, format!("`{keyword}` needs a name\nhelp: write `{keyword} Name {{ … }}`"));
        cursor.skip_item();
        return None;
    };
    let mut members = Vec::new();
    if matches!(kind, NodeKind::History | NodeKind::DeepHistory) {
        parse_default(diagnostics, (&keyword, &name), cursor, &mut members);
    } else if let Some(body) = cursor.take_braces() {
        parse_members(diagnostics, &body, &mut members);
    } else if cursor.is_punct(';') {
        cursor.next();
    } else {
        diagnostics.error(&name, format!("expected `{{ … }}` or `;` behind `{name}`"));
    }
    Some(Node { attrs, kind, name, members })
}

/// `=> Name` or `=> (A, B)` behind the name of a history, and its `;`.
fn parse_default(
    diagnostics: &mut Diagnostics,
    head: (&Ident, &Ident),
    cursor: &mut Cursor,
    members: &mut Vec<Member>,
) {
    let (keyword, name) = head;
    let (tokens, ended) = cursor.take_statement();
    if !ended {
        diagnostics.error_at(cursor.last(), format!("expected `;` at the end of this `{keyword}`"));
    }
    let mut rest = Cursor::new(tokens, name.span());
    if rest.is_empty() {
        return;
    }
    if !rest.is_arrow() {
        diagnostics.error(
            rest.rest(),
            format!("expected `=> State` or `;`\nhelp: write `{keyword} {name} => State;`"),
        );
        return;
    }
    rest.next();
    rest.next();
    members.extend(parse_names(diagnostics, &mut rest).map(Member::Default));
    let more: TokenStream = rest.rest();
    if !more.is_empty() {
        diagnostics.error(more, "a history leads on, and does nothing on the way");
    }
}

fn parse_members(diagnostics: &mut Diagnostics, body: &Group, members: &mut Vec<Member>) {
    let mut cursor = Cursor::new(body.stream(), body.span_open());
    while !cursor.is_empty() {
        let attrs = parse_attrs(diagnostics, &mut cursor);
        if let Some(keyword) = parse_keyword(diagnostics, &mut cursor, STATE_MEMBERS) {
            if ["initial", "entry", "exit"].iter().any(|line| keyword == line) {
                refuse_attrs(diagnostics, &attrs);
            }
            parse_member(diagnostics, &mut cursor, (attrs, keyword), members);
        }
    }
}
