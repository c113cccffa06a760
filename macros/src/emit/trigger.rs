//! `OrderTrigger`: what can be asked.

use super::{Emitter, docs, door, own, passed};
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
    let named = || model.triggers.iter().map(|trigger| &trigger.named);
    let variants = emit_variants(named(), "Trigger");
    let bare = emit_bare(emitter);
    let ids = cases(&name, named(), |place, _| {
        let place = u16::try_from(place).unwrap_or(u16::MAX);
        quote!(#place)
    });
    let names = cases(&name, named(), |_, variant| {
        let text = variant.unraw().to_string();
        quote!(#text)
    });
    let lints = super::lints(model);
    quote! {
        #[doc = #doc]
        #lints
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
            #bare
        }
    }
}

/// `fn bare(id: TriggerId) -> Option<Self> { Some(match id.0 { 3 => OrderTrigger::Deliver, _ => return None }) }`
fn emit_bare(emitter: &Emitter<'_>) -> Option<TokenStream> {
    let (sw, name, id) = (door(), emitter.name("Trigger"), own("id"));
    let triggers = (0_u16..).zip(&emitter.model.triggers);
    let bare = triggers.filter(|(_, trigger)| matches!(trigger.named.variant.fields, syn::Fields::Unit));
    let cases: TokenStream = bare
        .map(|(place, trigger)| {
            let variant = &trigger.named.variant.ident;
            quote!(#place => ::core::option::Option::Some(#name::#variant),)
        })
        .collect();
    (!cases.is_empty()).then(|| {
        quote! {
            fn bare(#id: #sw::TriggerId) -> ::core::option::Option<Self> {
                match #id.0 { #cases _ => ::core::option::Option::None }
            }
        }
    })
}

/// The variants with docs and what is passed through; fields of public enums are documented too.
pub(super) fn emit_variants<'a>(
    variants: impl Iterator<Item = &'a Named> + 'a,
    what: &'a str,
) -> impl Iterator<Item = TokenStream> + 'a {
    variants.map(move |named| {
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
pub(super) fn cases<'a>(
    name: &Ident,
    variants: impl Iterator<Item = &'a Named>,
    value: impl Fn(usize, &Ident) -> TokenStream,
) -> TokenStream {
    variants
        .enumerate()
        .map(|(place, named)| {
            let variant = &named.variant.ident;
            let value = value(place, variant);
            quote!(#name::#variant { .. } => #value,)
        })
        .collect()
}
