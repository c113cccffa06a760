//! `OrderEvent`: what can happen, one variant for each listed type.

use super::{Emitter, docs, door};
use crate::parse::Retired;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

/// ```text
/// pub enum OrderEvent { OrderPaid(OrderPaid), … }
/// impl From<OrderPaid> for OrderEvent
/// const _: () = { impl MachineEvent<Basket> for OrderEvent … impl Emits<OrderPaid> for Order … proofs };
/// ```
pub(super) fn emit_events(emitter: &Emitter<'_>) -> TokenStream {
    let (model, name, vis) = (emitter.model, emitter.name("Event"), &emitter.model.vis);
    if !model.has_events() {
        return TokenStream::new();
    }
    let doc = format!("What can happen to [`{}`].", model.name);
    let variants = model.events.iter().map(|event| {
        let (ident, ty) = (&event.ident, &event.ty);
        let docs = docs(&event.attrs, &format!("Event `{ident}`."));
        quote!(#docs #ident(#ty))
    });
    let machine_event = emit_machine_event(emitter);
    let each = model.events.iter().enumerate().map(|(place, _)| emit_each(emitter, place));
    let lints = super::lints(model);
    quote! {
        #[doc = #doc]
        #lints
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #vis enum #name { #(#variants),* }

        const _: () = { #machine_event #(#each)* };
    }
}

fn emit_machine_event(emitter: &Emitter<'_>) -> TokenStream {
    let (model, sw, name) = (emitter.model, door(), emitter.name("Event"));
    let data = data(emitter);
    let (idents, types): (Vec<_>, Vec<_>) =
        model.events.iter().map(|event| (&event.ident, &event.ty)).unzip();
    // Every token carries the span of the listed type, so that a missing `Apply` is reported there.
    let applies = model.events.iter().map(|event| {
        let (ident, ty) = (&event.ident, &event.ty);
        let span = ty.span();
        let data = super::own("data");
        quote_spanned!(span=> #name::#ident(ref event) => ::statewright::__private::apply::<#ty, _>(event, #data))
    });
    let owned_data = super::own("data");
    let retired: TokenStream = model.retired.iter().map(emit_retired).collect();
    quote! {
        #[automatically_derived]
        impl #sw::MachineEvent<#data> for #name {
            const PERSONAL: ::core::option::Option<(&'static str, &'static str)> = #sw::first_personal(&[
                #((<#types as #sw::EventVersion>::NAME, <#types as #sw::EventVersion>::PERSONAL)),*
            ]);
            fn name(&self) -> &'static str {
                match *self { #(#name::#idents(_) => <#types as #sw::EventVersion>::NAME),* }
            }
            fn version(&self) -> u32 {
                match *self { #(#name::#idents(_) => <#types as #sw::EventVersion>::VERSION),* }
            }
            fn payload(&self) -> ::core::result::Result<::std::boxed::Box<#sw::serde_json::value::RawValue>, #sw::serde_json::Error> {
                match *self { #(#name::#idents(ref event) => #sw::serde_json::value::to_raw_value(event)),* }
            }
            fn apply(&self, #owned_data: &mut #data) {
                match *self { #(#applies),* }
            }
            fn decode(
                stored: &#sw::Stored<'_>,
                cx: &#sw::UpcastContext,
                into: &mut ::std::vec::Vec<Self>,
            ) -> ::core::result::Result<(), #sw::DecodeError> {
                #(if stored.name == <#types as #sw::EventVersion>::NAME {
                    into.push(#name::#idents(<#types as #sw::EventVersion>::decode(stored, cx)?));
                    return ::core::result::Result::Ok(());
                })*
                #retired
                ::core::result::Result::Err(#sw::DecodeError::unknown_event(stored, cx))
            }
        }
    }
}

/// ```text
/// if stored.name == "order.bulk" { into.extend(split(stored, cx, path)?); return Ok(()); }
/// ```
fn emit_retired(retired: &Retired) -> TokenStream {
    let name = &retired.name;
    let made = retired.split.as_ref().map(
        |path| quote_spanned!(path.span()=> into.extend(::statewright::__private::split::<Self, _>(stored, cx, #path)?);),
    );
    quote! {
        if stored.name == #name {
            #made
            return ::core::result::Result::Ok(());
        }
    }
}

/// Conversions of one event, and the proofs that it is the newest version and that no other has its name.
fn emit_each(emitter: &Emitter<'_>, place: usize) -> TokenStream {
    let (model, sw, name, machine) = (emitter.model, door(), emitter.name("Event"), &emitter.model.name);
    let Some(event) = model.events.get(place) else { return TokenStream::new() };
    let (ident, ty) = (&event.ident, &event.ty);
    // Every token of a proof carries the span of the listed type, so that the compiler underlines it.
    let newest = quote_spanned! {ty.span()=>
        #[allow(unused_imports, clippy::items_after_statements)]
        const _: fn() = || {
            use ::statewright::__private::{ProbeNewest as _, ProbeSuperseded as _};
            let standing = (&::statewright::__private::Probe::<#ty>::new()).standing();
            ::statewright::__private::newest::<#ty, _>(&standing);
        };
    };
    let living = model.retired.iter().map(|retired| {
        let (name, span) = (&retired.name, retired.name.span());
        quote_spanned! {span=>
            const _: () = ::statewright::__private::assert_retired(<#ty as ::statewright::__private::EventVersion>::NAME, #name);
        }
    });
    let distinct = model.events.iter().take(place).map(|other| {
        let other = &other.ty;
        quote_spanned! {ty.span()=>
            const _: () = ::statewright::__private::assert_distinct(
                <#other as ::statewright::__private::EventVersion>::NAME,
                <#ty as ::statewright::__private::EventVersion>::NAME,
            );
        }
    });
    quote! {
        #[automatically_derived]
        impl ::core::convert::From<#ty> for #name {
            fn from(event: #ty) -> Self {
                #name::#ident(#sw::marked(event))
            }
        }

        #[automatically_derived]
        impl #sw::Emits<#ty> for #machine {
            fn event(event: #ty) -> #name {
                #name::#ident(#sw::marked(event))
            }
        }

        #newest
        #(#distinct)*
        #(#living)*
    }
}

pub(super) fn data(emitter: &Emitter<'_>) -> TokenStream {
    emitter.model.data.as_ref().map_or_else(|| quote!(()), |ty| quote!(#ty))
}
