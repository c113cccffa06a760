//! `#[event(name = "…", version = N, from = Previous)]`, read.

use crate::diagnostics::{Diagnostics, VERSION_MISUSE, nearest};
use syn::meta::ParseNestedMeta;
use syn::{DeriveInput, LitInt, LitStr, Path};

#[derive(Default)]
pub(super) struct Attribute {
    pub(super) name: Option<LitStr>,
    pub(super) version: Option<(LitInt, u32)>,
    pub(super) from: Option<Path>,
}

const KEYS: &[&str] = &["name", "version", "from"];

/// Keys of the language that this version does not know yet.
const NOT_SUPPORTED: &[&str] =
    &["auto", "oldest", "retired", "opaque", "compatible", "personal", "default", "with", "renamed_from"];

pub(super) fn read_attribute(diagnostics: &mut Diagnostics, input: &DeriveInput) -> Attribute {
    let mut read = Attribute::default();
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("event")) {
        if let Err(error) = attr.parse_nested_meta(|meta| read.key(&meta)) {
            diagnostics.syn(error);
            return read.or_placeholders(input);
        }
    }
    report_fields(diagnostics, input);
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
    read
}

fn report_fields(diagnostics: &mut Diagnostics, input: &DeriveInput) {
    let fields: Vec<_> = match &input.data {
        syn::Data::Struct(data) => data.fields.iter().collect(),
        syn::Data::Enum(data) => data.variants.iter().flat_map(|variant| &variant.fields).collect(),
        syn::Data::Union(data) => {
            diagnostics
                .error(data.union_token, "a union cannot be recorded\nhelp: make it a struct or an enum");
            Vec::new()
        }
    };
    for attr in fields.into_iter().flat_map(|field| &field.attrs).filter(|attr| attr.path().is_ident("event"))
    {
        diagnostics.error(attr, "`#[event(…)]` on a field is not supported yet");
    }
}

impl Attribute {
    fn key(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        let again = match key.as_str() {
            "name" => self.name.replace(meta.value()?.parse()?).is_some(),
            "version" => {
                let literal: LitInt = meta.value()?.parse()?;
                let version = literal.base10_parse()?;
                self.version.replace((literal, version)).is_some()
            }
            "from" => self.from.replace(meta.value()?.parse()?).is_some(),
            _ if NOT_SUPPORTED.contains(&key.as_str()) => {
                return Err(meta.error(format!("`{key}` is not supported yet")));
            }
            _ => {
                let near = nearest(&key, KEYS.iter().copied());
                let help = if near.is_empty() {
                    "the keys are `name`, `version` and `from`".to_owned()
                } else {
                    near
                };
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
