//! The lists of a machine: `triggers { … }`, `events { … }`, `effects { … }`.

use super::cursor::Cursor;
use super::item::{parse_attrs, refuse_attrs};
use super::leaf::parse_leaf;
use crate::diagnostics::Diagnostics;
use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, LitStr, Path, Token, Type, Variant};

/// One variant of `triggers` or `effects`.
pub(crate) struct VariantItem {
    pub(crate) variant: Variant,
}

/// One line of `events`.
#[allow(clippy::large_enum_variant, reason = "syntax lives for one expansion")]
pub(crate) enum EventItem {
    Listed { attrs: Vec<Attribute>, ty: Type },
    Retired(Retired),
}

/// `retired "order.note" => drop`, `retired "order.bulk" => split function`: what is recorded, and written no more.
#[derive(Clone)]
pub(crate) struct Retired {
    pub(crate) name: LitStr,
    /// What makes the events that stand in its place; `None`: nothing does.
    pub(crate) split: Option<Path>,
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
        refuse_attrs(diagnostics, &attrs);
        let keyword = cursor.next();
        if cursor.is_empty() {
            diagnostics.error(
                keyword,
                format!("`retired` needs the recorded name of an event behind it\n{RETIRED}"),
            );
            return None;
        }
        return parse_leaf(diagnostics, cursor.rest(), Retired::parse).map(EventItem::Retired);
    }
    parse_leaf(diagnostics, cursor.rest(), Type::parse).map(|ty| EventItem::Listed { attrs, ty })
}

const RETIRED: &str =
    "help: write `retired \"order.note\" => drop` or `retired \"order.bulk\" => split function`";

impl Parse for Retired {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name: LitStr = input.parse().map_err(|error| {
            syn::Error::new(error.span(), format!("expected the recorded name of an event\n{RETIRED}"))
        })?;
        let wrong = |error: syn::Error| {
            syn::Error::new(
                error.span(),
                format!("expected what becomes of what is recorded under `{}`\n{RETIRED}", name.value()),
            )
        };
        input.parse::<Token![=>]>().map_err(wrong)?;
        let how: Ident = input.parse().map_err(wrong)?;
        let split = match how.to_string().as_str() {
            "drop" => None,
            "split" => Some(input.parse().map_err(wrong)?),
            _ => return Err(wrong(syn::Error::new_spanned(how, ""))),
        };
        Ok(Self { name, split })
    }
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
