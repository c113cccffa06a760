//! What the machine's page shows under rustdoc, and the files that `STATEWRIGHT_DIAGRAM` asks for.

use super::Emitter;
use crate::asker;
use crate::diagnostics::{Diagnostics, RULES};
use crate::model::Model;
use proc_macro2::TokenStream;
use quote::quote;
use statewright_definition::Definition;
use std::path::PathBuf;
use std::{env, fs};

/// The diagram, the transitions, what is proven. Only rustdoc pays for it.
pub(super) fn emit_docs(emitter: &Emitter<'_>) -> TokenStream {
    if !emitter.sound || !asker::is_rustdoc() {
        return TokenStream::new();
    }
    let page = page(emitter.definition);
    quote!(#[doc = #page])
}

fn page(definition: &Definition<'_>) -> String {
    // Blank lines would end the block of HTML that the picture is.
    let picture: Vec<_> =
        definition.to_svg().lines().map(str::to_owned).filter(|line| !line.is_empty()).collect();
    let rules: Vec<_> = RULES.iter().map(|rule| format!("`{}`", rule.name)).collect();
    let claims: Vec<_> = definition.proofs.iter().map(|claim| format!("- `{claim}`")).collect();
    let claims = match claims.join("\n") {
        none if none.is_empty() => none,
        claims => format!("\nClaims of its own, proven:\n\n{claims}\n"),
    };
    format!(
        "\n\n# Diagram\n\n<div style=\"overflow-x: auto\">\n{}\n</div>\n\n# Transitions\n\n{}\n# Proven\n\nThe compiler has held it against {}.\n{claims}",
        picture.join("\n"),
        definition.to_table(),
        rules.join(", "),
    )
}

/// `STATEWRIGHT_DIAGRAM=diagrams cargo check` writes `diagrams/Order.svg` and `diagrams/Order.mmd`, whatever is wrong
/// with the machine.
pub(crate) fn write_on_request(diagnostics: &mut Diagnostics, model: &Model, definition: &Definition<'_>) {
    let Some(folder) = env::var_os("STATEWRIGHT_DIAGRAM").map(PathBuf::from) else { return };
    let write = || {
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("{}.svg", definition.machine)), definition.to_svg())?;
        fs::write(folder.join(format!("{}.mmd", definition.machine)), definition.to_mermaid())
    };
    if let Err(error) = write() {
        let wrong = format!("the diagram cannot be written to `{}`: {error}", folder.display());
        diagnostics.error(&model.name, format!("{wrong}\nhelp: `STATEWRIGHT_DIAGRAM` names a folder"));
    }
}
