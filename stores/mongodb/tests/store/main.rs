//! The MongoDB store keeps the contract, and fails with the name of its database.
//!
//! Every test has a database of its own, which is dropped when the test went well.

mod failures;
mod groups;
mod log;
mod options;
mod schema;
mod server;

statewright::conformance!(network crate::server::Database);
