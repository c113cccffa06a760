//! `#[derive(EventData)]`: what `serde` writes of a type, as a constant.
//!
//! It reads the attributes of `serde` and mirrors them. What it does not know it reports; it never guesses.

mod attribute;
mod fields;
mod rename;
mod variants;

use crate::diagnostics::{Diagnostics, nearest};
pub(crate) use attribute::is_opaque;
use attribute::{Key, read_keys, report_unknown};
use fields::{Fields, Shape};
use proc_macro2::TokenStream;
use quote::quote;
use rename::Case;
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, LitStr, Type, parse_quote};

/// ```text
/// const _: () = {
///     impl EventData for Line {
///         const SCHEMA: Schema = Schema::Struct(&[Field::new::<String>("sku"), Field::new::<u64>("qty")]);
///     }
/// };
/// ```
pub(crate) fn derive(input: TokenStream) -> TokenStream {
    let diagnostics = &mut Diagnostics::new();
    let input = match syn::parse2::<DeriveInput>(input) {
        Ok(input) => input,
        Err(error) => {
            diagnostics.syn(error);
            return diagnostics.take();
        }
    };
    check_keys(diagnostics, &input);
    let code = emit_schema(diagnostics, &input);
    let errors = diagnostics.take();
    quote!(#errors const _: () = { #code };)
}

/// Those of `#[event(…)]`: of a type that is no event there is one.
fn check_keys(diagnostics: &mut Diagnostics, input: &DeriveInput) {
    let of_fields: Vec<&Attribute> = match &input.data {
        Data::Struct(data) => data.fields.iter().flat_map(|field| &field.attrs).collect(),
        Data::Enum(data) => {
            for attr in data
                .variants
                .iter()
                .flat_map(|variant| &variant.attrs)
                .filter(|attr| attr.path().is_ident("event"))
            {
                diagnostics.error(attr, "`#[event(…)]` stands above a type or a field, not above a variant\nhelp: write it above its fields");
            }
            data.variants.iter().flat_map(|variant| &variant.fields).flat_map(|field| &field.attrs).collect()
        }
        Data::Union(data) => {
            diagnostics
                .error(data.union_token, "a union cannot be recorded\nhelp: make it a struct or an enum");
            return;
        }
    };
    for attr in input.attrs.iter().chain(of_fields).filter(|attr| attr.path().is_ident("event")) {
        let read = attr.parse_nested_meta(|meta| {
            let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            if key == "opaque" {
                return Ok(());
            }
            let near = nearest(&key, ["opaque"]);
            let help =
                if near.is_empty() { "what is an event derives `EventVersion` instead" } else { &near };
            Err(meta.error(format!("`{key}` is no key of `event` here, `opaque` is\nhelp: {help}")))
        });
        if let Err(error) = read {
            diagnostics.syn(error);
        }
    }
}

/// The implementation of `EventData`; after an error one that looks into nothing, so that nothing else is reported.
pub(crate) fn emit_schema(diagnostics: &mut Diagnostics, input: &DeriveInput) -> TokenStream {
    let before = diagnostics.count();
    let body = Container::read(diagnostics, input).emit(diagnostics, input);
    let body =
        if diagnostics.count() > before { emit_opaque(&input.ident.unraw().to_string()) } else { body };
    let ident = &input.ident;
    let mut generics = input.generics.clone();
    let parameters: Vec<_> = generics.type_params().map(|parameter| parameter.ident.clone()).collect();
    let bounds = &mut generics.make_where_clause().predicates;
    bounds.extend(parameters.iter().map(|parameter| -> syn::WherePredicate {
        parse_quote!(#parameter: ::statewright::__private::EventData)
    }));
    let (parameters, arguments, bounds) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #parameters ::statewright::__private::EventData for #ident #arguments #bounds {
            #body
        }
    }
}

/// How a field is written.
pub(crate) struct Form {
    /// Its key.
    pub(crate) name: String,
    /// Always, as a whole, under this name only.
    pub(crate) plain: bool,
}

/// How the fields of a struct are written, in source order. What is wrong with them the schema reports.
pub(crate) fn field_forms(input: &DeriveInput) -> Vec<Form> {
    let Data::Struct(data) = &input.data else { return Vec::new() };
    let mut reported = Diagnostics::new();
    let container = Container::read(&mut reported, input);
    let fields = Fields::read(&mut reported, &data.fields, (container.cases.all, container.default));
    reported.take();
    fields.forms()
}

/// The schema of the fields of a variant that is written beside its name.
pub(crate) fn emit_fields(diagnostics: &mut Diagnostics, fields: &syn::Fields) -> TokenStream {
    Fields::read(diagnostics, fields, (Case::default(), false)).emit(Shape::Struct)
}

