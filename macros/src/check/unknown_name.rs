//! `unknown_name`: a name that names nothing. A name is never created by use.

use crate::diagnostics::{Diagnostics, UNKNOWN_NAME, nearest};
use crate::model::Model;
use proc_macro2::Ident;
use quote::ToTokens;
use syn::Path;

pub(crate) fn report_state(diagnostics: &mut Diagnostics, model: &Model, name: &Ident) {
    let known: Vec<_> = model.nodes.iter().map(|node| node.name.to_string()).collect();
    let help = help(&name.to_string(), &known, "declare it: `state {} { … }`");
    diagnostics.broken(UNKNOWN_NAME, name, (format!("there is no state `{name}`"), help));
}

pub(crate) fn report_trigger(diagnostics: &mut Diagnostics, model: &Model, path: &Path) {
    let names: Vec<_> = model.triggers.iter().map(|t| t.named.variant.ident.to_string()).collect();
    report_variant(diagnostics, path, ("trigger", &names, "declare it in `triggers { … }`"));
}

pub(crate) fn report_effect(diagnostics: &mut Diagnostics, model: &Model, path: &Path) {
    let names: Vec<_> = model.effects.iter().map(|e| e.named.variant.ident.to_string()).collect();
    report_variant(diagnostics, path, ("effect", &names, "declare it in `effects { … }`"));
}

/// A migration is for names that are gone.
pub(crate) fn report_living(diagnostics: &mut Diagnostics, name: &Ident) {
    let wrong = format!("`{name}` is a state of this machine: there is nothing to migrate");
    diagnostics.broken(
        UNKNOWN_NAME,
        name,
        (wrong, "name a state that older records hold, or leave the line out".to_owned()),
    );
}

fn report_variant(diagnostics: &mut Diagnostics, path: &Path, known: (&str, &[String], &str)) {
    let (what, names, otherwise) = known;
    let name = path.to_token_stream().to_string().replace(' ', "");
    let help = match path.segments.last() {
        Some(last) if path.segments.len() > 1 => format!("write the name alone: `{}`", last.ident),
        _ => help(&name, names, otherwise),
    };
    diagnostics.broken(UNKNOWN_NAME, path, (format!("there is no {what} `{name}`"), help));
}

fn help(name: &str, known: &[String], otherwise: &str) -> String {
    let near = nearest(name, known.iter().map(String::as_str));
    if near.is_empty() { otherwise.replacen("{}", name, 1) } else { near }
}
