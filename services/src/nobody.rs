//! Servers that refuse to be run by root are run by nobody where we are root.
//!
//! It knows no server.

use crate::error::ServiceError;
use crate::process::run;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

/// Who that is.
const NOBODY: u32 = 65_534;

/// Lets nobody search folders on the way to the binaries that only root may.
const CAPABILITY: [&str; 2] = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"];

/// Gives `folder` to who runs the server from now on.
pub(crate) fn give(folder: &Path) -> Result<(), ServiceError> {
    if !is_of(folder, 0) {
        return Ok(());
    }
    let given = chown(folder, Some(NOBODY), Some(NOBODY))
        .and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(0o700)));
    given.map_err(|source| ServiceError::Folder { path: folder.to_owned(), source })
}

/// The words that start `binary` for a server in `folder`.
pub(crate) fn command(binary: &Path, folder: &Path) -> Vec<OsString> {
    let mut words: Vec<OsString> = Vec::new();
    if is_of(folder, NOBODY) {
        words = as_nobody(&CAPABILITY);
        words.extend([binary.into(), "--version".into()]);
        let capable = run(&mut prepared(&words)).is_ok();
        words = as_nobody(if capable { &CAPABILITY } else { &[] });
    }
    words.push(binary.into());
    words
}

/// A command of several words.
pub(crate) fn prepared(words: &[OsString]) -> Command {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).env("LC_ALL", "C");
    command
}

fn as_nobody(more: &[&str]) -> Vec<OsString> {
    let mut words = vec!["setpriv".to_owned(), format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")];
    words.push("--clear-groups".to_owned());
    words.extend(more.iter().map(|&word| word.to_owned()));
    words.into_iter().map(OsString::from).collect()
}

fn is_of(folder: &Path, user: u32) -> bool {
    fs::metadata(folder).is_ok_and(|folder| folder.uid() == user)
}
