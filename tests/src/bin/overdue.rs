//! A process to be killed: begins instances whose timers are overdue, runs the timers, and says of each instance that its
//! beginning was acknowledged.

use jiff::{SignedDuration, Timestamp};
use statewright::Host;
use statewright_sqlite::SqliteStore;
use statewright_tests::kettle::{Kettle, KettleTrigger};
use std::io::Write;

/// `overdue FILE ROUND`: a line `instance` for each acknowledged beginning.
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (file, round) = (arguments.next().ok_or("no file")?, arguments.next().ok_or("no round")?);
    let host = Host::<Kettle>::builder(SqliteStore::open(file)?).build().await?;
    let begun = Timestamp::now() - SignedDuration::from_hours(1);
    for n in 0..1_000_000 {
        let instance = format!("{round}-{n}");
        host.instance(&instance).command("fill").at(begun).fire(KettleTrigger::Fill).await?;
        let mut out = std::io::stdout().lock();
        out.write_all(format!("{instance}\n").as_bytes())?;
        out.flush()?;
    }
    Ok(())
}
