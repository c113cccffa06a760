//! `duplicate_name`: two states, triggers, effects or events alike, or an item that stands only once. The second
//! place is the error, the first a second one, so that both are underlined.

use crate::diagnostics::{DUPLICATE_NAME, Diagnostics};
use crate::model::{Model, NodeId, NodeKind};
use crate::names::snake_case;
use proc_macro2::Ident;
use quote::ToTokens;
use std::collections::BTreeMap;
use syn::LitStr;
use syn::ext::IdentExt;

pub(crate) fn report_names<'a>(
    diagnostics: &mut Diagnostics,
    what: &str,
    names: impl Iterator<Item = &'a Ident>,
) {
    let mut first: BTreeMap<String, &Ident> = BTreeMap::new();
    for name in names {
        match first.get(&name.to_string()) {
            Some(earlier) => report(diagnostics, what, (earlier, name)),
            None => {
                first.insert(name.to_string(), name);
            }
        }
    }
}

pub(crate) fn report(diagnostics: &mut Diagnostics, what: &str, names: (&Ident, &Ident)) {
    let (first, second) = names;
    let help = format!("names are unique in a machine: give one {what} another name");
    diagnostics.broken(DUPLICATE_NAME, second, (format!("a second {what} `{second}`"), help));
    diagnostics.broken(DUPLICATE_NAME, first, (format!("`{first}` is first declared here"), String::new()));
}

/// What is recorded under a name becomes one thing.
pub(crate) fn report_retired(diagnostics: &mut Diagnostics, name: &LitStr) {
    let wrong = format!("`{}` is retired already", name.value());
    diagnostics.broken(DUPLICATE_NAME, name, (wrong, "leave one of the lines out".to_owned()));
}

/// Regions of one parallel state become fields: their names must differ as fields are written.
pub(crate) fn report_fields(diagnostics: &mut Diagnostics, model: &Model) {
    let mut first: BTreeMap<(Option<NodeId>, String), &Ident> = BTreeMap::new();
    for node in model.nodes.iter().filter(|node| node.kind == NodeKind::Region) {
        let field = (node.parent, snake_case(&node.name.unraw().to_string()));
        if let Some(earlier) = first.get(&field) {
            let wrong =
                format!("regions `{earlier}` and `{}` would both be the field `{}`", node.name, field.1);
            let help = "give one of them another name".to_owned();
            diagnostics.broken(DUPLICATE_NAME, &node.name, (wrong, help));
        } else {
            first.insert(field, &node.name);
        }
    }
}

/// Lines that stand only once in a machine.
pub(crate) fn report_items(
    diagnostics: &mut Diagnostics,
    what: &str,
    items: impl Iterator<Item = impl ToTokens>,
) {
    for item in items.skip(1) {
        let help = format!("a machine has one `{what}` line: leave one out");
        diagnostics.broken(DUPLICATE_NAME, item, (format!("a second `{what}`"), help));
    }
}

pub(crate) fn report_second_initial(diagnostics: &mut Diagnostics, name: &Ident) {
    let help = "one `initial` stands at each level: leave one out".to_owned();
    diagnostics.broken(DUPLICATE_NAME, name, ("a second `initial`".to_owned(), help));
}
