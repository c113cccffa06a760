//! `OrderEffect`, what can be done outside, and the trait of its handlers.

use super::trigger::{cases, emit_variants};
use super::{Emitter, docs, door};
use crate::model::Named;
use crate::names::snake_case;
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::visit::{self, Visit};
use syn::{Fields, Member, PathSegment, Type};

/// ```text
/// #[serde(tag = "name", content = "payload")]
/// pub enum OrderEffect { Charge { cents: u64 }, … }
/// pub trait OrderEffects { fn charge(&self, cx: &EffectCx, cents: u64) -> impl Future<…> + Send; … }
/// impl<H: OrderEffects> HandledBy<H> for Order { … }
/// ```
pub(super) fn emit_effects(emitter: &Emitter<'_>) -> TokenStream {
    let (model, sw, name) = (emitter.model, door(), emitter.name("Effect"));
    if model.effects.is_empty() {
        return TokenStream::new();
    }
    let (vis, attrs) = (&model.vis, &model.effect_attrs);
    let doc = format!("What [`{}`] wants done outside, after the commit.", model.name);
    let named = || model.effects.iter().map(|effect| &effect.named);
    let variants = emit_variants(named(), "Effect");
    let names = cases(&name, named(), |_, variant| {
        let text = variant.unraw().to_string();
        quote!(#text)
    });
    let handlers = emit_handlers(emitter, &name);
    let personal = emit_personal(emitter);
    let lints = super::lints(model);
    quote! {
        #[doc = #doc]
        #lints
        #[derive(::core::clone::Clone, ::core::fmt::Debug, #sw::serde::Serialize, #sw::serde::Deserialize)]
        #[serde(crate = "::statewright::__private::serde", tag = "name", content = "payload")]
        #(#attrs)*
        #vis enum #name { #(#variants),* }

        #[automatically_derived]
        impl #sw::MachineEffect for #name {
            #personal
            fn name(&self) -> &'static str {
                match *self { #names }
            }
        }

        #handlers
    }
}

/// The first effect with a field that holds personal data, if there is one.
fn emit_personal(emitter: &Emitter<'_>) -> Option<TokenStream> {
    let effects = emitter.model.effects.iter().map(|effect| &effect.named);
    let mut all = effects.flat_map(|named| fields(named).map(move |field| (named, field)));
    let (named, (_, field, _)) = all.find(|(_, (_, _, ty))| holds_personal(ty))?;
    let (effect, field) = (named.variant.ident.unraw().to_string(), field.unraw().to_string());
    Some(quote! {
        const PERSONAL: ::core::option::Option<(&'static str, &'static str)> = ::core::option::Option::Some((#effect, #field));
    })
}

/// Whether a type is `Personal`, or is written with it: `Option<Personal<String>>`.
fn holds_personal(ty: &Type) -> bool {
    struct Search(bool);
    impl<'ast> Visit<'ast> for Search {
        fn visit_path_segment(&mut self, segment: &'ast PathSegment) {
            self.0 |= segment.ident == "Personal";
            visit::visit_path_segment(self, segment);
        }
    }
    let mut search = Search(false);
    search.visit_type(ty);
    search.0
}

fn emit_handlers(emitter: &Emitter<'_>, effect: &Ident) -> TokenStream {
    let (model, sw, machine) = (emitter.model, door(), &emitter.model.name);
    let (vis, handlers) = (&model.vis, emitter.name("Effects"));
    let doc = format!(
        "Does the effects of [`{machine}`]. Every effect is handed over at least once, with the same key each time."
    );
    let named = || model.effects.iter().map(|effect| &effect.named);
    let methods = named().map(|named| {
        let (method, docs) = (method(named), docs(&named.attrs, &format!("Does `{}`.", named.variant.ident)));
        let arguments = fields(named).map(|(_, argument, ty)| quote!(#argument: #ty));
        quote! {
            #docs
            fn #method(&self, cx: &#sw::EffectCx, #(#arguments),*) -> impl ::core::future::Future<Output = #sw::EffectAnswer<#machine>> + ::core::marker::Send;
        }
    });
    let calls = named().map(|named| {
        let (variant, method) = (&named.variant.ident, method(named));
        let arguments = fields(named).map(|(_, argument, _)| argument);
        let bindings = fields(named).map(|(member, argument, _)| match member {
            Member::Named(name) => quote!(#name),
            Member::Unnamed(place) => quote!(#place: #argument),
        });
        quote!(#effect::#variant { #(#bindings),* } => ::std::boxed::Box::pin(handler.#method(cx, #(#arguments),*)),)
    });
    quote! {
        #[doc = #doc]
        #vis trait #handlers: ::core::marker::Send + ::core::marker::Sync + 'static { #(#methods)* }

        #[automatically_derived]
        impl<H: #handlers> #sw::HandledBy<H> for #machine {
            fn handle<'a>(handler: &'a H, cx: &'a #sw::EffectCx, effect: #effect) -> #sw::BoxFuture<'a, #sw::EffectAnswer<Self>> {
                match effect { #(#calls)* }
            }
        }
    }
}

/// `Charge` is done by `charge`.
fn method(named: &Named) -> Ident {
    let name = snake_case(&named.variant.ident.unraw().to_string());
    let ident = syn::parse_str::<Ident>(&name);
    ident.unwrap_or_else(|_| format_ident!("r#{name}"))
}

/// Field, argument and type of each part of the payload.
fn fields(named: &Named) -> impl Iterator<Item = (Member, Ident, &Type)> {
    let fields = match &named.variant.fields {
        Fields::Named(fields) => fields.named.iter().collect(),
        Fields::Unnamed(fields) => fields.unnamed.iter().collect(),
        Fields::Unit => Vec::new(),
    };
    fields.into_iter().enumerate().map(|(place, field)| match &field.ident {
        Some(name) => (Member::Named(name.clone()), name.clone(), &field.ty),
        None => (Member::from(place), format_ident!("value{place}"), &field.ty),
    })
}
