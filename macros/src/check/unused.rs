//! `unused_trigger`, `unused_event`, `unused_effect`: declared, and nothing in the machine mentions it.

use super::level;
use crate::diagnostics::{Diagnostics, UNUSED_EFFECT, UNUSED_EVENT, UNUSED_TRIGGER};
use crate::model::{Model, TriggerId};
use crate::parse::{Action, ActionKind};
use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;

pub(crate) fn check(diagnostics: &mut Diagnostics, model: &Model) {
    for (id, trigger) in (0..).map(TriggerId).zip(&model.triggers) {
        let name = &trigger.named.variant.ident;
        let used = model.arms.iter().any(|arm| arm.triggers().contains(&id));
        if !used {
            let finding = (
                format!("no arm answers `{name}`"),
                format!("write `on {name} …` in a state, or leave it out"),
            );
            let level = level(model, UNUSED_TRIGGER, &trigger.named.attrs, None);
            diagnostics.judge((UNUSED_TRIGGER, level), name, finding);
        }
    }
    check_events(diagnostics, model);
    for effect in &model.effects {
        let name = &effect.named.variant.ident;
        let used = actions(model, ActionKind::Do).any(|action| mentions(action.expr.to_token_stream(), name));
        if !used {
            let finding =
                (format!("nothing does `{name}`"), format!("write `do {name} …` in an arm, or leave it out"));
            let level = level(model, UNUSED_EFFECT, &effect.named.attrs, None);
            diagnostics.judge((UNUSED_EFFECT, level), name, finding);
        }
    }
}

/// An `emit` may call a function that makes the event. Which one cannot be seen, so then nothing is said.
fn check_events(diagnostics: &mut Diagnostics, model: &Model) {
    let names_one = |action: &Action| {
        model.events.iter().any(|event| mentions(action.expr.to_token_stream(), &event.ident))
    };
    if !actions(model, ActionKind::Emit).all(names_one) {
        return;
    }
    for event in &model.events {
        let name = &event.ident;
        let used =
            actions(model, ActionKind::Emit).any(|action| mentions(action.expr.to_token_stream(), name));
        if !used {
            let finding = (
                format!("nothing emits `{name}`"),
                format!("write `emit {name} …` in an arm, or leave it out"),
            );
            let level = level(model, UNUSED_EVENT, &event.attrs, None);
            diagnostics.judge((UNUSED_EVENT, level), &event.ty, finding);
        }
    }
}

fn actions(model: &Model, kind: ActionKind) -> impl Iterator<Item = &Action> {
    let of_nodes = model.nodes.iter().flat_map(|node| node.entry.iter().chain(&node.exit));
    model.arms.iter().flat_map(|arm| &arm.actions).chain(of_nodes).filter(move |action| action.kind == kind)
}

fn mentions(tokens: TokenStream, name: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
