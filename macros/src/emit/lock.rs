//! What the lock is held against: the released schemas, and those of today. rustc alone knows them, so the comparison
//! is a constant that does not evaluate when it fails.

use super::{Emitter, door};
use crate::model::{Lock, Locked};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use std::collections::BTreeSet;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

/// ```text
/// const __LISTED: &[Listed] = &[Listed { name: OrderPaid::NAME, oldest: OrderPaid::OLDEST, chain: &OrderPaid::CHAIN }];
/// const __DONE: &[(&str, &str)] = &[("Charge", "{cents: u64}")];
/// const _: &str = include_str!("order.lock");                  // cargo builds again when it changes
/// const __RELEASED: &[Released] = &[Released { name: "order.paid", version: 1, schema: "{cents: u64}" }];
/// const _: () = { const FOUND: Message = check_event(&__LISTED[0], __RELEASED); … };
/// ```
pub(super) fn emit_lock(emitter: &Emitter<'_>) -> TokenStream {
    let Some(locked) = emitter.model.lock.as_ref().filter(|_| emitter.sound) else {
        return TokenStream::new();
    };
    let (sw, listed, done) = (door(), emit_listed(emitter), emit_done(emitter, locked));
    let proofs = locked.released.as_ref().map(|lock| emit_proofs(emitter, locked, lock));
    quote! {
        const __LISTED: &[#sw::Listed] = &[#listed];
        const __DONE: &[(&str, &str)] = &[#done];
        #proofs
    }
}

/// What the test of the lock asks for.
pub(super) fn emit_lockable(emitter: &Emitter<'_>) -> Option<TokenStream> {
    let locked = emitter.model.lock.as_ref().filter(|_| emitter.sound)?;
    let (sw, file) = (door(), &locked.file);
    Some(quote! {
        const LOCK: ::core::option::Option<&'static #sw::Lockable> =
            ::core::option::Option::Some(&#sw::Lockable { file: #file, events: __LISTED, effects: __DONE });
    })
}

fn emit_listed(emitter: &Emitter<'_>) -> TokenStream {
    let sw = door();
    let listed = emitter.model.events.iter().map(|event| {
        let ty = &event.ty;
        quote! {
            #sw::Listed {
                name: <#ty as #sw::EventVersion>::NAME,
                oldest: <#ty as #sw::EventVersion>::OLDEST,
                chain: &<#ty as #sw::EventVersion>::CHAIN,
            },
        }
    });
    listed.collect()
}

fn emit_done(emitter: &Emitter<'_>, locked: &Locked) -> TokenStream {
    let sw = door();
    let done = emitter.definition.effects.iter().zip(&locked.effects).map(|(effect, schema)| {
        let name = effect.name;
        quote! {
            (#name, {
                const SCHEMA: #sw::Schema = #schema;
                const BYTES: [u8; #sw::text_len(&SCHEMA)] = #sw::write_text(&SCHEMA);
                #sw::as_text(&BYTES)
            }),
        }
    });
    done.collect()
}

/// Every proof carries the span of what is to be underlined: the listed type, the effect, the name of the file.
fn emit_proofs(emitter: &Emitter<'_>, locked: &Locked, lock: &Lock) -> TokenStream {
    let (sw, file) = (door(), &locked.file);
    let released = lock.events.iter().map(|((name, version), schema)| {
        quote!(#sw::Released { name: #name, version: #version, schema: #schema },)
    });
    let events = emitter.model.events.iter().enumerate().map(|(place, event)| {
        emit_proof(
            event.ty.span(),
            &quote!(::statewright::__private::check_event(&__LISTED[#place], __RELEASED)),
        )
    });
    let retired = emitter.definition.retired.iter().map(|retired| retired.name);
    let retired = quote!(&[#(#retired),*]);
    let names: BTreeSet<_> = lock.events.keys().map(|(name, _)| name).collect();
    let gone = names.into_iter().map(|name| {
        emit_proof(file.span(), &quote!(::statewright::__private::check_gone(#name, __LISTED, #retired)))
    });
    let effects = emitter.model.effects.iter().enumerate().filter_map(|(place, effect)| {
        let name = effect.named.variant.ident.unraw().to_string();
        let schema = lock.effects.get(&name)?;
        let released = quote!(#sw::Released { name: #name, version: 0, schema: #schema });
        let check = quote!(::statewright::__private::check_effect(#name, __DONE[#place].1, &#released));
        Some(emit_proof(effect.named.variant.ident.span(), &check))
    });
    quote! {
        const _: &str = ::core::include_str!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", #file));
        const __RELEASED: &[#sw::Released] = &[#(#released)*];
        #(#events)*
        #(#gone)*
        #(#effects)*
    }
}

fn emit_proof(span: proc_macro2::Span, check: &TokenStream) -> TokenStream {
    quote_spanned! {span=>
        const _: () = {
            const FOUND: ::statewright::__private::Message = #check;
            if !FOUND.is_empty() {
                ::core::panic!("{}", FOUND.as_str());
            }
        };
    }
}
