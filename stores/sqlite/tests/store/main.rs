//! The SQLite store keeps the contract, and fails with the name of its file.

mod failures;

use statewright_sqlite::SqliteStore;
use tempfile::TempDir;

/// A store in a folder of its own, which lasts as long as the test's process.
fn fresh() -> SqliteStore {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder").keep();
    SqliteStore::open(folder.join("test.db")).expect("it opens")
}

statewright::conformance!(crate::fresh());
