//! `#[event(auto)]`: this version, made from the one before field by field.

use super::field::{Field, Shape, Value, Variant};
use super::parts::hash;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Path;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

/// ```text
/// impl TryUpcast<OrderPaidV1> for OrderPaid { … IntoNewer::into_newer(old, cx) }
/// impl FromVariant<0, OrderPaidV1, …> for OrderPaid { fn from_variant(parts, cx) -> … { Ok(Self { cents: …, at: cx.recorded_at() }) } }
/// ```
pub(super) fn emit_upcast(ident: &Ident, shape: &Shape, from: &Path) -> TokenStream {
    let kept = shape.variants.iter().filter(|variant| !variant.how.added);
    let variants = kept.map(|variant| emit_variant(ident, variant, from));
    let upcast = quote_spanned! {from.span()=>
        #[automatically_derived]
        impl ::statewright::__private::TryUpcast<#from> for #ident {
            type Error = ::statewright::__private::UpcastError;
            fn try_upcast(
                old: #from,
                cx: &::statewright::__private::UpcastContext,
            ) -> ::core::result::Result<Self, ::statewright::__private::UpcastError> {
                ::statewright::__private::IntoNewer::into_newer(old, cx)
            }
        }
    };
    quote!(#upcast #(#variants)*)
}

fn emit_variant(ident: &Ident, variant: &Variant, from: &Path) -> TokenStream {
    let renamed = variant.how.renamed_from.as_ref();
    let of = match (renamed, &variant.name) {
        (Some(name), _) => hash(&name.value()),
        (None, Some(name)) => hash(&name.unraw().to_string()),
        (None, None) => 0,
    };
    let span = variant.name.as_ref().map_or_else(|| from.span(), Ident::span);
    let path = variant.name.as_ref().map_or_else(|| quote!(Self), |name| quote!(Self::#name));
    let (parts, cx) = (Ident::new("parts", Span::mixed_site()), Ident::new("cx", Span::call_site()));
    let fields = variant.fields.iter().map(|field| {
        let (member, value) = (&field.member, emit_field(field, (from, of), &parts));
        quote!(#member: #value)
    });
    let from = respanned(from, span);
    let of_parts = quote_spanned!(span=> <#from as ::statewright::__private::VariantParts<#of>>::Parts);
    quote_spanned! {span=>
        #[automatically_derived]
        impl ::statewright::__private::FromVariant<#of, #from, #of_parts> for #ident {
            #[allow(unused_imports, unused_mut, unused_variables, clippy::pedantic)]
            fn from_variant(
                mut #parts: #of_parts,
                #cx: &::statewright::__private::UpcastContext,
            ) -> ::core::result::Result<Self, ::statewright::__private::UpcastError> {
                ::core::result::Result::Ok(#path { #(#fields),* })
            }
        }
    }
}

/// Every token carries the span of the field, so that what is missing is underlined there.
fn emit_field(field: &Field, old: (&Path, u64), parts: &Ident) -> TokenStream {
    let (ty, span, of) = (&field.ty, field.span, old.1);
    let from = respanned(old.0, span);
    match &field.how.default {
        Some(Value::Expr(value)) => return quote!(#value),
        Some(Value::OfType) => return quote_spanned!(span=> <#ty as ::core::default::Default>::default()),
        None => {}
    }
    let name = hash(&field.source());
    let old = quote_spanned!(span=> ::statewright::__private::take::<#from, #of, #name, _>(&mut #parts)?);
    if let Some(with) = &field.how.with {
        return quote_spanned!(with.span()=> ::statewright::__private::Lifted::<#ty>::lifted(#with(#old))?);
    }
    quote_spanned! {span=> {
        use ::statewright::__private::{CarryEach as _, CarryNohow as _, CarryWhole as _};
        let old = #old;
        let way = (&&&::statewright::__private::carry_to::<_, #ty>(&old)).way();
        ::statewright::__private::carry(&way, old)
    } }
}

/// The path of the version before, to be underlined elsewhere.
fn respanned(from: &Path, span: Span) -> TokenStream {
    let tokens = from.to_token_stream().into_iter().map(|mut token| {
        token.set_span(span.resolved_at(token.span()));
        token
    });
    tokens.collect()
}
