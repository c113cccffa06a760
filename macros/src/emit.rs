//! Code from the model: one generated item per file, put together here. This is the only place that knows paths.
//!
//! Emitting is total: on a broken model the types are emitted all the same, with a machine that handles nothing, so
//! that rustc adds no errors of its own.

mod action;
mod definition;
mod dispatch;
mod docs;
mod echo;
mod effect;
mod event;
mod hooks;
mod lock;
mod machine;
mod regions;
mod state;
mod trigger;

pub(crate) use docs::write_on_request;
pub(crate) use echo::emit_echoes;

use crate::model::{Attrs, Model};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use statewright_definition::Definition;

/// Everything that a machine becomes:
///
/// ```text
/// pub struct Order;
/// pub enum OrderState { … }   pub enum OrderNode { … }
/// pub enum OrderTrigger { … } pub enum OrderEvent { … } pub enum OrderEffect { … }
/// pub trait OrderEffects { … }
/// const _: () = { impl Machine for Order { … } … };
/// ```
pub(crate) fn emit_machine(model: &Model, definition: &Definition<'_>, sound: bool) -> TokenStream {
    let emitter = &Emitter { model, definition, sound };
    let state = state::emit_states(emitter);
    let trigger = trigger::emit_triggers(emitter);
    let event = event::emit_events(emitter);
    let effect = effect::emit_effects(emitter);
    let machine = machine::emit_machine(emitter);
    quote!(#machine #state #trigger #event #effect)
}

/// A model, and whether it has passed every rule.
pub(crate) struct Emitter<'a> {
    model: &'a Model,
    definition: &'a Definition<'a>,
    sound: bool,
}

impl Emitter<'_> {
    /// `OrderState` for `State`: named like the machine, with its span.
    fn name(&self, suffix: &str) -> Ident {
        format_ident!("{}{suffix}", self.model.name)
    }
}

/// The one door into the runtime.
fn door() -> TokenStream {
    quote!(::statewright::__private)
}

/// A name of ours that no expression of the user's can see or hide.
fn own(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// What the user's expressions see.
fn scope() -> [Ident; 3] {
    ["data", "state", "cx"].map(|name| Ident::new(name, Span::call_site()))
}

/// The item's doc comment, or `otherwise`: generated items are documented too.
fn docs(attrs: &Attrs, otherwise: &str) -> TokenStream {
    let docs = attrs.passed.iter().filter(|attr| attr.path().is_ident("doc"));
    if attrs.doc.is_empty() {
        quote!(#[doc = #otherwise])
    } else {
        docs.map(ToTokens::to_token_stream).collect()
    }
}

/// Levels of lints: they hold for every type that is generated.
fn lints(model: &Model) -> TokenStream {
    let is_lint =
        |attr: &&syn::Attribute| ["allow", "warn", "deny", "expect"].iter().any(|w| attr.path().is_ident(w));
    model.attrs.passed.iter().filter(is_lint).map(ToTokens::to_token_stream).collect()
}

/// What is passed through besides the doc comment.
fn passed(attrs: &Attrs) -> TokenStream {
    let passed = attrs.passed.iter().filter(|attr| !attr.path().is_ident("doc"));
    passed.map(ToTokens::to_token_stream).collect()
}
