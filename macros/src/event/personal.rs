//! `#[event(personal = subject)]`: fields that are sealed with a key of their subject.

use super::field::{Field, Shape};
use crate::diagnostics::{Diagnostics, PERSONAL_MISUSE, nearest};
use crate::schema::{Form, field_forms};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Ident, Member, Path, Type};

/// A marked field.
pub(super) struct Personal<'a> {
    field: &'a Field,
    subject: &'a Ident,
    /// The name under which it is written: a part of what is sealed.
    written: String,
}

/// The marked fields of a sound struct; what is wrong is reported.
pub(super) fn check_personal<'a>(
    diagnostics: &mut Diagnostics,
    input: &DeriveInput,
    shape: &'a Shape,
) -> Vec<Personal<'a>> {
    let forms = field_forms(input);
    let mut found = Vec::new();
    for variant in &shape.variants {
        for (place, field) in variant.fields.iter().enumerate() {
            let named = variant.name.is_none() && matches!(field.member, Member::Named(_));
            let Some(subject) = check_field(diagnostics, (field, named), &variant.fields) else { continue };
            let form = forms.get(place);
            if let Some(form) = form.filter(|form| !form.plain) {
                report_form(diagnostics, field, form);
            }
            let written = form.map_or_else(String::new, |form| form.name.clone());
            found.push(Personal { field, subject, written });
        }
    }
    found
}

/// The subject of a marked field.
fn check_field<'a>(
    diagnostics: &mut Diagnostics,
    (field, named): (&'a Field, bool),
    all: &[Field],
) -> Option<&'a Ident> {
    let (name, is_personal) = (field.name(), is_personal(&field.ty));
    let wrong = match &field.how.personal {
        None if !is_personal => return None,
        _ if !named => (
            "personal data stands in the named fields of a struct only".to_owned(),
            "make the event a struct with named fields: the subject is one of them".to_owned(),
        ),
        None => (
            format!("`{name}` holds personal data, and nobody says whose"),
            "write `#[event(personal = field)]` above it, with the field that says whose it is".to_owned(),
        ),
        Some(_) if !is_personal => {
            let ty = &field.ty;
            let ty = quote!(#ty).to_string().replace(' ', "");
            (
                format!("`{name}` is marked as personal, and its type is not"),
                format!("write `{name}: Personal<{ty}>`"),
            )
        }
        Some(subject) => match wrong_subject(subject, all) {
            Some(finding) => {
                diagnostics.broken(PERSONAL_MISUSE, subject, finding);
                return None;
            }
            None => return Some(subject),
        },
    };
    diagnostics.broken(PERSONAL_MISUSE, &field.ty, wrong);
    None
}

fn wrong_subject(subject: &Ident, all: &[Field]) -> Option<(String, String)> {
    let names: Vec<_> = all.iter().map(Field::name).collect();
    let subject = syn::ext::IdentExt::unraw(subject).to_string();
    let Some(field) = all.iter().find(|field| field.name() == subject) else {
        let near = nearest(&subject, names.iter().map(String::as_str));
        let help = if near.is_empty() {
            "name the field of this event that says whose the data is: an id, in the clear".to_owned()
        } else {
            near
        };
        return Some((format!("there is no field `{subject}`"), help));
    };
    is_personal(&field.ty).then(|| {
        (
            format!("the subject `{subject}` is personal data itself"),
            "name a field with an id that stands in the clear and says nothing by itself".to_owned(),
        )
    })
}

/// What is sealed is written whole, always, and under one name.
fn report_form(diagnostics: &mut Diagnostics, field: &Field, form: &Form) {
    let name = &form.name;
    let finding = (
        format!("`{name}` is sealed, so it is written as a whole, always and under one name"),
        "leave `alias`, `flatten`, `skip…` and `opaque` out: another name is a new version of the event"
            .to_owned(),
    );
    diagnostics.broken(PERSONAL_MISUSE, &field.ty, finding);
}

fn is_personal(ty: &Type) -> bool {
    matches!(ty, Type::Path(ty) if ty.path.segments.last().is_some_and(|last| last.ident == "Personal"))
}

/// ```text
/// const PERSONAL: Option<&'static str> = Some("email");
/// fn mark_personal(&mut self) { Personal::mark(&mut self.email, &self.customer, "email"); }
/// fn open_personal(&mut self) -> Result<(), (&'static str, PersonalError)> { … }
/// ```
pub(super) fn emit_personal(personal: &[Personal<'_>], from: Option<&Path>) -> TokenStream {
    let sw = quote!(::statewright::__private);
    let Some(first) = personal.first() else {
        return from.map_or_else(TokenStream::new, |from| {
            quote_spanned! {from.span()=>
                const PERSONAL: ::core::option::Option<&'static str> = <#from as ::statewright::__private::EventVersion>::PERSONAL;
            }
        });
    };
    let first = &first.written;
    let (marks, opens): (Vec<_>, Vec<_>) = personal.iter().map(Personal::emit).unzip();
    quote! {
        const PERSONAL: ::core::option::Option<&'static str> = ::core::option::Option::Some(#first);
        fn mark_personal(&mut self) {
            #(#marks)*
        }
        fn open_personal(&mut self) -> ::core::result::Result<(), (&'static str, #sw::PersonalError)> {
            #(#opens)*
            ::core::result::Result::Ok(())
        }
    }
}

impl Personal<'_> {
    /// The spans are those of the type and of the subject, so that the compiler underlines what does not fit.
    fn emit(&self) -> (TokenStream, TokenStream) {
        let (member, subject, written) = (&self.field.member, self.subject, &self.written);
        let ty = self.field.ty.span();
        let value = quote_spanned!(ty=> &mut self.#member);
        let whose = quote_spanned!(subject.span()=> ::statewright::__private::subject_of(&self.#subject));
        let mark = quote! {
            let whose = #whose;
            ::statewright::__private::Personal::mark(#value, &whose, #written);
        };
        let open = quote! {
            let whose = #whose;
            ::statewright::__private::Personal::open(#value, &whose, #written)
                .map_err(|why| (#written, why))?;
        };
        (mark, open)
    }
}
