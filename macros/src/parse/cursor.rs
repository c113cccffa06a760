//! A place in a list of token trees.
//!
//! It knows where statements end, and nothing about what they say.

use proc_macro2::{Delimiter, Group, Ident, Spacing, Span, TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::VecDeque;

pub(super) struct Cursor {
    rest: VecDeque<TokenTree>,
    last: Span,
}

/// Words that can only begin an item: a statement that runs into one has lost its `;`.
const BEGINNINGS: &[&str] = &[
    "on",
    "always",
    "done",
    "after",
    "every",
    "state",
    "parallel",
    "region",
    "final",
    "history",
    "deep",
    "entry",
    "exit",
    "initial",
    "triggers",
    "events",
    "effects",
    "unhandled",
    "limit",
    "migrate",
    "prove",
];

impl Cursor {
    /// `before` is underlined when the list ends too early.
    pub(super) fn new(tokens: TokenStream, before: Span) -> Self {
        Self { rest: tokens.into_iter().collect(), last: before }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The span of the last token taken.
    pub(super) fn last(&self) -> Span {
        self.last
    }

    pub(super) fn next(&mut self) -> Option<TokenTree> {
        let token = self.rest.pop_front()?;
        self.last = token.span();
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
        let arrow = |a: &TokenTree, b: &TokenTree| match (a, b) {
            (TokenTree::Punct(a), TokenTree::Punct(b)) => {
                a.as_char() == '=' && a.spacing() == Spacing::Joint && b.as_char() == '>'
            }
            _ => false,
        };
        matches!((self.rest.front(), self.rest.get(1)), (Some(a), Some(b)) if arrow(a, b))
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
        let named =
            self.peek_ident().is_some_and(|ident| syn::parse2::<Ident>(ident.to_token_stream()).is_ok());
        if named { self.take_ident() } else { None }
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

    /// The tokens up to the `;` that ends the statement, which is taken too. The flag: it was there.
    pub(super) fn take_statement(&mut self) -> (TokenStream, bool) {
        let mut taken: Vec<TokenTree> = Vec::new();
        while let Some(token) = self.peek() {
            if matches!(token, TokenTree::Punct(p) if p.as_char() == ';') {
                self.next();
                return (taken.into_iter().collect(), true);
            }
            if taken.last().is_some_and(can_end) && self.begins_item() {
                break;
            }
            taken.extend(self.next());
        }
        (taken.into_iter().collect(), false)
    }

    fn begins_item(&self) -> bool {
        self.peek_ident().is_some_and(|ident| BEGINNINGS.iter().any(|word| ident == word))
    }

    /// Skips what was not understood: to behind the next `;` or braces, or to the next item.
    pub(super) fn skip_item(&mut self) {
        while let Some(token) = self.next() {
            let ends = match &token {
                TokenTree::Punct(p) => p.as_char() == ';',
                TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                _ => false,
            };
            if ends || self.begins_item() {
                return;
            }
        }
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
