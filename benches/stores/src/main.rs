//! Figures of stores on servers, each beside its peers in the same run: trust the ratios, not the absolutes.
//!
//! `cargo run --release --manifest-path benches/stores/Cargo.toml -- postgres`. The server is the one that `DATABASE_URL` names, or a
//! private one. `--features metrics -- hosts` measures one to three hosts as processes on one server, `-- nats-subjects` what
//! instances and cells take of a private NATS server and how long it takes to start again with them.

#[cfg(feature = "metrics")]
mod hosts;
mod nats;
mod ours;
mod peers;
mod postgres;

use clap::{Parser, ValueEnum};
use std::error::Error;
use std::time::Duration;

/// What ends a run.
type Failure = Box<dyn Error + Send + Sync>;

/// What is measured.
#[derive(Parser)]
struct Plan {
    /// Those that have peers, if none is named.
    #[arg(value_enum)]
    benches: Vec<Bench>,
    /// Tasks that fire at once.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 32, 256])]
    tasks: Vec<usize>,
    /// How long each is measured.
    #[arg(long = "seconds", default_value = "4", value_parser = |text: &str| text.parse().map(Duration::from_secs_f64))]
    time: Duration,
    /// Leaves the peers out.
    #[arg(long)]
    ours: bool,
    /// Shards of our store on PostgreSQL, if not as many as it has by itself.
    #[arg(long)]
    shards: Option<u16>,
    /// Most transactions at once of our store on PostgreSQL.
    #[arg(long, default_value_t = 4)]
    transactions: usize,
    /// The server of `hosts`: `postgres`, `nats` or `nats-cluster`; all of them when none is named.
    #[arg(long)]
    #[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "only that bench asks"))]
    on: Option<String>,
    /// How many instances there are in the end of `nats-subjects`, step by step.
    #[arg(long, value_delimiter = ',', default_values_t = [250_000, 500_000, 1_000_000])]
    instances: Vec<usize>,
    /// Nodes of the server of `nats-subjects`.
    #[arg(long, default_value_t = 1)]
    nodes: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Bench {
    Postgres,
    Hosts,
    NatsSubjects,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    #[cfg(feature = "metrics")]
    if std::env::args().nth(1).is_some_and(|word| word == hosts::HOST) {
        return hosts::host(std::env::args().skip(2).collect()).await;
    }
    let plan = Plan::parse();
    // The last has no peers, and takes its time: only when it is named.
    let wanted = |bench| match &plan.benches[..] {
        [] => bench != Bench::NatsSubjects,
        benches => benches.contains(&bench),
    };
    println!("{} cores", std::thread::available_parallelism()?);
    if wanted(Bench::Postgres) {
        postgres::run(&plan).await?;
    }
    #[cfg(feature = "metrics")]
    if wanted(Bench::Hosts) {
        hosts::run(&plan)?;
    }
    #[cfg(not(feature = "metrics"))]
    if plan.benches.contains(&Bench::Hosts) {
        return Err("`hosts` reads metrics: say `--features metrics`".into());
    }
    if wanted(Bench::NatsSubjects) {
        nats::run(&plan).await?;
    }
    Ok(())
}
