//! Leaves: the patterns, expressions, types and variants that `syn` parses.

use crate::diagnostics::Diagnostics;
use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use syn::braced;
use syn::parse::{ParseStream, Parser};

/// Parses tokens to their end. What is missing there is reported at the last of them: an end has no place of its own,
/// and would underline the whole block.
pub(super) fn parse_leaf<T>(
    diagnostics: &mut Diagnostics,
    tokens: TokenStream,
    parse: impl FnOnce(ParseStream<'_>) -> syn::Result<T>,
) -> Option<T> {
    let end = last_span(&tokens);
    let mut group = Group::new(Delimiter::Brace, tokens);
    group.set_span(end);
    let whole = |input: ParseStream<'_>| {
        let content;
        braced!(content in input);
        let leaf = parse(&content)?;
        if content.is_empty() { Ok(leaf) } else { Err(content.error("unexpected token")) }
    };
    whole.parse2(TokenTree::from(group).into()).map_err(|error| diagnostics.syn(error)).ok()
}

fn last_span(tokens: &TokenStream) -> Span {
    match tokens.clone().into_iter().last() {
        Some(TokenTree::Group(group)) => group.span_close(),
        Some(token) => token.span(),
        None => Span::call_site(),
    }
}
