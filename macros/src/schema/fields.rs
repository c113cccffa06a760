//! The fields of a struct or a variant.

use super::attribute::{Key, is_opaque, read_keys, report_unknown};
use super::rename::Case;
use super::{Form, emit_schema_of};
use crate::diagnostics::Diagnostics;
use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Path, Type};

/// Whether fields are those of a struct: it writes its only field without a name as that field, a variant without
/// fields has no content.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Struct,
    Variant,
}

pub(super) struct Fields<'a> {
    fields: Vec<Field<'a>>,
    of: &'a syn::Fields,
}

pub(super) struct Field<'a> {
    name: String,
    pub(super) ty: &'a Type,
    pub(super) opaque: bool,
    aliases: Vec<String>,
    flatten: bool,
    written: Written,
    read: Reading,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Always,
    Sometimes,
    Never,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    AsItsTypeSays,
    Optional,
    Never,
}

impl<'a> Fields<'a> {
    pub(super) fn read(diagnostics: &mut Diagnostics, of: &'a syn::Fields, how: (Case, bool)) -> Self {
        let fields = of.iter().map(|field| Field::read(diagnostics, field, how)).collect();
        Self { fields, of }
    }

    pub(super) fn has_flattened(&self) -> bool {
        self.fields.iter().any(|field| field.flatten)
    }

    /// A constant that contains itself has no end. What goes round through other types the compiler finds.
    pub(super) fn check_recursion(&self, diagnostics: &mut Diagnostics, ident: &str) {
        let looked_into = |field: &&Field<'_>| !field.opaque && !field.is_skipped() && !is_phantom(field.ty);
        for field in self.fields.iter().filter(looked_into) {
            if mentions(&field.ty.to_token_stream(), ident) {
                diagnostics.error(field.ty, format!("`{ident}` contains itself, so its schema would have no end\nhelp: mark the field `#[event(opaque)]`: then changes inside it are not noticed"));
            }
        }
    }

