//! A process to be killed: erases a tenant, and stands still at one of its writes.

use statewright::Host;
use statewright_sqlite::SqliteStore;
use statewright_tests::Door;
use statewright_tests::stalling::Stalling;
use std::io::Write;

/// `erase FILE TENANT WRITES`: says `stalled` when it stands still behind so many writes, or `erased`.
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (file, tenant) = (arguments.next().ok_or("no file")?, arguments.next().ok_or("no tenant")?);
    let writes = arguments.next().ok_or("no count")?.parse()?;
    let store = Stalling::new(SqliteStore::open(file)?, writes, || say("stalled"));
    let host = Host::<Door>::builder(store).effects_elsewhere().build().await?;
    host.tenant(&tenant)?.erase().await?;
    say("erased");
    Ok(())
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Who listens has gone: then it is over.
    let _ = out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush());
}
