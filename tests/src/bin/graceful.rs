//! A process to be asked to end: fires at its store until then, shuts down, and ends by itself.
//!
//! On standard output: a line `step INSTANCE COMMAND REVISION` for each acknowledged step, `effect KEY` for each effect that
//! was done to its end.

use statewright::effect::{EffectAnswer, EffectCx, EffectError};
use statewright::{FireError, Host};
use statewright_sqlite::SqliteStore;
use statewright_tests::{Door, DoorEffects, DoorTrigger};
use std::io::Write;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// `graceful FILE ROUND`
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (file, round) = (arguments.next().ok_or("no file")?, arguments.next().ok_or("no round")?);
    let mut asked = signal(SignalKind::terminate())?;
    let store = Arc::new(SqliteStore::open(file)?);
    let host = Host::<Door>::builder(Arc::clone(&store)).effects(Bell).snapshot_every(10).build().await?;
    let tasks: Vec<_> = (0..32)
        .map(|instance| tokio::spawn(fire(host.clone(), format!("door-{instance}"), round.clone())))
        .collect();
    asked.recv().await;
    host.shutdown().await;
    for task in tasks {
        task.await??;
    }
    store.close();
    Ok(())
}

/// Until the host takes no more.
async fn fire(host: Host<Door>, instance: String, round: String) -> Result<(), std::io::Error> {
    for n in 0.. {
        let command = format!("{round}/{n}");
        let fired = host.instance(&instance).command(&command).fire(DoorTrigger::Knock { times: 1 }).await;
        match fired {
            Ok(fired) => say(&format!("step {instance} {command} {}", fired.revision))?,
            Err(FireError::Closed) => break,
            Err(error) => return Err(std::io::Error::other(error)),
        }
    }
    Ok(())
}

struct Bell;

impl DoorEffects for Bell {
    async fn ring(&self, cx: &EffectCx, _: u64) -> EffectAnswer<Door> {
        // Others have their turn in the middle of it.
        tokio::task::yield_now().await;
        say(&format!("effect {}", cx.key())).map_err(EffectError::fatal)?;
        Ok(None)
    }
}

/// One write for each line, so that none is cut in two by others.
fn say(line: &str) -> Result<(), std::io::Error> {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes())?;
    out.flush()
}
