//! Where a statement ends: at its `;`, or where the next item begins, since a half-typed one has no `;` yet and must
//! not swallow what stands behind it.
//!
//! Words of the language are no keywords of Rust, so a state may be called `on` and a binding `done`: a word begins an
//! item only where no name can stand, or where what follows it could not follow a name.

use super::{Cursor, can_end, is_arrow, is_name};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Words that begin an item wherever an expression or a name can have ended.
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

const ACTIONS: &[&str] = &["emit", "do", "raise"];

impl Cursor {
    /// The tokens up to the `;` that ends the statement, which is taken too. The flag: it was there. What runs into
    /// the next item has lost it.
    pub(in crate::parse) fn take_statement(&mut self) -> (TokenStream, bool) {
        self.take_to_end(|cursor, is_begun| {
            let may_end = is_begun && cursor.taken[0].as_ref().is_some_and(can_end);
            (may_end && cursor.begins_item()) || cursor.surely_begins_item()
        })
    }

    /// The same for a line in which `on` can stand before a list of names.
    pub(in crate::parse) fn take_line(&mut self) -> (TokenStream, bool) {
        self.take_to_end(|cursor, _| {
            let lists = cursor.is_ident("on") && !cursor.rest.get(2).is_some_and(goes_on_in_an_arm);
            !lists && cursor.surely_begins_item()
        })
    }

    fn take_to_end(&mut self, stop: impl Fn(&Self, bool) -> bool) -> (TokenStream, bool) {
        let mut taken: Vec<TokenTree> = Vec::new();
        while !self.is_empty() && !self.is_punct(';') && !stop(self, !taken.is_empty()) {
            taken.extend(self.next());
        }
        let ended = self.is_punct(';');
        if ended {
            self.next();
        }
        (taken.into_iter().collect(), ended)
    }

    /// Skips what was not understood: to behind the next `;` or braces, or to the next item.
    pub(in crate::parse) fn skip_item(&mut self) {
        while !self.begins_item() {
            match self.next() {
                Some(TokenTree::Punct(p)) if p.as_char() == ';' => return,
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => return,
                Some(_) => {}
                None => return,
            }
        }
    }

    fn begins_item(&self) -> bool {
        self.is_punct('#')
            || self.peek_ident().is_some_and(|ident| BEGINNINGS.iter().any(|word| ident == word))
    }

    /// Whether an item begins here whatever stands before it: no expression and no name goes on like that.
    pub(in crate::parse) fn surely_begins_item(&self) -> bool {
        let Some(word) = self.peek_ident().map(ToString::to_string) else { return self.is_punct('#') };
        let next = self.rest.get(1);
        let named = next.is_some_and(is_name) && !is_word(next, ACTIONS);
        let counted = matches!(next, Some(TokenTree::Literal(_)));
        match word.as_str() {
            "on" => named || is_word(next, &["_"]),
            "state" | "parallel" | "region" | "final" | "history" | "initial" | "data" | "ignore" => named,
            "deep" => is_word(next, &["history"]),
            "unhandled" => is_word(next, &["reject", "ignore"]),
            "after" | "every" | "limit" | "lock" => counted,
            // Behind a type it belongs to `data`.
            "version" => counted && !self.taken[0].as_ref().is_some_and(can_end),
            "triggers" | "events" | "effects" | "migrate" | "prove" => {
                let block = matches!(next, Some(TokenTree::Group(g)) if g.delimiter() == Delimiter::Brace);
                let named = ["emit", "do", "raise", "state", "parallel", "region"];
                block && !is_word(self.taken[0].as_ref(), &named)
            }
            "entry" | "exit" => is_word(next, ACTIONS) && !self.is_behind_arrow(),
            "always" | "done" => {
                (is_arrow(next, self.rest.get(2)) || is_word(next, &["if"])) && self.is_behind_no_name()
            }
            _ => false,
        }
    }

    fn is_behind_arrow(&self) -> bool {
        is_arrow(self.taken[1].as_ref(), self.taken[0].as_ref())
    }

    /// Behind these stands no name with an arrow or a guard of its own.
    fn is_behind_no_name(&self) -> bool {
        let words = ["emit", "do", "raise", "entry", "exit", "initial", "ignore", "internal", "history"];
        self.is_behind_arrow() || is_word(self.taken[0].as_ref(), &words)
    }
}

fn is_word(token: Option<&TokenTree>, words: &[&str]) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if words.iter().any(|word| ident == word))
}

/// What stands behind the name of a trigger in an arm, and never in a list of names.
fn goes_on_in_an_arm(token: &TokenTree) -> bool {
    match token {
        TokenTree::Punct(p) => p.as_char() == '=' || p.as_char() == '|',
        TokenTree::Ident(ident) => ident == "if",
        TokenTree::Group(_) => true,
        TokenTree::Literal(_) => false,
    }
}
