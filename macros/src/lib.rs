//! The compiler of statewright. Use it through the crate `statewright`, which re-exports both macros.
//!
//! The language is described in the book (`docs/language.md`), every rule in `docs/rules.md`.

// Emitters are written as the code they emit: `step` beside `steps` and `node` beside `mode` are its words.
#![allow(clippy::similar_names)]

mod asker;
mod check;
mod diagnostics;
mod emit;
mod event;
mod expand;
mod model;
mod names;
mod parse;

use proc_macro::TokenStream;

/// Declares a machine: its graph is checked, its types and its step function are generated.
///
/// ```text
/// state_machine! {
///     pub machine Turnstile {
///         triggers { Coin, Push }
///         initial Locked;
///         state Locked { on Coin => Open; }
///         state Open { on Push => Locked; }
///     }
/// }
/// ```
///
/// `STATEWRIGHT_EXPAND=Turnstile cargo check` prints what is generated.
#[proc_macro]
pub fn state_machine(input: TokenStream) -> TokenStream {
    expand::state_machine(input.into()).into()
}

/// Makes a type one version of an event: `#[event(name = "order.paid", version = 2, from = OrderPaidV1)]`.
///
/// The chain of versions is proven at compile time: no gap, no fork, one name.
#[proc_macro_derive(EventVersion, attributes(event))]
pub fn event_version(input: TokenStream) -> TokenStream {
    event::derive(input.into()).into()
}
