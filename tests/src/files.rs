//! What stands in the files of a store, whatever the store says.

use std::fs;
use std::path::Path;

/// The bytes of every file in a folder.
///
/// # Panics
/// A file cannot be read.
pub fn bytes(folder: &Path) -> Vec<u8> {
    let files = fs::read_dir(folder).expect("it is there").map(|entry| entry.expect("readable").path());
    files.flat_map(|file| fs::read(file).expect("readable")).collect()
}

/// Whether a text stands in them.
pub fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
