//! Transitions per second on PostgreSQL: load, decide and append one event of about 200 bytes, over a thousand instances.

use crate::ours::Ours;
use crate::peers::{Kept, Peer};
use crate::{Failure, Plan};
use std::sync::Arc;
use std::time::{Duration, Instant};

const INSTANCES: usize = 1_000;

/// Every contestant takes this many turns; the median counts.
const TURNS: usize = 3;

const NOTE_BYTES: usize = 180;

enum Contestant {
    Ours(Ours),
    Peer(Box<Peer>),
}

impl Contestant {
    async fn transition(&self, instance: &str, note: &str) -> Result<(), Failure> {
        match self {
            Self::Ours(ours) => ours.transition(instance, note).await,
            Self::Peer(peer) => peer.transition(instance, note).await,
        }
    }

    async fn close(self) {
        match self {
            Self::Ours(ours) => ours.close().await,
            Self::Peer(peer) => peer.close().await,
        }
    }
}

#[derive(Clone, Copy)]
enum Name {
    Ours,
    Peer(Kept),
}

pub(crate) async fn run(plan: &Plan) -> Result<(), Failure> {
    let server = statewright_services::postgres()?;
    let mut names = vec![Name::Ours];
    if !plan.ours {
        names.extend([Name::Peer(Kept::Events), Name::Peer(Kept::Aggregates)]);
    }
    println!(
        "\n{:<8} {:>12} {:>16} {:>20} {:>7}",
        "tasks", "ours, per s", "cqrs-es, per s", "with aggregates", "ratio"
    );
    for tasks in &plan.tasks {
        let mut rates = vec![Vec::new(); names.len()];
        for turn in 0..TURNS {
            for (name, rates) in names.iter().zip(&mut rates) {
                rates.push(measure(server.url(), *name, (plan, *tasks), turn).await?);
            }
        }
        let medians: Vec<_> = rates.into_iter().map(median).collect();
        match medians[..] {
            [ours, events, aggregates] => {
                let ratio = ours / events.max(aggregates);
                println!("{tasks:<8} {ours:>12.0} {events:>16.0} {aggregates:>20.0} {ratio:>7.2}");
            }
            _ => println!("{tasks:<8} {:>12.0}", medians.first().copied().unwrap_or_default()),
        }
    }
    Ok(())
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

/// One turn, in a schema of its own that is gone behind it.
async fn measure(url: &str, name: Name, (plan, tasks): (&Plan, usize), turn: usize) -> Result<f64, Failure> {
    let schema = format!("bench_{}_{tasks}_{turn}", std::process::id());
    let contestant = match name {
        Name::Ours => Contestant::Ours(Ours::open(url, &schema, plan).await?),
        Name::Peer(kept) => Contestant::Peer(Box::new(Peer::open(url, &schema, kept).await?)),
    };
    let contestant = Arc::new(contestant);
    // Instances begin with a record each, and connections are made.
    drive(&contestant, tasks, Until::Each).await?;
    let rate = drive(&contestant, tasks, Until::Time(plan.time)).await?;
    if let Contestant::Ours(ours) = &*contestant
        && std::env::var_os("STATISTICS").is_some()
    {
        println!("{tasks} tasks: {rate:.0} per s, {:?}", ours.statistics());
    }
    if let Ok(contestant) = Arc::try_unwrap(contestant) {
        contestant.close().await;
    }
    let pool = sqlx::PgPool::connect(url).await?;
    sqlx::raw_sql(&format!("DROP SCHEMA {schema} CASCADE; CHECKPOINT")).execute(&pool).await?;
    pool.close().await;
    Ok(rate)
}

#[derive(Clone, Copy)]
enum Until {
    /// Every instance once.
    Each,
    /// Random instances, each task those of its own: nobody meets anybody.
    Time(Duration),
}

/// Transitions per second.
async fn drive(contestant: &Arc<Contestant>, tasks: usize, until: Until) -> Result<f64, Failure> {
    let began = Instant::now();
    let work = |task: usize| {
        let contestant = Arc::clone(contestant);
        tokio::spawn(async move {
            let own: Vec<_> = (task..INSTANCES).step_by(tasks).map(|n| format!("counter-{n}")).collect();
            let (mut random, note) = (fastrand::Rng::with_seed(task as u64), "n".repeat(NOTE_BYTES));
            let mut done = 0_u32;
            loop {
                let instance = match until {
                    Until::Each => own.get(done as usize),
                    Until::Time(time) if began.elapsed() < time => random.choice(&own),
                    Until::Time(_) => None,
                };
                let Some(instance) = instance else { return Ok::<_, Failure>(done) };
                contestant.transition(instance, &note).await?;
                done += 1;
            }
        })
    };
    let mut sum = 0;
    for task in (0..tasks).map(work).collect::<Vec<_>>() {
        sum += task.await??;
    }
    Ok(f64::from(sum) / began.elapsed().as_secs_f64())
}