fn emit_opaque(name: &str) -> TokenStream {
    emit_const(&quote!(::statewright::__private::Schema::Opaque(#name)))
}

fn emit_const(schema: &TokenStream) -> TokenStream {
    quote!(const SCHEMA: ::statewright::__private::Schema = #schema;)
}

/// The schema of another type is that of this one.
fn emit_same(schema: &TokenStream, ty: &Type) -> TokenStream {
    let schema = emit_const(schema);
    quote! {
        #schema
        const MAY_BE_ABSENT: bool = <#ty as ::statewright::__private::EventData>::MAY_BE_ABSENT;
    }
}

fn emit_schema_of(ty: &Type) -> TokenStream {
    quote!(<#ty as ::statewright::__private::EventData>::SCHEMA)
}

/// What `serde` is told of the whole type.
#[derive(Default)]
struct Container {
    ident: String,
    name: String,
    cases: Cases,
    tag: Option<LitStr>,
    content: Option<LitStr>,
    untagged: bool,
    default: bool,
    transparent: bool,
    strict: Option<Key>,
    from: Option<Type>,
    checked: Option<Type>,
    into: Option<Key>,
}

/// `rename_all` and `rename_all_fields`.
#[derive(Clone, Copy, Default)]
struct Cases {
    all: Case,
    fields: Case,
}

impl Container {
    fn read(diagnostics: &mut Diagnostics, input: &DeriveInput) -> Self {
        let name = input.ident.unraw().to_string();
        let mut read = Self { ident: input.ident.to_string(), name, ..Self::default() };
        if is_opaque(&input.attrs) {
            return read;
        }
        for key in read_keys(diagnostics, &input.attrs) {
            read.key(diagnostics, key);
        }
        if let (Some(tag), Data::Struct(_)) = (&read.tag, &input.data) {
            diagnostics.error(tag, "the schema of a struct with a tag is not known\nhelp: make it the variant of an enum, or mark the type `#[event(opaque)]`");
        }
        read
    }

    fn key(&mut self, diagnostics: &mut Diagnostics, key: Key) {
        match key.name.as_str() {
            "bound" | "crate" | "expecting" => {}
            "deny_unknown_fields" => self.strict = Some(key),
            "rename" => {
                if let Some(name) = key.text(diagnostics) {
                    self.name = name;
                }
            }
            "rename_all" => self.cases.all = rename::read_case(diagnostics, &key),
            "rename_all_fields" => self.cases.fields = rename::read_case(diagnostics, &key),
            "tag" => self.tag = key.value,
            "content" => self.content = key.value,
            "untagged" => self.untagged = true,
            "default" => self.default = true,
            "transparent" => self.transparent = true,
            "from" => self.from = key.parse(diagnostics),
            "try_from" => self.checked = key.parse(diagnostics),
            "into" => self.into = Some(key),
            _ => report_unknown(diagnostics, &key, "the type"),
        }
    }

    fn emit(&self, diagnostics: &mut Diagnostics, input: &DeriveInput) -> TokenStream {
        if is_opaque(&input.attrs) {
            return emit_opaque(&self.name);
        }
        if self.from.is_some() || self.checked.is_some() || self.into.is_some() {
            return self.emit_conversion(diagnostics, input);
        }
        match &input.data {
            Data::Enum(data) => emit_const(&variants::emit_enum(diagnostics, self, data)),
            Data::Struct(data) => {
                let fields = Fields::read(diagnostics, &data.fields, (self.cases.all, self.default));
                self.check(diagnostics, &fields);
                match fields.whole().filter(|_| self.transparent) {
                    Some(field) if !field.opaque => emit_same(&field.emit_schema(), field.ty),
                    Some(field) => emit_const(&field.emit_schema()),
                    None => emit_const(&fields.emit(Shape::Struct)),
                }
            }
            Data::Union(_) => emit_opaque(&self.name),
        }
    }

    fn check(&self, diagnostics: &mut Diagnostics, fields: &Fields<'_>) {
        if let Some(key) = self.strict.as_ref().filter(|_| fields.has_flattened()) {
            diagnostics.error(&key.path, "`serde` does not read a type with both `flatten` and `deny_unknown_fields`\nhelp: leave one of them out");
        }
        fields.check_recursion(diagnostics, &self.ident);
    }

    /// Written through one type and read through it, or nobody knows whether what is written is read.
    fn emit_conversion(&self, diagnostics: &mut Diagnostics, input: &DeriveInput) -> TokenStream {
        let into = self.into.as_ref().and_then(|key| key.parse::<Type>(diagnostics));
        let of = self.from.as_ref().or(self.checked.as_ref());
        match (of, &into) {
            (Some(of), Some(into)) if of == into => {
                let inner = emit_schema_of(of);
                let name = &self.name;
                let checked = quote!(::statewright::__private::Schema::Checked(#name, &#inner));
                emit_same(if self.checked.is_some() { &checked } else { &inner }, of)
            }
            _ => {
                diagnostics.error(&input.ident, format!("`{}` is written as one type and read as another\nhelp: name one type in `into` and in `from` or `try_from`, or mark the type `#[event(opaque)]`", self.name));
                TokenStream::new()
            }
        }
    }
}
