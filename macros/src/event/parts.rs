//! What a version gives away to the next one: its fields, by the hash of their names.

use super::field::{Shape, Variant};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;

/// ```text
/// pub struct __Parts { lines: Option<Vec<Line>>, … }
/// impl VariantParts<0> for OrderSubmitted { type Parts = __Parts; }
/// impl Part<0, 0x51…, Vec<Line>> for OrderSubmitted { fn take(parts: &mut __Parts) -> Option<Vec<Line>> { parts.lines.take() } }
/// impl<New: FromVariant<0, OrderSubmitted, __Parts>> IntoNewer<New> for OrderSubmitted { … }
/// ```
pub(super) fn emit_parts(ident: &Ident, shape: &Shape) -> TokenStream {
    let sw = quote!(::statewright::__private);
    let variants = shape.variants.iter().map(|variant| emit_variant(ident, variant));
    let bounds = shape.variants.iter().map(|variant| {
        let (hash, parts) = (variant.hash(), variant.parts());
        quote!(#sw::FromVariant<#hash, #ident, #parts>)
    });
    let cases = shape.variants.iter().map(|variant| emit_case(ident, variant));
    let body =
        if shape.variants.is_empty() { quote!(match self {}) } else { quote!(match self { #(#cases)* }) };
    quote! {
        #(#variants)*

        #[automatically_derived]
        impl<__New: #(#bounds)+*> #sw::IntoNewer<__New> for #ident {
            fn into_newer(self, cx: &#sw::UpcastContext) -> ::core::result::Result<__New, #sw::UpcastError> {
                let _ = cx;
                #body
            }
        }
    }
}

fn emit_variant(ident: &Ident, variant: &Variant) -> TokenStream {
    let (sw, parts, of) = (quote!(::statewright::__private), variant.parts(), variant.hash());
    let fields = variant.fields.iter().map(|field| {
        let (name, ty) = (format_ident!("_{}", field.name()), &field.ty);
        quote!(#name: ::core::option::Option<#ty>)
    });
    let takes = variant.fields.iter().map(|field| {
        let (name, ty, hash) = (format_ident!("_{}", field.name()), &field.ty, hash(&field.name()));
        quote! {
            #[automatically_derived]
            impl #sw::Part<#of, #hash, #ty> for #ident {
                fn take(parts: &mut Self::Parts) -> ::core::option::Option<#ty> {
                    parts.#name.take()
                }
            }
        }
    });
    quote! {
        #[doc(hidden)]
        #[allow(non_camel_case_types, missing_docs, missing_debug_implementations, unreachable_pub)]
        pub struct #parts { #(#fields),* }

        #[automatically_derived]
        impl #sw::VariantParts<#of> for #ident {
            type Parts = #parts;
        }

        #(#takes)*
    }
}

/// `Self::Open { by: __by } => FromVariant::from_variant(__Open { _by: Some(__by) }, cx),`
fn emit_case(ident: &Ident, variant: &Variant) -> TokenStream {
    let (sw, parts, of) = (quote!(::statewright::__private), variant.parts(), variant.hash());
    let path = variant.name.as_ref().map_or_else(|| quote!(Self), |name| quote!(Self::#name));
    let bindings = variant.fields.iter().map(|field| {
        let (member, name) = (&field.member, format_ident!("__{}", field.name()));
        quote!(#member: #name)
    });
    let moved = variant.fields.iter().map(|field| {
        let (name, value) = (format_ident!("_{}", field.name()), format_ident!("__{}", field.name()));
        quote!(#name: ::core::option::Option::Some(#value))
    });
    quote! {
        #path { #(#bindings),* } => <__New as #sw::FromVariant<#of, #ident, #parts>>::from_variant(#parts { #(#moved),* }, cx),
    }
}

impl Variant {
    /// The hash of its name; that of a struct is 0.
    pub(super) fn hash(&self) -> u64 {
        self.name.as_ref().map_or(0, |name| hash(&name.unraw().to_string()))
    }

    fn parts(&self) -> Ident {
        self.name
            .as_ref()
            .map_or_else(|| format_ident!("__Parts"), |name| format_ident!("__{}", name.unraw()))
    }
}

/// FNV-1a: names meet by it across crates and builds.
pub(super) fn hash(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
