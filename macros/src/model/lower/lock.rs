//! The lock: its file, read.

use crate::check::lock_broken;
use crate::diagnostics::Diagnostics;
use crate::model::{Effect, Lock, Locked, Named};
use crate::schema::emit_fields;
use proc_macro2::TokenStream;
use std::io::ErrorKind;
use std::path::Path;
use std::{env, fs};
use syn::LitStr;

/// Effects are locked as well: one that is recorded may wait for a later version.
pub(super) fn lower_lock(
    diagnostics: &mut Diagnostics,
    file: Option<&LitStr>,
    effects: &mut [Effect],
) -> Option<Locked> {
    let file = file?.clone();
    let schemas = effects.iter_mut().map(|effect| lower_schema(diagnostics, &mut effect.named)).collect();
    let folder = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let released = match fs::read_to_string(Path::new(&folder).join(file.value())) {
        Ok(text) => Lock::parse(&text)
            .map_err(|error| lock_broken::report_unreadable(diagnostics, &file, &error))
            .ok(),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => {
            lock_broken::report_unreadable(diagnostics, &file, &error);
            None
        }
    };
    Some(Locked { file, released, effects: schemas })
}

/// What `#[event(opaque)]` says is read here; no derive knows it where the fields go.
fn lower_schema(diagnostics: &mut Diagnostics, effect: &mut Named) -> TokenStream {
    let schema = emit_fields(diagnostics, &effect.variant.fields);
    for field in &mut effect.variant.fields {
        field.attrs.retain(|attr| !attr.path().is_ident("event"));
    }
    schema
}
