//! Figures of stores on servers, each beside its peers in the same run: trust the ratios, not the absolutes.
//!
//! `cargo run --release --manifest-path benches/stores/Cargo.toml -- postgres`. The server is the one that `DATABASE_URL` names, or a
//! private one. `--tasks 8,32` and `--seconds 5` measure less or longer, `--ours` leaves the peers out.
//!
//! `cargo run --release --manifest-path benches/stores/Cargo.toml --features metrics -- hosts`: one to three hosts as processes on
//! one server; `--on postgres`, `--on nats` or `--on nats-cluster` is one of the servers alone.
//!
//! `cargo run --release --manifest-path benches/stores/Cargo.toml -- nats-subjects`: what instances and cells take of a private NATS
//! server, in memory and on the disk, and how long it takes to start again with them. `--instances 250000,1000000` are others,
//! `--nodes 3` a cluster.

#[cfg(feature = "metrics")]
mod hosts;
mod nats;
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
    /// How many there are in the end, step by step.
    instances: Vec<usize>,
    nodes: usize,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut plan = Plan {
        tasks: vec![1, 8, 32, 256],
        time: Duration::from_secs(4),
        peers: true,
        on: None,
        instances: vec![250_000, 500_000, 1_000_000],
        nodes: 1,
    };
    let mut words = std::env::args().skip(1);
    #[cfg(feature = "metrics")]
    if std::env::args().nth(1).is_some_and(|word| word == hosts::HOST) {
        return hosts::host(std::env::args().skip(2).collect()).await;
    }
    let mut benches = Vec::new();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--tasks" => plan.tasks = numbers(words.next())?,
            "--instances" => plan.instances = numbers(words.next())?,
            "--nodes" => plan.nodes = words.next().unwrap_or_default().parse()?,
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
    // It has no peers, and takes its time: only when it is named.
    if benches.iter().any(|bench| bench == "nats-subjects") {
        nats::run(&plan).await?;
    }
    Ok(())
}

/// Numbers with commas between them.
fn numbers(word: Option<String>) -> Result<Vec<usize>, Failure> {
    Ok(word.unwrap_or_default().split(',').map(str::parse).collect::<Result<_, _>>()?)
}
