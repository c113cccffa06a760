//! `#[event(…)]` above a type, read.

use super::retired::{Retired, read_retired};
use crate::diagnostics::{Diagnostics, VERSION_MISUSE, nearest};
use proc_macro2::{Ident, Span};
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{DeriveInput, LitInt, LitStr, Path};

#[derive(Default)]
pub(super) struct Attribute {
    pub(super) name: Option<LitStr>,
    pub(super) version: Option<(LitInt, u32)>,
    pub(super) from: Option<Path>,
    /// Where `auto` stands.
    pub(super) auto: Option<Span>,
    pub(super) oldest: Option<(LitInt, u32)>,
    pub(super) retired: Vec<Retired>,
    /// Fields may be added that old events need not have.
    pub(super) compatible: bool,
}

const KEYS: &[&str] = &["name", "version", "from", "auto", "oldest", "retired", "compatible", "opaque"];

pub(super) fn read_attribute(diagnostics: &mut Diagnostics, input: &DeriveInput) -> Attribute {
    let mut read = Attribute::default();
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("event")) {
        if let Err(error) = attr.parse_nested_meta(|meta| read.key(&meta)) {
            diagnostics.syn(error);
            return read.or_placeholders(input);
        }
    }
    let example = "help: write `#[event(name = \"order.paid\", version = 1)]` above the type";
    if read.name.is_none() {
        diagnostics.error(&input.ident, format!("event `{}` has no `name`\n{example}", input.ident));
    } else if read.version.is_none() {
        let help = example.trim_start_matches("help: ").to_owned();
        diagnostics.broken(
            VERSION_MISUSE,
            &input.ident,
            (format!("event `{}` has no `version`", input.ident), help),
        );
    }
    if let Some(name) = read.name.as_ref().filter(|name| name.value().trim().is_empty()) {
        diagnostics.error(name, "an event's name is what is recorded for ever: it cannot be empty");
    }
    if let syn::Data::Union(data) = &input.data {
        diagnostics.error(data.union_token, "a union cannot be recorded\nhelp: make it a struct or an enum");
    }
    read
}

impl Attribute {
    /// The number of this version; 1 where it could not be read.
    pub(super) fn number(&self) -> u32 {
        self.version.as_ref().map_or(1, |(_, version)| *version)
    }

    fn key(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let key = meta.path.get_ident().map(Ident::to_string).unwrap_or_default();
        let again = match key.as_str() {
            "name" => self.name.replace(meta.value()?.parse()?).is_some(),
            "version" => self.version.replace(number(meta)?).is_some(),
            "oldest" => self.oldest.replace(number(meta)?).is_some(),
            "from" => self.from.replace(meta.value()?.parse()?).is_some(),
            "auto" => self.auto.replace(meta.path.span()).is_some(),
            "retired" => {
                self.retired.push(read_retired(meta)?);
                false
            }
            "compatible" => std::mem::replace(&mut self.compatible, true),
            // The schema's to read.
            "opaque" => false,
            "personal" => {
                return Err(meta.error("`personal` stands above a field\nhelp: write `#[event(personal = subject)]` above each field that holds personal data"));
            }
            _ => {
                let near = nearest(&key, KEYS.iter().copied());
                let help = if near.is_empty() { format!("the keys are {}", listed(KEYS)) } else { near };
                return Err(meta.error(format!("`{key}` is no key of `event`\nhelp: {help}")));
            }
        };
        if again { Err(meta.error(format!("a second `{key}`"))) } else { Ok(()) }
    }

    /// What could not be read is filled in, so that nothing else is reported.
    fn or_placeholders(mut self, input: &DeriveInput) -> Self {
        self.name = self.name.or_else(|| Some(LitStr::new("unread", input.ident.span())));
        self
    }
}

fn number(meta: &ParseNestedMeta<'_>) -> syn::Result<(LitInt, u32)> {
    let literal: LitInt = meta.value()?.parse()?;
    let number = literal.base10_parse()?;
    Ok((literal, number))
}

/// `a`, `b` and `c`, each in backticks.
pub(super) fn listed(keys: &[&str]) -> String {
    let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
    match keys.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        keys => keys.concat(),
    }
}
