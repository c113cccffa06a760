//! An outside world that survives the process: a bell that notes in a file whenever it rings.

use crate::{Door, DoorEffects, DoorTrigger};
use statewright::effect::{EffectAnswer, EffectCx, EffectError};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes a line `key` for each time that it rang, and is out of order at the first try of every seventh record.
#[derive(Debug)]
pub struct Outside(File);

impl Outside {
    /// The outside world of a store's file.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(store: &Path) -> io::Result<Self> {
        OpenOptions::new().create(true).append(true).open(path(store)).map(Self)
    }

    /// What has happened there until now.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn read(store: &Path) -> io::Result<Vec<String>> {
        Ok(std::fs::read_to_string(path(store))?.lines().map(str::to_owned).collect())
    }
}

fn path(store: &Path) -> PathBuf {
    store.with_added_extension("outside")
}

impl DoorEffects for Outside {
    async fn ring(&self, cx: &EffectCx, _times: u64) -> EffectAnswer<Door> {
        if cx.revision().is_multiple_of(7) && cx.attempt() == 1 {
            return Err(EffectError::retry("out of order"));
        }
        // One write, so that a kill leaves the whole line or none.
        (&self.0).write_all(format!("{}\n", cx.key()).as_bytes()).map_err(EffectError::retry)?;
        Ok(Some(DoorTrigger::Rung))
    }
}
