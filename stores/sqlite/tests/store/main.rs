//! The SQLite store keeps the contract, and fails with the name of its file.

mod failures;

use statewright::store::Store;
use statewright::store::conformance::Place;
use statewright_sqlite::SqliteStore;
use std::sync::Arc;
use tempfile::TempDir;

/// A store in a folder of its own.
struct File {
    store: Arc<SqliteStore>,
    _folder: TempDir,
}

impl Place for File {
    async fn fresh() -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
        let store = SqliteStore::open(folder.path().join("test.db")).expect("it opens");
        Self { store: Arc::new(store), _folder: folder }
    }

    /// One process has the file, so its handles are one store.
    async fn open(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as Arc<dyn Store>
    }
}

statewright::conformance!(shared File);
