//! Instances that are held against the code of today per second: a trigger with a payload is asked of the graph, one
//! without is decided again.

use crate::Failure;
use crate::machine::{Counter, CounterTrigger, Light, LightTrigger, note};
use crate::steps::per_second;
use statewright::replay::ReplayCheck;
use statewright::{Host, Machine};
use statewright_sqlite::SqliteStore;
use std::sync::Arc;
use std::time::Instant;
use tempfile::TempDir;

const INSTANCES: usize = 10_000;
const STEPS: usize = 10;

pub(crate) async fn run() -> Result<(), Failure> {
    println!("\n{:<24} {:>14} {:>14}", "replay_check", "steps, per s", "instances, per s");
    case::<Counter>("with payloads", |n| CounterTrigger::Add { n, note: note() }).await?;
    case::<Light>("without payloads", |_| LightTrigger::Press).await
}

async fn case<M: Machine>(name: &str, trigger: fn(u64) -> M::Trigger) -> Result<(), Failure> {
    let folder = TempDir::new()?;
    let store = Arc::new(SqliteStore::open(folder.path().join("bench.db"))?);
    fill::<M>(&store, trigger).await?;
    let began = Instant::now();
    let report = ReplayCheck::<M>::new(store).run(|_| ()).await?;
    assert!(report.is_same() && report.checked == INSTANCES as u64, "{report}");
    let name = format!("{INSTANCES} {name}");
    println!("{name:<24} {:>14} {:>14}", per_second(INSTANCES * STEPS, began), per_second(INSTANCES, began));
    Ok(())
}

async fn fill<M: Machine>(store: &Arc<SqliteStore>, trigger: fn(u64) -> M::Trigger) -> Result<(), Failure> {
    let host = Host::<M>::builder(Arc::clone(store)).snapshot_every(u64::MAX).build().await?;
    let fire = |n: usize| {
        let host = host.clone();
        tokio::spawn(async move {
            for k in 0..STEPS as u64 {
                host.instance(&n.to_string()).fire(trigger(k)).await?;
            }
            Ok::<_, statewright::FireError>(())
        })
    };
    for task in (0..INSTANCES).map(fire).collect::<Vec<_>>() {
        task.await??;
    }
    host.shutdown().await;
    Ok(())
}
