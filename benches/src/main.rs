//! Figures of the whole on SQLite, each beside its ceiling in the same run: trust the ratios, not the absolutes.
//!
//! All with `cargo xtask bench`; one by its name, `dispatch`, `decode`, `steps`, `batch`, `replay`, `replay_check`, `history`,
//! `idle`, `limit`, `timers`, `personal` or `build`, with `cargo run --release -p statewright-benches -- <name>`. The ceiling of durable steps is
//! the store alone, fed with the same steps by as many tasks.

mod batch;
mod build;
mod decode;
mod dispatch;
mod history;
mod idle;
mod limit;
mod machine;
mod personal;
mod race;
mod replay;
mod replay_check;
mod steps;
mod timers;

use std::error::Error;

/// What ends a run.
type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    if let [timers::FILL, path, pending] = *asked.iter().map(String::as_str).collect::<Vec<_>>() {
        return timers::fill(path, pending.parse()?).await;
    }
    println!("{} cores", std::thread::available_parallelism()?);
    let wanted = |name: &str| asked.is_empty() || asked.iter().any(|asked| asked == name);
    if wanted("dispatch") {
        dispatch::run()?;
    }
    if wanted("decode") {
        decode::run()?;
    }
    if wanted("steps") {
        steps::run().await?;
    }
    if wanted("batch") {
        batch::run().await?;
    }
    if wanted("replay") {
        replay::run().await?;
    }
    if wanted("replay_check") {
        replay_check::run().await?;
    }
    if wanted("history") {
        history::run().await?;
    }
    if wanted("idle") {
        idle::run()?;
    }
    if wanted("limit") {
        limit::run()?;
    }
    if wanted("timers") {
        timers::run().await?;
    }
    if wanted("personal") {
        personal::run().await?;
    }
    if wanted("build") {
        build::run()?;
    }
    Ok(())
}
