//! The fields of a version, and `#[event(…)]` at fields and variants: how they are filled from the version before.

use super::attribute::listed;
use crate::diagnostics::{Diagnostics, nearest};
use proc_macro2::{Ident, Span};
use std::collections::BTreeSet;
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Attribute, DeriveInput, Expr, Fields, LitStr, Member, Path, Token, Type};

/// A struct is one variant without a name.
pub(super) struct Shape {
    pub(super) variants: Vec<Variant>,
}

pub(super) struct Variant {
    /// `None`: the struct itself.
    pub(super) name: Option<Ident>,
    pub(super) fields: Vec<Field>,
    pub(super) how: How,
}

pub(super) struct Field {
    pub(super) member: Member,
    pub(super) ty: Type,
    pub(super) how: How,
    /// Where it is underlined.
    pub(super) span: Span,
}

/// How something is made of the version before.
#[derive(Default)]
pub(super) struct How {
    pub(super) default: Option<Value>,
    pub(super) renamed_from: Option<LitStr>,
    pub(super) with: Option<Path>,
    /// A variant that nothing old becomes.
    pub(super) added: bool,
    /// The field that says whose personal data it is.
    pub(super) personal: Option<Ident>,
    /// The first key, to be underlined.
    at: Option<Span>,
}

/// What a new field is in old events.
#[allow(clippy::large_enum_variant, reason = "syntax lives for one expansion")]
pub(super) enum Value {
    /// `default`: what its type says.
    OfType,
    /// `default = expression`, with `cx` in scope.
    Expr(Expr),
}

const FIELD_KEYS: &[&str] = &["default", "renamed_from", "with", "opaque", "personal"];
const VARIANT_KEYS: &[&str] = &["renamed_from", "added"];

/// Reads a type; with `auto`, how its fields are filled.
pub(super) fn read_shape(diagnostics: &mut Diagnostics, input: &DeriveInput, auto: bool) -> Shape {
    let variants = match &input.data {
        syn::Data::Struct(data) => {
            vec![Variant { name: None, fields: read_fields(diagnostics, &data.fields), how: How::default() }]
        }
        syn::Data::Enum(data) => {
            let read = |variant: &syn::Variant| Variant {
                name: Some(variant.ident.clone()),
                fields: read_fields(diagnostics, &variant.fields),
                how: read_how(diagnostics, &variant.attrs, VARIANT_KEYS),
            };
            data.variants.iter().map(read).collect()
        }
        syn::Data::Union(_) => Vec::new(),
    };
    let shape = Shape { variants };
    if !auto {
        refuse(diagnostics, &shape);
    }
    report_twice(diagnostics, &shape);
    shape
}

fn read_fields(diagnostics: &mut Diagnostics, fields: &Fields) -> Vec<Field> {
    let members = fields.members().zip(fields);
    let read = |(member, field): (Member, &syn::Field)| {
        let how = read_how(diagnostics, &field.attrs, FIELD_KEYS);
        let span = field.ident.as_ref().map_or_else(|| field.ty.span(), Ident::span);
        Field { member, ty: field.ty.clone(), how, span }
    };
    members.map(read).collect()
}

fn read_how(diagnostics: &mut Diagnostics, attrs: &[Attribute], keys: &[&str]) -> How {
    let mut how = How::default();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("event")) {
        if let Err(error) = attr.parse_nested_meta(|meta| how.key(&meta, keys)) {
            diagnostics.syn(error);
        }
    }
    if let (Some(at), Some(_), true) =
        (how.at, &how.default, how.renamed_from.is_some() || how.with.is_some())
    {
        diagnostics.error_at(
            at,
            "a field is new, or made of an old one\nhelp: leave `default` out, or the other keys",
        );
    }
    how
}

impl How {
    fn key(&mut self, meta: &ParseNestedMeta<'_>, keys: &[&str]) -> syn::Result<()> {
        let key = meta.path.get_ident().map(Ident::to_string).unwrap_or_default();
        if !keys.contains(&key.as_str()) {
            let near = nearest(&key, keys.iter().copied());
            let help = if near.is_empty() { format!("the keys here are {}", listed(keys)) } else { near };
            return Err(meta.error(format!("`{key}` has no meaning here\nhelp: {help}")));
        }
        if key == "opaque" {
            // The schema's to read.
            return Ok(());
        }
        if key == "personal" {
            let again = self.personal.replace(read_subject(meta)?).is_some();
            return if again { Err(meta.error("a second `personal`")) } else { Ok(()) };
        }
        self.at.get_or_insert(meta.path.span());
        let again = match key.as_str() {
            "default" => {
                let own = meta.input.peek(Token![=]);
                let value = if own { Value::Expr(meta.value()?.parse()?) } else { Value::OfType };
                self.default.replace(value).is_some()
            }
            "renamed_from" => self.renamed_from.replace(meta.value()?.parse()?).is_some(),
            "with" => self.with.replace(meta.value()?.parse()?).is_some(),
            _ => std::mem::replace(&mut self.added, true),
        };
        if again { Err(meta.error(format!("a second `{key}`"))) } else { Ok(()) }
    }
}

/// `personal = subject`.
fn read_subject(meta: &ParseNestedMeta<'_>) -> syn::Result<Ident> {
    let help = "help: write `personal = field`, with the field that says whose it is";
    if !meta.input.peek(Token![=]) {
        return Err(meta.error(format!("`personal` does not say whose\n{help}")));
    }
    let value = meta.value()?;
    value
        .call(Ident::parse_any)
        .map_err(|error| syn::Error::new(error.span(), format!("expected a field\n{help}")))
}

impl Field {
    /// What it was called in the version before.
    pub(super) fn source(&self) -> String {
        let own = match &self.member {
            Member::Named(name) => name.unraw().to_string(),
            Member::Unnamed(place) => place.index.to_string(),
        };
        self.how.renamed_from.as_ref().map_or(own, LitStr::value)
    }

    /// What it is called.
    pub(super) fn name(&self) -> String {
        match &self.member {
            Member::Named(name) => name.unraw().to_string(),
            Member::Unnamed(place) => place.index.to_string(),
        }
    }
}

/// Without `auto` nothing reads these.
fn refuse(diagnostics: &mut Diagnostics, shape: &Shape) {
    let hows = shape
        .variants
        .iter()
        .flat_map(|variant| variant.fields.iter().map(|field| &field.how).chain([&variant.how]));
    for at in hows.filter_map(|how| how.at) {
        diagnostics.error_at(
            at,
            "this says how the field is filled from the version before, and that is not asked for\nhelp: write `#[event(…, from = …, auto)]` above the type, or leave it out",
        );
    }
}

/// A field of the version before becomes one field: it is moved.
fn report_twice(diagnostics: &mut Diagnostics, shape: &Shape) {
    for variant in &shape.variants {
        let mut seen = BTreeSet::new();
        for field in variant.fields.iter().filter(|field| field.how.default.is_none()) {
            if !seen.insert(field.source()) {
                let wrong =
                    format!("`{}` of the version before becomes another field already", field.source());
                diagnostics
                    .error_at(field.span, format!("{wrong}\nhelp: write `impl Upcast` in place of `auto`"));
            }
        }
    }
}
