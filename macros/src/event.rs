//! `#[derive(EventVersion)]`: one version of an event, and the proof that it follows the one before.

mod attribute;
mod auto;
mod field;
mod parts;
mod personal;
mod retired;

use crate::diagnostics::{Diagnostics, VERSION_MISUSE};
use crate::schema::emit_schema;
use attribute::{Attribute, read_attribute};
use personal::{Personal, emit_personal};
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Ident, LitStr, Path};

/// ```text
/// const _: () = {
///     impl EventData for OrderPaid { const SCHEMA }
///     impl EventVersion for OrderPaid { const NAME; const VERSION; const OLDEST; const SCHEMA_TEXT; const CHAIN; fn decode(…) }
///     impl AtVersion<2> for OrderPaid {}
///     const _: () = previous::<OrderPaidV1, 1>();                            // version follows version
///     const _: () = assert_same_event(OrderPaidV1::NAME, "order.paid");      // under one name
///     impl FollowedByOneVersionOnly for OrderPaidV1 { type Next = OrderPaid; }   // and nothing else follows
///     impl Part<…> for OrderPaid …                                           // what the next version may take
///     impl TryUpcast<OrderPaidV1> for OrderPaid { … }                        // with `auto`
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
    retired::check_retired(diagnostics, &attribute);
    let shape = field::read_shape(diagnostics, &input, attribute.auto.is_some());
    let personal = personal::check_personal(diagnostics, &input, &shape);
    let sound = diagnostics.is_empty();
    let schema = emit_schema(diagnostics, &input);
    let errors = diagnostics.take();
    if !input.generics.params.is_empty() {
        return errors;
    }
    let (event, parts) = (
        emit_event((&input.ident, &schema), (&attribute, &personal), sound),
        parts::emit_parts(&input.ident, &shape),
    );
    let from = attribute.from.as_ref().filter(|_| sound && attribute.auto.is_some());
    let upcast = from.map(|from| auto::emit_upcast(&input.ident, &shape, from));
    quote!(#errors const _: () = { #event #parts #upcast };)
}

fn check_version(diagnostics: &mut Diagnostics, ident: &Ident, attribute: &Attribute) {
    let Some((literal, version)) = &attribute.version else { return };
    if let (Some(auto), None) = (attribute.auto, &attribute.from) {
        diagnostics
            .error_at(auto, "`auto` makes this version from the one before\nhelp: name that with `from`");
        return;
    }
    if let Some((oldest, number)) = &attribute.oldest
        && (attribute.from.is_some() || number != version)
    {
        let wrong = format!("`oldest` stands at the type that has no `from`, and is its version: {version}");
        let help = "put it there, or leave it out".to_owned();
        diagnostics.broken(VERSION_MISUSE, oldest, (wrong, help));
        return;
    }
    let before = version.saturating_sub(1);
    match (version, &attribute.from) {
        (0, _) => {
            let finding = ("`0` is not a version".to_owned(), "versions are counted from 1".to_owned());
            diagnostics.broken(VERSION_MISUSE, literal, finding);
        }
        (1, Some(from)) => {
            let wrong = "version 1 is the first: nothing comes before it".to_owned();
            let help = "leave `from` out, or raise `version`".to_owned();
            diagnostics.broken(VERSION_MISUSE, from, (wrong, help));
        }
        (2.., None) if attribute.oldest.is_none() => {
            let wrong = format!("version {version} does not say what it follows");
            let help = format!(
                "keep version {before} as a type of its own and write `from = {ident}V{before}`, or, when no record holds an older one any more, `oldest = {version}`"
            );
            diagnostics.broken(VERSION_MISUSE, literal, (wrong, help));
        }
        _ => {}
    }
}

/// On an error an implementation is emitted all the same, without proofs, so that one mistake gives one error.
fn emit_event(
    (ident, schema): (&Ident, &TokenStream),
    (attribute, personal): (&Attribute, &[Personal<'_>]),
    sound: bool,
) -> TokenStream {
    let sw = quote!(::statewright::__private);
    let name = attribute.name.clone().unwrap_or_else(|| LitStr::new("", ident.span()));
    let version = attribute.number();
    let from = attribute.from.as_ref().filter(|_| sound);
    let (decode, oldest) = from.map_or_else(|| emit_end(attribute, sound), emit_link);
    let (compatible, before) = (attribute.compatible, emit_before(from));
    let [stored, cx] = own();
    let marked = personal.len();
    let personal = emit_personal(if sound { personal } else { &[] }, from);
    // What is wrong with a mark has been said.
    let all_marked = sound.then(|| quote_spanned!(ident.span()=> const _: () = ::statewright::__private::assert_marked(&<#ident as ::statewright::__private::EventData>::SCHEMA, #marked);));
    let chain = from.map(|from| emit_chain((ident, &name, version), from));
    quote! {
        #schema

        #[automatically_derived]
        impl #sw::EventVersion for #ident {
            const NAME: &'static str = #name;
            const VERSION: u32 = #version;
            const OLDEST: u32 = #oldest;
            const SCHEMA_TEXT: &'static str = {
                const SCHEMA: #sw::Schema = <#ident as #sw::EventData>::SCHEMA;
                const BYTES: [u8; #sw::text_len(&SCHEMA)] = #sw::write_text(&SCHEMA);
                #sw::as_text(&BYTES)
            };
            const CHAIN: #sw::Chain = #sw::Chain {
                version: #version,
                schema: <#ident as #sw::EventVersion>::SCHEMA_TEXT,
                compatible: #compatible,
                before: #before,
            };
            #personal
            fn decode(#stored: &#sw::Stored<'_>, #cx: &#sw::UpcastContext) -> ::core::result::Result<Self, #sw::DecodeError> {
                #decode
            }
        }

        #[automatically_derived]
        impl #sw::AtVersion<#version> for #ident {}

        #all_marked
        #chain
    }
}

/// How a version is read that another comes before, and the oldest that is read through it.
fn emit_link(from: &Path) -> (TokenStream, TokenStream) {
    let [stored, cx] = own();
    (
        quote_spanned!(from.span()=> ::statewright::__private::decode_next::<Self, #from>(#stored, #cx)),
        quote_spanned!(from.span()=> <#from as ::statewright::__private::EventVersion>::OLDEST),
    )
}

/// The same where the chain ends.
fn emit_end(attribute: &Attribute, sound: bool) -> (TokenStream, TokenStream) {
    let retired = if sound { attribute.retired.as_slice() } else { &[] };
    let oldest = attribute.number().saturating_sub(u32::try_from(retired.len()).unwrap_or_default());
    let retired = retired::emit_retired(retired);
    let [stored, cx] = own();
    (quote!(::statewright::__private::decode_oldest(#stored, #cx, #retired)), quote!(#oldest))
}

/// The chain that comes before a version.
fn emit_before(from: Option<&Path>) -> TokenStream {
    let before = from.map(|from| {
        quote_spanned!(from.span()=> ::core::option::Option::Some(&<#from as ::statewright::__private::EventVersion>::CHAIN))
    });
    before.unwrap_or_else(|| quote!(::core::option::Option::None))
}

/// Names of ours, the same whatever macro wrote the type.
fn own() -> [Ident; 2] {
    ["stored", "cx"].map(|name| Ident::new(name, Span::mixed_site()))
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
