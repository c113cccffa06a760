//! What an idle instance takes that a host keeps in memory.

use crate::Failure;
use crate::machine::{Counter, CounterTrigger};
use statewright::Host;
use statewright::store::MemoryStore;
use std::sync::Arc;

/// Instances that are kept.
const INSTANCES: usize = 100_000;

pub(crate) fn run() -> Result<(), Failure> {
    println!("\n{:<24} {:>14}", "an idle instance", "bytes");
    for records in [1, 10, 100] {
        // What is measured is what this thread allocates, so everything runs on it.
        let measured = std::thread::spawn(move || measure(records));
        let bytes = measured.join().map_err(|_| "it panicked")??;
        println!("{:<24} {bytes:>14}", format!("of {records} records"));
    }
    Ok(())
}

/// Bytes that stay when a host has read every instance, divided by their number.
fn measure(records: usize) -> Result<u64, Failure> {
    // Many records make the store large, and an instance no larger than its window of command ids.
    let instances = INSTANCES / records;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let store = Arc::new(MemoryStore::new());
    runtime.block_on(write(&store, instances, records))?;
    let host = runtime.block_on(host(&store))?;
    let mut read = Ok(());
    let taken = allocation_counter::measure(|| read = runtime.block_on(load(&host, instances)));
    read?;
    if host.cached() != instances {
        return Err(format!("{} are kept", host.cached()).into());
    }
    Ok(u64::try_from(taken.bytes_current)? / instances as u64)
}

async fn host(store: &Arc<MemoryStore>) -> Result<Host<Counter>, Failure> {
    Ok(Host::builder(Arc::clone(store)).cache_max(2 * INSTANCES).snapshot_every(u64::MAX).build().await?)
}

async fn write(store: &Arc<MemoryStore>, instances: usize, records: usize) -> Result<(), Failure> {
    let host = host(store).await?;
    for instance in 0..instances {
        let instance = host.instance(&format!("counter-{instance:08}"));
        for n in 0..records as u64 {
            instance.fire(CounterTrigger::Add { n, note: String::new() }).await?;
        }
    }
    host.shutdown().await;
    Ok(())
}

async fn load(host: &Host<Counter>, instances: usize) -> Result<(), Failure> {
    for instance in 0..instances {
        host.instance(&format!("counter-{instance:08}")).revision().await?;
    }
    Ok(())
}
