//! `unknown_name`: a name that names nothing. A name is never created by use.

use crate::diagnostics::{Diagnostics, UNKNOWN_NAME, nearest};
use crate::model::{Model, Named};
use proc_macro2::Ident;
use quote::ToTokens;
use syn::Path;

pub(crate) fn report_state(diagnostics: &mut Diagnostics, model: &Model, name: &Ident) {
    let known: Vec<_> = model.nodes.iter().map(|node| node.name.to_string()).collect();
    let help = help(&name.to_string(), &known, "declare it: `state {} { … }`");
    diagnostics.broken(UNKNOWN_NAME, name, (format!("there is no state `{name}`"), help));
}

pub(crate) fn report_trigger(diagnostics: &mut Diagnostics, model: &Model, path: &Path) {
    report_variant(diagnostics, path, ("trigger", &model.triggers, "declare it in `triggers { … }`"));
}

pub(crate) fn report_effect(diagnostics: &mut Diagnostics, model: &Model, path: &Path) {
    report_variant(diagnostics, path, ("effect", &model.effects, "declare it in `effects { … }`"));
}

fn report_variant(diagnostics: &mut Diagnostics, path: &Path, known: (&str, &[Named], &str)) {
    let (what, defs, otherwise) = known;
    let name = path.to_token_stream().to_string().replace(' ', "");
    let names: Vec<_> = defs.iter().map(|def| def.variant.ident.to_string()).collect();
    let help = match path.segments.last() {
        Some(last) if path.segments.len() > 1 => format!("write the name alone: `{}`", last.ident),
        _ => help(&name, &names, otherwise),
    };
    diagnostics.broken(UNKNOWN_NAME, path, (format!("there is no {what} `{name}`"), help));
}

fn help(name: &str, known: &[String], otherwise: &str) -> String {
    let near = nearest(name, known.iter().map(String::as_str));
    if near.is_empty() { otherwise.replacen("{}", name, 1) } else { near }
}
