//! `#[event(retired(2, upcast = lift))]`: versions that have no type any more, lifted from their JSON.

use super::Attribute;
use crate::diagnostics::{Diagnostics, VERSION_MISUSE};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Ident, LitInt, Path, Token, parenthesized};

pub(super) struct Retired {
    literal: LitInt,
    version: u32,
    upcast: Path,
}

/// What stands behind `retired`.
pub(super) fn read_retired(meta: &ParseNestedMeta<'_>) -> syn::Result<Retired> {
    let content;
    parenthesized!(content in meta.input);
    let literal: LitInt = content.parse()?;
    let version = literal.base10_parse()?;
    content.parse::<Token![,]>()?;
    let key: Ident = content.parse()?;
    if key != "upcast" {
        return Err(syn::Error::new_spanned(
            &key,
            "expected `upcast`\nhelp: write `retired(2, upcast = function)`",
        ));
    }
    content.parse::<Token![=]>()?;
    let upcast = content.parse()?;
    if content.is_empty() {
        Ok(Retired { literal, version, upcast })
    } else {
        Err(content.error("expected `)`\nhelp: write `retired(2, upcast = function)`"))
    }
}

/// The chain ends at the type that has no `from`: there the oldest version is named, and from there on down one version
/// after the other is retired.
pub(super) fn check_retired(diagnostics: &mut Diagnostics, attribute: &Attribute) {
    let version = attribute.number();
    if let (Some(_), [first, ..]) = (&attribute.from, attribute.retired.as_slice()) {
        let wrong = "the chain does not end here: `from` says what comes before".to_owned();
        let help = "put `retired` to the type that has no `from`".to_owned();
        diagnostics.broken(VERSION_MISUSE, &first.literal, (wrong, help));
        return;
    }
    for (expected, retired) in (0..version).rev().zip(&attribute.retired) {
        if retired.version != expected || expected == 0 {
            let wrong = format!("version {} does not come directly before", retired.version);
            let help = match expected {
                0 => "versions are counted from 1: leave it out".to_owned(),
                _ => format!("list the versions from {expected} down, without a gap"),
            };
            diagnostics.broken(VERSION_MISUSE, &retired.literal, (wrong, help));
            return;
        }
    }
}

/// ```text
/// &[Retired { version: 2, lift: |json, cx| Lifted::lifted(lift(json, cx)) }]
/// ```
pub(super) fn emit_retired(retired: &[Retired]) -> TokenStream {
    let each = retired.iter().map(|retired| {
        let (version, upcast) = (retired.version, &retired.upcast);
        let lifted = quote_spanned! {upcast.span()=>
            |json, cx| ::statewright::__private::Lifted::<::statewright::__private::serde_json::Value>::lifted(#upcast(json, cx))
        };
        quote!(::statewright::__private::Retired { version: #version, lift: #lifted })
    });
    quote!(&[#(#each),*])
}