    /// The field that a `transparent` type stands for.
    pub(super) fn whole(&self) -> Option<&Field<'a>> {
        self.fields.iter().find(|field| !field.is_skipped() && !is_phantom(field.ty))
    }

    pub(super) fn forms(&self) -> Vec<Form> {
        let form = |field: &Field<'_>| Form {
            name: field.name.clone(),
            plain: !field.opaque
                && !field.flatten
                && field.aliases.is_empty()
                && field.written == Written::Always
                && field.read != Reading::Never,
        };
        self.fields.iter().map(form).collect()
    }

    /// The schema; of a variant, nothing where it has no content.
    pub(super) fn emit(&self, shape: Shape) -> TokenStream {
        let sw = quote!(::statewright::__private);
        let each = self.fields.iter().filter(|field| !field.is_skipped());
        let schema = match (self.of, self.fields.as_slice()) {
            (syn::Fields::Named(_), _) => {
                // In the order of the canonical text, so that the compiler need not sort them in a constant.
                let mut fields: Vec<_> = each.collect();
                fields.sort_by_key(|field| (field.flatten, &field.name));
                let fields = fields.into_iter().map(Field::emit);
                quote!(#sw::Schema::Struct(&[#(#fields),*]))
            }
            (syn::Fields::Unnamed(_), [only]) => only.emit_schema(),
            (syn::Fields::Unnamed(_), _) => {
                let fields = each.map(Field::emit_schema);
                quote!(#sw::Schema::Tuple(&[#(#fields),*]))
            }
            (syn::Fields::Unit, _) if shape == Shape::Variant => return quote!(::core::option::Option::None),
            (syn::Fields::Unit, _) => quote!(#sw::Schema::Null),
        };
        if shape == Shape::Variant { quote!(::core::option::Option::Some(#schema)) } else { schema }
    }
}

/// Whether the name stands there, and not in a longer path.
fn mentions(tokens: &TokenStream, ident: &str) -> bool {
    let tokens: Vec<_> = tokens.clone().into_iter().collect();
    let is_colon =
        |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    tokens.iter().enumerate().any(|(at, token)| match token {
        TokenTree::Group(group) => mentions(&group.stream(), ident),
        TokenTree::Ident(found) => {
            (found == ident || found == "Self")
                && !is_colon(at + 1)
                && !at.checked_sub(1).is_some_and(is_colon)
        }
        _ => false,
    })
}

fn is_phantom(ty: &Type) -> bool {
    matches!(ty, Type::Path(ty) if ty.path.segments.last().is_some_and(|last| last.ident == "PhantomData"))
}

impl<'a> Field<'a> {
    fn read(diagnostics: &mut Diagnostics, field: &'a syn::Field, (case, default): (Case, bool)) -> Self {
        let name = field.ident.as_ref().map(|ident| case.of_field(&ident.unraw().to_string()));
        let mut read = Self {
            name: name.unwrap_or_default(),
            ty: &field.ty,
            opaque: is_opaque(&field.attrs),
            aliases: Vec::new(),
            flatten: false,
            written: Written::Always,
            read: if default { Reading::Optional } else { Reading::AsItsTypeSays },
        };
        let keys = read_keys(diagnostics, &field.attrs);
        let left_out = keys.iter().find(|key| key.name.starts_with("skip"));
        if let (None, Some(key)) = (&field.ident, left_out) {
            diagnostics.error(&key.path, "what is left out of fields without names moves the others\nhelp: give the fields names, or mark the type `#[event(opaque)]`");
        }
        for key in &keys {
            read.key(diagnostics, key);
        }
        if let Some(key) = left_out.filter(|_| read.flatten && !read.opaque && !read.is_skipped()) {
            report_unknown(diagnostics, key, "the flattened field");
        }
        read
    }

    fn key(&mut self, diagnostics: &mut Diagnostics, key: &Key) {
        match key.name.as_str() {
            "rename" => self.name = key.text(diagnostics).unwrap_or_default(),
            "alias" => self.aliases.extend(key.text(diagnostics)),
            "default" if self.read == Reading::AsItsTypeSays => self.read = Reading::Optional,
            "flatten" => self.flatten = true,
            "skip" => (self.written, self.read) = (Written::Never, Reading::Never),
            "skip_serializing" => self.written = Written::Never,
            "skip_deserializing" => self.read = Reading::Never,
            "skip_serializing_if" if self.written == Written::Always => self.written = Written::Sometimes,
            // Beside a stronger one of the same kind it says nothing.
            "bound" | "borrow" | "default" | "skip_serializing_if" => {}
            _ if self.opaque => {}
            "with" | "serialize_with" | "deserialize_with" => report_function(diagnostics, &key.path),
            _ => report_unknown(diagnostics, key, "the field"),
        }
    }

    /// Neither written nor read.
    fn is_skipped(&self) -> bool {
        (self.written, self.read) == (Written::Never, Reading::Never)
    }

    pub(super) fn emit_schema(&self) -> TokenStream {
        let name = self.type_name();
        if self.opaque {
            quote!(::statewright::__private::Schema::Opaque(#name))
        } else {
            emit_schema_of(self.ty)
        }
    }

    fn type_name(&self) -> String {
        let ty = self.ty;
        quote!(#ty).to_string().replace(' ', "").replace("::", ".")
    }

    /// The path has the span of the type, so that the compiler underlines it.
    fn emit(&self) -> TokenStream {
        let (name, ty, opaque) = (&self.name, self.ty, self.type_name());
        let field = if self.opaque {
            quote!(::statewright::__private::Field::opaque(#name, #opaque))
        } else {
            quote_spanned!(ty.span()=> ::statewright::__private::Field::new::<#ty>(#name))
        };
        let aliases = emit_aliases(&self.aliases);
        let (written, read, flatten) =
            (self.emit_written(), self.emit_read(), self.flatten.then(|| quote!(.flatten())));
        quote!(#field #aliases #written #read #flatten)
    }

    fn emit_written(&self) -> Option<TokenStream> {
        let written = match self.written {
            Written::Always => return None,
            Written::Sometimes => quote!(Sometimes),
            Written::Never => quote!(Never),
        };
        Some(quote!(.written(::statewright::__private::Written::#written)))
    }

    fn emit_read(&self) -> Option<TokenStream> {
        let read = match self.read {
            Reading::AsItsTypeSays => return None,
            Reading::Optional => quote!(Optional),
            Reading::Never => quote!(Never),
        };
        Some(quote!(.read(::statewright::__private::Reading::#read)))
    }
}

pub(super) fn emit_aliases(aliases: &[String]) -> Option<TokenStream> {
    (!aliases.is_empty()).then(|| quote!(.aliases(&[#(#aliases),*])))
}

fn report_function(diagnostics: &mut Diagnostics, path: &Path) {
    diagnostics.error(path, "what a function writes is not known\nhelp: mark the field `#[event(opaque)]`: then changes inside it are not noticed");
}
