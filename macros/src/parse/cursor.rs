//! A place in a list of token trees.
//!
//! Where statements end is `boundary`'s to say.

use proc_macro2::{Delimiter, Group, Ident, Spacing, Span, TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::VecDeque;

mod boundary;

pub(super) struct Cursor {
    rest: VecDeque<TokenTree>,
    /// What was taken last, and before that.
    taken: [Option<TokenTree>; 2],
    before: Span,
}

impl Cursor {
    /// `before` is underlined when the list ends too early.
    pub(super) fn new(tokens: TokenStream, before: Span) -> Self {
        Self { rest: tokens.into_iter().collect(), taken: [None, None], before }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The span of the last token taken.
    pub(super) fn last(&self) -> Span {
        self.taken[0].as_ref().map_or(self.before, TokenTree::span)
    }

    pub(super) fn next(&mut self) -> Option<TokenTree> {
        let token = self.rest.pop_front()?;
        self.taken.swap(0, 1);
        self.taken[0] = Some(token.clone());
        Some(token)
    }

    pub(super) fn peek(&self) -> Option<&TokenTree> {
        self.rest.front()
    }

    pub(super) fn peek_ident(&self) -> Option<&Ident> {
        match self.peek() {
            Some(TokenTree::Ident(ident)) => Some(ident),
            _ => None,
        }
    }

    pub(super) fn is_ident(&self, word: &str) -> bool {
        self.peek_ident().is_some_and(|ident| ident == word)
    }

    pub(super) fn is_punct(&self, c: char) -> bool {
        matches!(self.peek(), Some(TokenTree::Punct(p)) if p.as_char() == c)
    }

    /// Whether `=>` comes next.
    pub(super) fn is_arrow(&self) -> bool {
        is_arrow(self.rest.front(), self.rest.get(1))
    }

    pub(super) fn take_ident(&mut self) -> Option<Ident> {
        match self.rest.front() {
            Some(TokenTree::Ident(ident)) => {
                let ident = ident.clone();
                self.next();
                Some(ident)
            }
            _ => None,
        }
    }

    /// Takes a word that can name something: no keyword of Rust.
    pub(super) fn take_name(&mut self) -> Option<Ident> {
        if self.peek().is_some_and(is_name) { self.take_ident() } else { None }
    }

    pub(super) fn take_braces(&mut self) -> Option<Group> {
        match self.rest.front() {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let group = group.clone();
                self.next();
                Some(group)
            }
            _ => None,
        }
    }

    pub(super) fn take_until(&mut self, stop: impl Fn(&Self) -> bool) -> TokenStream {
        let mut taken = Vec::new();
        while !self.is_empty() && !stop(self) {
            taken.extend(self.next());
        }
        taken.into_iter().collect()
    }

    pub(super) fn rest(&mut self) -> TokenStream {
        self.take_until(|_| false)
    }
}

/// Whether it can name something: no keyword of Rust.
fn is_name(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Ident(ident) if syn::parse2::<Ident>(ident.to_token_stream()).is_ok())
}

fn is_arrow(a: Option<&TokenTree>, b: Option<&TokenTree>) -> bool {
    match (a, b) {
        (Some(TokenTree::Punct(a)), Some(TokenTree::Punct(b))) => {
            a.as_char() == '=' && a.spacing() == Spacing::Joint && b.as_char() == '>'
        }
        _ => false,
    }
}

/// Whether an expression or a name can end with this token.
pub(super) fn can_end(token: &TokenTree) -> bool {
    match token {
        TokenTree::Ident(ident) => {
            !["emit", "do", "raise", "if", "internal", "reject", "on"].iter().any(|word| ident == word)
        }
        TokenTree::Literal(_) | TokenTree::Group(_) => true,
        TokenTree::Punct(p) => p.as_char() == '?',
    }
}
