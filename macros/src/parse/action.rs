//! Actions: `emit Expr`, `do Effect`, `raise Trigger`.

use super::cursor::{Cursor, can_end};
use super::leaf::parse_leaf;
use super::text::source_text;
use crate::diagnostics::Diagnostics;
use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::Expr;
use syn::parse::Parse;

/// What is done on the way.
pub(crate) struct Action {
    pub(crate) kind: ActionKind,
    pub(crate) expr: Expr,
    pub(crate) text: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ActionKind {
    Emit,
    Do,
    Raise,
}

/// Parses `emit …`, `do …`, one after the other; `separated` by commas in `entry` and `exit`.
pub(super) fn parse_actions(
    diagnostics: &mut Diagnostics,
    tokens: TokenStream,
    separated: bool,
) -> Vec<Action> {
    let mut cursor = Cursor::new(tokens, proc_macro2::Span::call_site());
    let mut actions = Vec::new();
    while !cursor.is_empty() {
        let Some(keyword) = cursor.take_ident() else {
            diagnostics.error(
                cursor.rest(),
                "expected an action\nhelp: write `emit Event { … }`, `do Effect { … }` or `raise Trigger { … }`",
            );
            break;
        };
        let tokens = take_action(&mut cursor);
        actions.extend(parse_action(diagnostics, &keyword, tokens));
        if separated && cursor.is_punct(',') {
            cursor.next();
        } else if separated && !cursor.is_empty() {
            diagnostics.error(cursor.rest(), "expected `,` between actions");
        }
    }
    actions
}

fn parse_action(diagnostics: &mut Diagnostics, keyword: &Ident, tokens: TokenStream) -> Option<Action> {
    let kind = match keyword.to_string().as_str() {
        "emit" => ActionKind::Emit,
        "do" => ActionKind::Do,
        "raise" => ActionKind::Raise,
        _ => {
            diagnostics.error(keyword, format!("expected `emit`, `do`, `raise` or `;`, found `{keyword}`"));
            return None;
        }
    };
    if tokens.is_empty() {
        let what = match kind {
            ActionKind::Emit => "an event",
            ActionKind::Do => "an effect",
            ActionKind::Raise => "a trigger",
        };
        diagnostics.error(keyword, format!("`{keyword}` needs {what} behind it"));
        return None;
    }
    let text = source_text(tokens.clone());
    parse_leaf(diagnostics, tokens, Expr::parse).map(|expr| Action { kind, expr, text })
}

/// The tokens of one action: up to the next action's keyword, which stands where an expression has ended.
fn take_action(cursor: &mut Cursor) -> TokenStream {
    let mut taken: Vec<TokenTree> = Vec::new();
    while !cursor.is_empty() && !cursor.is_punct(',') {
        let keyword = ["emit", "do", "raise"].iter().any(|word| cursor.is_ident(word));
        if keyword && taken.last().is_none_or(can_end) {
            break;
        }
        taken.extend(cursor.next());
    }
    taken.into_iter().collect()
}
