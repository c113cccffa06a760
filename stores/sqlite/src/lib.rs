//! The embedded store of [`statewright`]: one SQLite file, durable, no server.
//!
//! One thread writes, and everything that waits when it is free becomes one transaction; a bounded pool of read-only
//! connections reads. The file stays readable by other processes and by stock tools while the service runs.
//!
//! ```no_run
//! # fn main() -> Result<(), statewright::store::StoreError> {
//! let store = statewright_sqlite::SqliteStore::open("orders.db")?;
//! # Ok(()) }
//! ```

mod error;
mod heads;
mod lock;
mod projection;
mod queries;
mod readers;
mod rows;
mod schema;
mod store;
mod writer;

pub use projection::{Progress, ProjectionError, Projector, SqliteProjection, Tables};
pub use rusqlite;
pub use store::{Durability, SqliteBuilder, SqliteStore};
