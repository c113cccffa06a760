//! The machine's type and its `impl Machine`.

use super::event::data;
use super::hooks::{emit_hook_methods, emit_hooks};
use super::regions::{emit_arm_methods, emit_pick_method, emit_picks};
use super::state::emit_initial;
use super::{Emitter, definition, dispatch, docs, door, lock, own, passed};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

/// ```text
/// pub struct Order;
/// const _: () = {
///     static DEFINITION: Definition = …;
///     fn __entry_Submitted<P: Pass<Order>>(step: &mut P) { … }  // one for each node that has any
///     fn __in_Draft<P: Pass<Order>>(trigger: OrderTrigger, step: &mut P) -> Decision { … }  // one for each state
///     impl Machine for Order { … }
/// };
/// ```
pub(super) fn emit_machine(emitter: &Emitter<'_>) -> TokenStream {
    let (model, sw, name) = (emitter.model, door(), &emitter.model.name);
    let (vis, passed) = (&model.vis, passed(&model.attrs));
    let docs = docs(&model.attrs, &format!("The machine `{name}`."));
    let (definition, functions, types) =
        (definition::emit_definition(emitter), emit_functions(emitter), emit_types(emitter));
    let (methods, lock, lockable) =
        (emit_methods(emitter), lock::emit_lock(emitter), lock::emit_lockable(emitter));
    let page = super::docs::emit_docs(emitter);
    quote! {
        #docs
        #page
        #passed
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
        #vis struct #name;

        const _: () = {
            #definition
            #functions
            #lock

            // What these ask for is done at expansion: cargo expands again when they change.
            const _: [::core::option::Option<&str>; 2] =
                [::core::option_env!("STATEWRIGHT_DIAGRAM"), ::core::option_env!("STATEWRIGHT_EXPAND")];


            #[automatically_derived]
            impl #sw::Machine for #name {
                #types
                #lockable
                #methods
            }
        };
    }
}

/// What stands beside the `impl`: on a broken model nothing.
fn emit_functions(emitter: &Emitter<'_>) -> TokenStream {
    if !emitter.sound {
        return TokenStream::new();
    }
    let hooks = emit_hooks(emitter);
    let arms =
        if emitter.definition.is_flat() { dispatch::emit_states(emitter) } else { emit_picks(emitter) };
    quote!(#hooks #arms)
}

fn emit_methods(emitter: &Emitter<'_>) -> TokenStream {
    let (sw, trigger, step) = (door(), own("trigger"), own("step"));
    if !emitter.sound || emitter.definition.is_flat() {
        let decide = dispatch::emit_decide(emitter);
        let more = emitter.sound.then(|| {
            let (hooks, arms) = (emit_hook_methods(emitter), emit_arm_methods(emitter));
            quote!(#hooks #arms)
        });
        return quote!(#decide #more);
    }
    let (pick, hooks, arms) =
        (emit_pick_method(emitter), emit_hook_methods(emitter), emit_arm_methods(emitter));
    quote! {
        fn decide<__P: #sw::Pass<Self>>(#trigger: Self::Trigger, #step: &mut __P) -> #sw::Decision {
            #sw::decide::<Self, __P>(#trigger, #step)
        }
        #pick #hooks #arms
    }
}

fn emit_types(emitter: &Emitter<'_>) -> TokenStream {
    let (model, sw, data) = (emitter.model, door(), data(emitter));
    let (state, trigger) = (emitter.name("State"), emitter.name("Trigger"));
    let initial = emit_initial(emitter);
    let runs_on = emitter.sound && model.runs_on();
    let keep = runs_on.then(|| emit_keep(emitter));
    let event =
        if model.has_events() { emitter.name("Event").to_token_stream() } else { quote!(#sw::NoEvents) };
    let effect = if model.effects.is_empty() {
        quote!(#sw::NoEffects)
    } else {
        let name = emitter.name("Effect");
        quote!(#name)
    };
    quote! {
        const DEFINITION: &'static #sw::Definition = &__DEFINITION;
        const INITIAL: #state = #initial;
        const RUNS_ON: bool = #runs_on;
        type State = #state;
        type Trigger = #trigger;
        type Event = #event;
        type Effect = #effect;
        type Data = #data;
        #keep
    }
}

/// A step that can fail half-way needs the data as it was: here it has to be `Clone`, and rustc says so at its type.
fn emit_keep(emitter: &Emitter<'_>) -> TokenStream {
    let (data, kept) = (data(emitter), own("data"));
    let span = emitter.model.data.as_ref().map_or_else(proc_macro2::Span::call_site, Spanned::span);
    let clone = quote_spanned!(span=> <#data as ::core::clone::Clone>::clone);
    quote! {
        fn keep(#kept: &Self::Data) -> ::core::option::Option<Self::Data> {
            ::core::option::Option::Some(#clone(#kept))
        }
    }
}
