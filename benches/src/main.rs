//! Figures of the whole on SQLite, each beside its ceiling in the same run: trust the ratios, not the absolutes.
//!
//! `cargo xtask bench`. The ceiling of durable steps is the store alone, fed with the same steps by as many tasks.

mod build;
mod machine;
mod replay;
mod steps;

use std::error::Error;

/// What ends a run.
type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    println!("{} cores", std::thread::available_parallelism()?);
    steps::run().await?;
    replay::run().await?;
    build::run()
}
