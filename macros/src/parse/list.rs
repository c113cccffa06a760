//! The lists of a machine: `triggers { … }`, `events { … }`, `effects { … }`.

use super::cursor::Cursor;
use super::item::parse_attrs;
use super::leaf::parse_leaf;
use crate::diagnostics::Diagnostics;
use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::parse::Parse;
use syn::{Attribute, Type, Variant};

/// One variant of `triggers` or `effects`.
pub(crate) struct VariantItem {
    pub(crate) variant: Variant,
}

/// One line of `events`.
pub(crate) struct EventItem {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) ty: Type,
}

/// The variants of an enum body, each for itself, so that a broken one costs no other.
pub(super) fn parse_variants(
    diagnostics: &mut Diagnostics,
    keyword: &Ident,
    cursor: &mut Cursor,
) -> Vec<VariantItem> {
    let parts = parse_list(diagnostics, keyword, cursor);
    let variants = parts.into_iter().filter_map(|tokens| parse_leaf(diagnostics, tokens, Variant::parse));
    variants.map(|variant| VariantItem { variant }).collect()
}

pub(super) fn parse_events(
    diagnostics: &mut Diagnostics,
    keyword: &Ident,
    cursor: &mut Cursor,
) -> Vec<EventItem> {
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
    parse_leaf(diagnostics, cursor.rest(), Type::parse).map(|ty| EventItem { attrs, ty })
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
