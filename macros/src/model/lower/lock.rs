//! The lock: its file, read.

use crate::check::lock_broken;
use crate::diagnostics::Diagnostics;
use crate::model::{Lock, Locked};
use std::io::ErrorKind;
use std::path::Path;
use std::{env, fs};
use syn::LitStr;

pub(super) fn lower_lock(diagnostics: &mut Diagnostics, file: Option<&LitStr>) -> Option<Locked> {
    let file = file?.clone();
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
    Some(Locked { file, released })
}
