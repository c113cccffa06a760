//! A process to be killed: steps whose effects write into a file of the outside world.

use statewright::Host;
use statewright_sqlite::SqliteStore;
use statewright_tests::DoorTrigger;
use statewright_tests::outside::Outside;
use std::io::Write;

/// `ringing FILE ROUND`: 16 instances side by side; a line `instance revision` for each acknowledged step. What is done goes
/// into `FILE.outside`.
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (file, round) = (arguments.next().ok_or("no file")?, arguments.next().ok_or("no round")?);
    let outside = Outside::open(file.as_ref())?;
    let host = Host::builder(SqliteStore::open(file)?).effects(outside).snapshot_every(10).build().await?;
    let tasks: Vec<_> = (0..16)
        .map(|instance| tokio::spawn(fire(host.clone(), format!("door-{instance}"), round.clone())))
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn fire(
    host: Host<statewright_tests::Door>,
    instance: String,
    round: String,
) -> Result<(), std::io::Error> {
    for n in 0..1_000_000_u64 {
        let knock = DoorTrigger::Knock { times: n % 5 };
        let fired = host.instance(&instance).command(&format!("{round}/{n}")).fire(knock).await;
        let revision = match fired {
            Ok(fired) => fired.revision,
            // Nobody knocks no times.
            Err(error) if error.rejection().is_some() => continue,
            Err(error) => return Err(std::io::Error::other(error)),
        };
        // One write for each line, so that a kill cuts no line in two that others write.
        std::io::stdout().lock().write_all(format!("{instance} {revision}\n").as_bytes())?;
        std::io::stdout().flush()?;
    }
    Ok(())
}
