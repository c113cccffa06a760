//! One service at a time: a lock file beside the database names its holder.
//!
//! The operating system drops the lock when its process ends, however it ends; what is left is a file that locks nothing.

use crate::error::other;
use statewright::store::StoreError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Held as long as it lives.
#[derive(Debug)]
pub(crate) struct Lock(#[allow(dead_code, reason = "the lock is the open file")] File);

impl Lock {
    pub(crate) fn take(database: &Path) -> Result<Self, StoreError> {
        let path = lock_path(database);
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(|error| other(&path, "open the lock file", error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who cannot be read is still somebody.
                let _ = file.read_to_string(&mut holder);
                let holder = if holder.trim().is_empty() {
                    "another process".to_owned()
                } else {
                    holder.trim().to_owned()
                };
                return Err(StoreError::Locked { store: database.display().to_string(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(other(&path, "lock the lock file", error)),
        }
        let holder = format!("process {} ({})\n", std::process::id(), program());
        let written =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(holder.as_bytes()));
        written.map_err(|error| other(&path, "write the lock file", error))?;
        Ok(Self(file))
    }
}

fn lock_path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

fn program() -> String {
    let program = std::env::current_exe().ok();
    program
        .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .unwrap_or_else(|| "unknown program".to_owned())
}
