//! Where packages are kept that were unpacked: one folder for each, made by one process at a time.
//!
//! It does not know where packages come from.

use crate::error::CommandError;
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Stands in a folder that is whole.
const WHOLE: &str = "whole";

/// `target/services` of this workspace.
pub fn folder() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    workspace.join(target).join("services")
}

/// The folder of a package; `make` fills it if it is not there. Processes that ask at once wait for the first.
pub(crate) fn kept(
    package: &str,
    make: impl FnOnce(&Path) -> Result<(), CommandError>,
) -> Result<PathBuf, CommandError> {
    let root = folder();
    let home = root.join(package);
    if home.join(WHOLE).exists() {
        return Ok(home);
    }
    let locked = root.join(format!("{package}.lock"));
    fs::create_dir_all(&root).map_err(at(&root))?;
    let lock = File::create(&locked).map_err(at(&locked))?;
    lock.lock().map_err(at(&locked))?;
    if home.join(WHOLE).exists() {
        return Ok(home);
    }
    // Left behind by a process that was killed.
    if home.exists() {
        fs::remove_dir_all(&home).map_err(at(&home))?;
    }
    fs::create_dir(&home).map_err(at(&home))?;
    make(&home)?;
    fs::write(home.join(WHOLE), "").map_err(at(&home))?;
    Ok(home)
}

pub(crate) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> CommandError {
    let path = path.to_owned();
    move |source| CommandError::Folder { path, source }
}
