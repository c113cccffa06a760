//! `version_misuse`: a version that is no version.

use crate::diagnostics::{Diagnostics, VERSION_MISUSE};
use syn::LitInt;

/// Reads a version; 1 when there is none.
pub(crate) fn read(diagnostics: &mut Diagnostics, version: Option<&LitInt>) -> u32 {
    let Some(version) = version else { return 1 };
    match version.base10_parse::<u32>() {
        Ok(number) if number > 0 => number,
        _ => {
            let wrong = format!("`{version}` is not a version");
            diagnostics.broken(
                VERSION_MISUSE,
                version,
                (wrong, "versions are counted from 1 and fit 32 bits".to_owned()),
            );
            1
        }
    }
}
