#![doc = include_str!("../README.md")]

mod cells;
mod codec;
mod error;
mod link;
mod log;
mod options;
mod schema;
mod statistics;
mod store;
mod wake;
mod writer;

pub use mongodb::options::TlsOptions;
pub use options::Options;
pub use statistics::Statistics;
pub use store::MongoStore;
