//! A bounded pool of read-only connections, opened as they are needed.

use crate::error::{other, sqlite};
use crate::schema::open_reader;
use rusqlite::Connection;
use statewright::store::StoreError;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    turns: Semaphore,
}

impl Readers {
    pub(crate) fn new(path: PathBuf, max: usize) -> Arc<Self> {
        Arc::new(Self { path, idle: Mutex::default(), turns: Semaphore::new(max) })
    }

    /// Reads on a connection of the pool, on a thread that may block.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        // The semaphore is never closed.
        let _turn = self.turns.acquire().await;
        let this = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || this.read_now(read)).await;
        done.map_err(|error| other(&self.path, "read", error))?
    }

    fn read_now<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open_reader(&self.path)
                .map_err(|error| sqlite(&self.path, "open the file for reading", error))?,
        };
        let answer = read(&connection).map_err(|error| sqlite(&self.path, "read", error));
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        answer
    }
}
