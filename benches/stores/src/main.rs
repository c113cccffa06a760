//! Figures of stores on servers, each beside its peers in the same run: trust the ratios, not the absolutes.
//!
//! `cargo run --release --manifest-path benches/stores/Cargo.toml -- postgres`. The server is the one that `DATABASE_URL` names, or a
//! private one. `--tasks 8,32` and `--seconds 5` measure less or longer, `--ours` leaves the peers out.
//!
//! `cargo run --release --manifest-path benches/stores/Cargo.toml --features metrics -- hosts`: one to three hosts as processes on
//! one server; `--on postgres`, `--on nats` or `--on nats-cluster` is one of the servers alone.

#[cfg(feature = "metrics")]
mod hosts;
mod ours;
mod peers;
mod postgres;

use std::error::Error;
use std::time::Duration;

/// What ends a run.
type Failure = Box<dyn Error + Send + Sync>;

/// What is measured.
struct Plan {
    tasks: Vec<usize>,
    time: Duration,
    peers: bool,
    /// Servers of the bench `hosts`; all of them when none is named.
    #[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "only that bench asks"))]
    on: Option<String>,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut plan = Plan { tasks: vec![1, 8, 32, 256], time: Duration::from_secs(4), peers: true, on: None };
    let mut words = std::env::args().skip(1);
    #[cfg(feature = "metrics")]
    if std::env::args().nth(1).is_some_and(|word| word == hosts::HOST) {
        return hosts::host(std::env::args().skip(2).collect()).await;
    }
    let mut benches = Vec::new();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--tasks" => {
                let numbers = words.next().unwrap_or_default();
                plan.tasks = numbers.split(',').map(str::parse).collect::<Result<_, _>>()?;
            }
            "--seconds" => plan.time = Duration::from_secs_f64(words.next().unwrap_or_default().parse()?),
            "--ours" => plan.peers = false,
            "--on" => plan.on = words.next(),
            bench => benches.push(bench.to_owned()),
        }
    }
    let wanted = |name: &str| benches.is_empty() || benches.iter().any(|bench| bench == name);
    println!("{} cores", std::thread::available_parallelism()?);
    if wanted("postgres") {
        postgres::run(&plan).await?;
    }
    #[cfg(feature = "metrics")]
    if wanted("hosts") {
        hosts::run(&plan)?;
    }
    #[cfg(not(feature = "metrics"))]
    if benches.iter().any(|bench| bench == "hosts") {
        return Err("`hosts` reads metrics: say `--features metrics`".into());
    }
    Ok(())
}
