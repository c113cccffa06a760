//! `OrderTrigger`: what can be asked.

use super::{Emitter, docs, door, passed};
use crate::model::Named;
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ext::IdentExt;

/// ```text
/// pub enum OrderTrigger { Submit { lines: Vec<Line> }, … }
/// impl MachineTrigger for OrderTrigger { … }
/// ```
pub(super) fn emit_triggers(emitter: &Emitter<'_>) -> TokenStream {
    let (model, sw, name) = (emitter.model, door(), emitter.name("Trigger"));
    let (vis, attrs) = (&model.vis, &model.trigger_attrs);
    let doc = format!("What can be asked of [`{}`].", model.name);
    let variants = emit_variants(&model.triggers, "Trigger");
    let ids = cases(&name, &model.triggers, |place, _| {
        let place = u16::try_from(place).unwrap_or(u16::MAX);
        quote!(#place)
    });
    let names = cases(&name, &model.triggers, |_, variant| {
        let text = variant.unraw().to_string();
        quote!(#text)
    });
    quote! {
        #[doc = #doc]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #(#attrs)*
        #vis enum #name { #(#variants),* }

        #[automatically_derived]
        impl #sw::MachineTrigger for #name {
            fn id(&self) -> #sw::TriggerId {
                #sw::TriggerId(match *self { #ids })
            }
            fn name(&self) -> &'static str {
                match *self { #names }
            }
        }
    }
}

/// The variants with docs and what is passed through; fields of public enums are documented too.
pub(super) fn emit_variants<'a>(
    variants: &'a [Named],
    what: &'a str,
) -> impl Iterator<Item = TokenStream> + 'a {
    variants.iter().map(move |named| {
        let name = named.variant.ident.unraw();
        let docs = docs(&named.attrs, &format!("{what} `{name}`."));
        let passed = passed(&named.attrs);
        let mut variant = named.variant.clone();
        for field in variant
            .fields
            .iter_mut()
            .filter(|field| !field.attrs.iter().any(|attr| attr.path().is_ident("doc")))
        {
            let doc = field.ident.as_ref().map_or_else(
                || "The payload.".to_owned(),
                |field| format!("`{}` of `{name}`.", field.unraw()),
            );
            field.attrs.push(syn::parse_quote!(#[doc = #doc]));
        }
        quote!(#docs #passed #variant)
    })
}

/// A `match` body with one case for each variant, whatever its payload.
pub(super) fn cases(
    name: &Ident,
    variants: &[Named],
    value: impl Fn(usize, &Ident) -> TokenStream,
) -> TokenStream {
    variants
        .iter()
        .enumerate()
        .map(|(place, named)| {
            let variant = &named.variant.ident;
            let value = value(place, variant);
            quote!(#name::#variant { .. } => #value,)
        })
        .collect()
}
