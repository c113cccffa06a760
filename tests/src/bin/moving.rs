//! A process to be killed: copies one file into another, while it serves the first one or when nobody does.

use statewright::copy::{Copy, copy};
use statewright::{FireError, Host};
use statewright_sqlite::SqliteStore;
use statewright_tests::outside::Outside;
use statewright_tests::{Door, DoorTrigger};
use std::error::Error;
use std::io::Write;
use std::sync::Arc;

type Failure = Box<dyn Error + Send + Sync>;

/// `moving serve NEW OLD ROUND`: 16 writers whose effects ring, and a copy that follows them and verifies; `moving over NEW OLD
/// ROUND`: the cut-over, and `over` at the end. A line `instance command revision` for each acknowledged step, `page` for each
/// page that was copied.
#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [what, new, old, round] = &arguments[..] else { return Err("four arguments".into()) };
    let store = Arc::new(SqliteStore::open(old)?);
    let moving = copy(Arc::clone(&store), SqliteStore::open(new)?);
    let moving = moving.on_progress(|_| say("page").expect("somebody listens"));
    match what.as_str() {
        "serve" => serve((store, old, round), moving).await,
        "over" => {
            moving.cut_over().await?;
            Ok(say("over")?)
        }
        _ => Err("serve or over".into()),
    }
}

async fn serve(place: (Arc<SqliteStore>, &str, &str), moving: Copy) -> Result<(), Failure> {
    let (store, old, round) = place;
    let outside = Outside::open(old.as_ref())?;
    let host = Host::<Door>::builder(store).effects(outside).snapshot_every(10).build().await?;
    for door in 0..16 {
        tokio::spawn(write(host.clone(), format!("door-{door}"), round.to_owned()));
    }
    loop {
        moving.catch_up().await?;
        moving.verify().await?;
    }
}

async fn write(host: Host<Door>, door: String, round: String) -> Result<(), Failure> {
    for n in 0..1_000_000_u64 {
        let command = format!("{round}/{n}");
        match host.instance(&door).command(&command).fire(DoorTrigger::Knock { times: 1 + n % 5 }).await {
            Ok(fired) => say(&format!("{door} {command} {}", fired.revision))?,
            Err(FireError::Busy { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// One write for each line, so that a kill cuts no line in two that others write.
fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes())?;
    out.flush()
}
