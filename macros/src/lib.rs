//! The compiler of statewright. Use it through the crate `statewright`, which re-exports its macros.
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
mod schema;

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
/// The chain of versions is proven at compile time: no gap, no fork, one name. It implies
/// [`EventData`](derive@EventData): do not derive that too.
#[proc_macro_derive(EventVersion, attributes(event))]
pub fn event_version(input: TokenStream) -> TokenStream {
    event::derive(input.into()).into()
}

/// Says what `serde` writes of a type: derive it for the types of an event's fields, beside `Serialize` and
/// `Deserialize`.
///
/// ```text
/// #[derive(EventData, Serialize, Deserialize)]
/// struct Line {
///     sku: String,
///     #[event(opaque)]
///     price: money::Price, // not looked into
/// }
/// ```
#[proc_macro_derive(EventData, attributes(event))]
pub fn event_data(input: TokenStream) -> TokenStream {
    schema::derive(input.into()).into()
}
