//! The machine's type and its `impl Machine`.

use super::dispatch::{emit_begin, emit_dispatch};
use super::event::data;
use super::state::leaves;
use super::{Emitter, definition, docs, door, own, passed};
use proc_macro2::TokenStream;
use quote::quote;

/// ```text
/// pub struct Order;
/// const _: () = {
///     static DEFINITION: Definition = …;
///     fn __in_Draft<P: Pass<Order>>(trigger: OrderTrigger, step: &mut P) -> Decision { … }  // one for each state
///     impl Machine for Order { … }
/// };
/// ```
pub(super) fn emit_machine(emitter: &Emitter<'_>) -> TokenStream {
    let (model, sw, name) = (emitter.model, door(), &emitter.model.name);
    let (vis, passed) = (&model.vis, passed(&model.attrs));
    let docs = docs(&model.attrs, &format!("The machine `{name}`."));
    let (definition, dispatch, types) =
        (definition::emit_definition(emitter), emit_dispatch(emitter), emit_types(emitter));
    let begin = emit_begin(emitter);
    let (trigger, step) = (own("trigger"), own("step"));
    quote! {
        #docs
        #passed
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
        #vis struct #name;

        const _: () = {
            #definition
            #dispatch

            #[automatically_derived]
            impl #sw::Machine for #name {
                #types
                fn begin(#step: &mut #sw::Stepper<'_, Self>) {
                    #begin
                }
                fn decide(#trigger: Self::Trigger, #step: &mut #sw::Stepper<'_, Self>) -> #sw::Decision {
                    __select(#trigger, #step)
                }
                fn ask(#trigger: Self::Trigger, #step: &mut #sw::Look<'_, Self>) -> #sw::Decision {
                    __select(#trigger, #step)
                }
            }
        };
    }
}

fn emit_types(emitter: &Emitter<'_>) -> TokenStream {
    let (model, sw, data) = (emitter.model, door(), data(emitter));
    let (state, trigger) = (emitter.name("State"), emitter.name("Trigger"));
    let initial = model.beginning().last().map(|id| model.node(*id).name.clone());
    let initial = initial.or_else(|| leaves(emitter).first().map(|(name, _)| name.clone()));
    let event = if model.events.is_empty() {
        quote!(#sw::NoEvents)
    } else {
        let name = emitter.name("Event");
        quote!(#name)
    };
    let effect = if model.effects.is_empty() {
        quote!(#sw::NoEffects)
    } else {
        let name = emitter.name("Effect");
        quote!(#name)
    };
    quote! {
        const DEFINITION: &'static #sw::Definition = &__DEFINITION;
        const INITIAL: #state = #state::#initial;
        type State = #state;
        type Trigger = #trigger;
        type Event = #event;
        type Effect = #effect;
        type Data = #data;
    }
}
