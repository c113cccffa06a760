#![doc = include_str!("../README.md")]

mod append;
mod cells;
mod client;
mod error;
mod flight;
mod items;
mod keys;
mod options;
mod reads;
mod runway;
mod schema;
mod statistics;
mod store;
mod tails;

pub use azure_core;
pub use azure_data_cosmos;
pub use error::CosmosFailure;
pub use options::CosmosOptions;
pub use statistics::CosmosStatistics;
pub use store::CosmosStore;
