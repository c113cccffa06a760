//! `#[serde(…)]` and `#[event(opaque)]`, read key by key.
//!
//! What a key means depends on where it stands; that is known by those who ask.

use crate::diagnostics::Diagnostics;
use proc_macro2::TokenTree;
use syn::meta::ParseNestedMeta;
use syn::parse::Parse;
use syn::{Attribute, LitStr, Meta, Path, Token};

/// One key of `#[serde(…)]`.
pub(super) struct Key {
    pub(super) name: String,
    pub(super) path: Path,
    /// Behind `=`.
    pub(super) value: Option<LitStr>,
    /// In parentheses: `rename(serialize = "…", deserialize = "…")`.
    inner: Vec<(String, LitStr)>,
}

impl Key {
    fn read(meta: &ParseNestedMeta<'_>) -> syn::Result<Self> {
        let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        let mut key = Self { name, path: meta.path.clone(), value: None, inner: Vec::new() };
        if meta.input.peek(Token![=]) {
            key.value = Some(meta.value()?.parse()?);
        } else if meta.input.peek(syn::token::Paren) {
            meta.parse_nested_meta(|inner| {
                let name = inner.path.get_ident().map(ToString::to_string).unwrap_or_default();
                key.inner.push((name, inner.value()?.parse()?));
                Ok(())
            })?;
        }
        Ok(key)
    }

    /// Its value, which is code in quotes.
    pub(super) fn parse<T: Parse>(&self, diagnostics: &mut Diagnostics) -> Option<T> {
        match self.value.as_ref()?.parse() {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                diagnostics.syn(error);
                None
            }
        }
    }

    /// Its value, one for writing and reading.
    pub(super) fn text(&self, diagnostics: &mut Diagnostics) -> Option<String> {
        let value = match (&self.value, self.inner.as_slice()) {
            (Some(value), _) => Some(value),
            (None, [(_, one), (_, other)]) if one.value() == other.value() => Some(one),
            _ => None,
        };
        if value.is_none() {
            diagnostics.error(&self.path, format!("`{0}` differs between writing and reading: what is written would not be read\nhelp: write `{0} = \"…\"`, and `alias` for names of old", self.name));
        }
        value.map(LitStr::value)
    }
}

/// Every key, in source order.
pub(super) fn read_keys(diagnostics: &mut Diagnostics, attrs: &[Attribute]) -> Vec<Key> {
    let mut keys = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
        let read = attr.parse_nested_meta(|meta| {
            keys.push(Key::read(&meta)?);
            Ok(())
        });
        if let Err(error) = read {
            diagnostics.syn(error);
        }
    }
    keys
}

pub(super) fn report_unknown(diagnostics: &mut Diagnostics, key: &Key, what: &str) {
    diagnostics.error(
        &key.path,
        format!(
            "what `serde` writes with `{}` is not known here\nhelp: mark {what} `#[event(opaque)]`: then changes inside it are not noticed",
            key.name
        ),
    );
}

/// Whether `opaque` is among the keys of `#[event(…)]`, whatever the others are.
pub(crate) fn is_opaque(attrs: &[Attribute]) -> bool {
    let lists =
        attrs.iter().filter(|attr| attr.path().is_ident("event")).filter_map(|attr| match &attr.meta {
            Meta::List(list) => Some(list.tokens.clone().into_iter().collect::<Vec<_>>()),
            _ => None,
        });
    lists
        .flat_map(|tokens| tokens.split(is_comma).map(<[TokenTree]>::to_vec).collect::<Vec<_>>())
        .any(|key| matches!(key.as_slice(), [TokenTree::Ident(ident)] if ident == "opaque"))
}

fn is_comma(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',')
}
