//! Who expands: the compiler, rustdoc, or an editor. Only they can tell, by the name of their program.

use std::env;

/// Whether the expansion is for documentation.
pub(crate) fn is_rustdoc() -> bool {
    program().is_some_and(|name| name == "rustdoc")
}

/// Whether the expansion is for an editor, and nothing is compiled from it.
pub(crate) fn is_editor() -> bool {
    program().is_some_and(|name| name.starts_with("rust-analyzer"))
}

fn program() -> Option<String> {
    let program = env::current_exe().ok()?;
    Some(program.file_stem()?.to_string_lossy().into_owned())
}
