//! Figures of stores on servers, each beside its peers in the same run: trust the ratios, not the absolutes.
//!
//! `cargo run --release --manifest-path benches/stores/Cargo.toml -- postgres`. The server is the one that `DATABASE_URL` names, or a
//! private one. `--tasks 8,32` and `--seconds 5` measure less or longer, `--ours` leaves the peers out.

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
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut plan = Plan { tasks: vec![1, 8, 32, 256], time: Duration::from_secs(4), peers: true };
    let mut words = std::env::args().skip(1);
    let mut benches = Vec::new();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--tasks" => {
                let numbers = words.next().unwrap_or_default();
                plan.tasks = numbers.split(',').map(str::parse).collect::<Result<_, _>>()?;
            }
            "--seconds" => plan.time = Duration::from_secs_f64(words.next().unwrap_or_default().parse()?),
            "--ours" => plan.peers = false,
            bench => benches.push(bench.to_owned()),
        }
    }
    let wanted = |name: &str| benches.is_empty() || benches.iter().any(|bench| bench == name);
    println!("{} cores", std::thread::available_parallelism()?);
    if wanted("postgres") {
        postgres::run(&plan).await?;
    }
    Ok(())
}
