//! The variants of an enum.

use super::Container;
use super::attribute::{Key, read_keys, report_unknown};
use super::fields::{Fields, Shape, emit_aliases};
use super::rename::{Case, read_case};
use crate::diagnostics::Diagnostics;
use proc_macro2::TokenStream;
use quote::quote;
use syn::DataEnum;
use syn::ext::IdentExt;

pub(super) fn emit_enum(
    diagnostics: &mut Diagnostics,
    container: &Container,
    data: &DataEnum,
) -> TokenStream {
    let sw = quote!(::statewright::__private);
    let tagging = match (&container.tag, &container.content) {
        _ if container.untagged => quote!(Untagged),
        (None, _) => quote!(External),
        (Some(tag), None) => quote!(Internal(#tag)),
        (Some(tag), Some(content)) => quote!(Adjacent(#tag, #content)),
    };
    let mut variants: Vec<_> =
        data.variants.iter().filter_map(|variant| emit_variant(diagnostics, container, variant)).collect();
    if !container.untagged {
        variants.sort_by(|(one, _), (other, _)| one.cmp(other));
    }
    let variants = variants.into_iter().map(|(_, variant)| variant);
    quote!(#sw::Schema::Enum(#sw::Tagging::#tagging, &[#(#variants),*]))
}

/// What `serde` is told of a variant.
struct Variant {
    name: String,
    aliases: Vec<String>,
    fields: Case,
    /// `skip_serializing` and `skip_deserializing`.
    skipped: (bool, bool),
}

impl Variant {
    fn key(&mut self, diagnostics: &mut Diagnostics, key: &Key) {
        match key.name.as_str() {
            "bound" | "borrow" | "other" => {}
            "rename" => self.name = key.text(diagnostics).unwrap_or_default(),
            "rename_all" => self.fields = read_case(diagnostics, key),
            "alias" => self.aliases.extend(key.text(diagnostics)),
            "skip" => self.skipped = (true, true),
            "skip_serializing" => self.skipped.0 = true,
            "skip_deserializing" => self.skipped.1 = true,
            _ => report_unknown(diagnostics, key, "the type"),
        }
    }
}

/// The variant behind the name that it is sorted by.
fn emit_variant(
    diagnostics: &mut Diagnostics,
    container: &Container,
    variant: &syn::Variant,
) -> Option<(String, TokenStream)> {
    let mut read = Variant {
        name: container.cases.all.of_variant(&variant.ident.unraw().to_string()),
        aliases: Vec::new(),
        fields: container.cases.fields,
        skipped: (false, false),
    };
    for key in read_keys(diagnostics, &variant.attrs) {
        read.key(diagnostics, &key);
    }
    if read.skipped == (true, true) {
        return None;
    }
    let fields = Fields::read(diagnostics, &variant.fields, (read.fields, false));
    container.check(diagnostics, &fields);
    let (name, content, aliases) = (&read.name, fields.emit(Shape::Variant), emit_aliases(&read.aliases));
    let (written, reads) = (!read.skipped.0, !read.skipped.1);
    let used = (!written || !reads).then(|| quote!(.used(#written, #reads)));
    let variant = quote!(::statewright::__private::Variant::new(#name, #content) #aliases #used);
    Some((read.name, variant))
}
