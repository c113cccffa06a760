//! `#[derive(EventVersion)]`: one version of an event, and the proof that it follows the one before.

mod attribute;

use crate::diagnostics::{Diagnostics, VERSION_MISUSE};
use attribute::{Attribute, read_attribute};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Ident, LitStr, Path};

/// ```text
/// const _: () = {
///     impl EventVersion for OrderPaid { const NAME; const VERSION; fn decode(…) }
///     impl AtVersion<2> for OrderPaid {}
///     const _: () = previous::<OrderPaidV1, 1>();                            // version follows version
///     const _: () = assert_same_event(OrderPaidV1::NAME, "order.paid");      // under one name
///     impl FollowedByOneVersionOnly for OrderPaidV1 { type Next = OrderPaid; }   // and nothing else follows
/// };
/// ```
pub(crate) fn derive(input: TokenStream) -> TokenStream {
    let diagnostics = &mut Diagnostics::new();
    let input = match syn::parse2::<DeriveInput>(input) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    if !input.generics.params.is_empty() {
        diagnostics.error(&input.generics, "an event is recorded, so its type is whole: it has no parameters\nhelp: write one type for each use");
    }
    let attribute = read_attribute(diagnostics, &input);
    check_version(diagnostics, &input.ident, &attribute);
    let sound = diagnostics.is_empty();
    let errors = diagnostics.take();
    let code = if input.generics.params.is_empty() {
        emit_event(&input.ident, &attribute, sound)
    } else {
        TokenStream::new()
    };
    quote!(#errors #code)
}

fn check_version(diagnostics: &mut Diagnostics, ident: &Ident, attribute: &Attribute) {
    let Some((literal, version)) = &attribute.version else { return };
    let finding = match (version, &attribute.from) {
        (0, _) => ("`0` is not a version".to_owned(), "versions are counted from 1".to_owned()),
        (1, Some(from)) => {
            let finding = (
                "version 1 is the first: nothing comes before it".to_owned(),
                "leave `from` out, or raise `version`".to_owned(),
            );
            diagnostics.broken(VERSION_MISUSE, from, finding);
            return;
        }
        (2.., None) => (
            format!("version {version} does not say what it follows"),
            format!(
                "keep version {} as a type of its own and write `from = {ident}V{}`",
                version - 1,
                version - 1
            ),
        ),
        _ => return,
    };
    diagnostics.broken(VERSION_MISUSE, literal, finding);
}

/// On an error an implementation is emitted all the same, without proofs, so that one mistake gives one error.
fn emit_event(ident: &Ident, attribute: &Attribute, sound: bool) -> TokenStream {
    let sw = quote!(::statewright::__private);
    let name = attribute.name.clone().unwrap_or_else(|| LitStr::new("", ident.span()));
    let version = attribute.version.as_ref().map_or(1, |(_, version)| *version);
    let from = attribute.from.as_ref().filter(|_| sound);
    let decode = from.map_or_else(
        || quote!(#sw::decode_first(stored, cx)),
        |from| quote_spanned!(from.span()=> ::statewright::__private::decode_next::<Self, #from>(stored, cx)),
    );
    let chain = from.map(|from| emit_chain((ident, &name, version), from));
    quote! {
        const _: () = {
            #[automatically_derived]
            impl #sw::EventVersion for #ident {
                const NAME: &'static str = #name;
                const VERSION: u32 = #version;
                fn decode(stored: &#sw::Stored<'_>, cx: &#sw::UpcastContext) -> ::core::result::Result<Self, #sw::DecodeError> {
                    #decode
                }
            }

            #[automatically_derived]
            impl #sw::AtVersion<#version> for #ident {}

            #chain
        };
    }
}

/// Every token carries the span of `from`, so that the compiler underlines it.
fn emit_chain(event: (&Ident, &LitStr, u32), from: &Path) -> TokenStream {
    let (ident, name, version) = event;
    let before = version - 1;
    quote_spanned! {from.span()=>
        const _: () = ::statewright::__private::previous::<#from, #before>();
        const _: () = ::statewright::__private::assert_same_event(<#from as ::statewright::__private::EventVersion>::NAME, #name);
        #[automatically_derived]
        impl ::statewright::__private::FollowedByOneVersionOnly for #from {
            type Next = #ident;
        }
    }
}
