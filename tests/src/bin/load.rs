//! A process to be killed: fires at its store until then, and says of each step that it was acknowledged.

use statewright::Host;
use statewright_sqlite::SqliteStore;
use statewright_tests::{Door, DoorTrigger};
use std::io::Write;

/// `load FILE ROUND`: 32 instances side by side; a line `instance command revision` for each acknowledged step.
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (file, round) = (arguments.next().ok_or("no file")?, arguments.next().ok_or("no round")?);
    let host = Host::<Door>::builder(SqliteStore::open(file)?)
        .effects_elsewhere()
        .snapshot_every(10)
        .build()
        .await?;
    let tasks: Vec<_> = (0..32)
        .map(|instance| tokio::spawn(fire(host.clone(), format!("door-{instance}"), round.clone())))
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn fire(host: Host<Door>, instance: String, round: String) -> Result<(), std::io::Error> {
    for n in 0..1_000_000 {
        let command = format!("{round}/{n}");
        let fired = host.instance(&instance).command(&command).fire(DoorTrigger::Knock { times: 1 }).await;
        let fired = fired.map_err(std::io::Error::other)?;
        let line = format!("{instance} {command} {}\n", fired.revision);
        // One write for each line, so that a kill cuts no line in two that others write.
        std::io::stdout().lock().write_all(line.as_bytes())?;
        std::io::stdout().flush()?;
    }
    Ok(())
}
