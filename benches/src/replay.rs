//! Events replayed per second: instances loaded from their records, without snapshots.

use crate::Failure;
use crate::machine::{Counter, CounterTrigger, note};
use crate::steps::per_second;
use statewright::{Host, Repository};
use statewright_sqlite::SqliteStore;
use std::sync::Arc;
use std::time::Instant;
use tempfile::TempDir;

const SHAPES: &[(usize, usize)] = &[(20, 5_000), (2_000, 10)];

pub(crate) async fn run() -> Result<(), Failure> {
    println!("\n{:<24} {:>14} {:>14}", "replay", "events, per s", "loads, per s");
    for (instances, events) in SHAPES {
        let folder = TempDir::new()?;
        let store = Arc::new(SqliteStore::open(folder.path().join("bench.db"))?);
        fill(&store, *instances, *events).await?;
        let repository = Repository::<Counter>::new(Arc::clone(&store));
        let began = Instant::now();
        for n in 0..*instances {
            let loaded = repository.load(&repository.stream("", &n.to_string())).await?;
            assert_eq!(loaded.revision().0, *events as u64, "every event is replayed");
        }
        let name = format!("{instances} x {events} events");
        println!(
            "{name:<24} {:>14} {:>14}",
            per_second(instances * events, began),
            per_second(*instances, began)
        );
    }
    Ok(())
}

async fn fill(store: &Arc<SqliteStore>, instances: usize, events: usize) -> Result<(), Failure> {
    let host = Host::<Counter>::builder(Arc::clone(store)).snapshot_every(u64::MAX).build().await?;
    let fire = |n: usize| {
        let host = host.clone();
        tokio::spawn(async move {
            for k in 0..events as u64 {
                host.instance(&n.to_string()).fire(CounterTrigger::Add { n: k, note: note() }).await?;
            }
            Ok::<_, statewright::FireError>(())
        })
    };
    for task in (0..instances).map(fire).collect::<Vec<_>>() {
        task.await??;
    }
    host.shutdown().await;
    Ok(())
}
