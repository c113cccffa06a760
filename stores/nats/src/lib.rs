#![doc = include_str!("../README.md")]

mod append;
mod cells;
mod codec;
mod erase;
mod error;
mod leads;
mod link;
mod options;
mod places;
mod pool;
mod prepared;
mod pulse;
mod read;
mod schema;
mod statistics;
mod store;
mod streams;
mod subject;
mod wake;

pub use error::NatsError;
pub use options::{Options, OptionsError};
pub use statistics::Statistics;
pub use store::NatsStore;
