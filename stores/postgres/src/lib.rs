//! The store of [`statewright`] on PostgreSQL: many hosts, one server.
//!
//! A writer collects what is to be appended and writes it in one transaction, or in a few at once that share no shard. Each
//! raises the counter of every shard that it touches, and has the shard until it ends. So the transactions of a shard follow
//! each other, and nothing ever becomes visible behind a reader's cursor.
#![doc = include_str!("../README.md")]

mod append;
mod connections;
mod error;
mod options;
mod pipeline;
mod protection;
mod queue;
mod rows;
mod schema;
mod shelf;
mod statements;
mod statistics;
mod store;
mod tail;
mod text;
mod tls;
mod transaction;
mod wake;
mod writer;

pub use error::PostgresError;
pub use options::{Durability, Options};
pub use statistics::Statistics;
pub use store::PostgresStore;
