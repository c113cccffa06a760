//! A process to be killed: 16 writers, and 4 subscribers of what they write, with random pauses.

use statewright::clock::{Clock, SystemClock};
use statewright::subscription::{Message, Start};
use statewright::{FireError, Host};
use statewright_sqlite::{Projector, SqliteStore};
use statewright_tests::follow::Seen;
use statewright_tests::{Door, DoorTrigger};
use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

type Failure = Box<dyn Error + Send + Sync>;

/// `follow FILE ROUND`: a line `name instance revision` for each record that the subscriptions `a` and `b` were handed; the
/// projections `c` and `d` write theirs to the file.
#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (file, round) = (arguments.next().ok_or("no file")?, arguments.next().ok_or("no round")?);
    let store = Arc::new(SqliteStore::open(file)?);
    let host = Host::<Door>::builder(Arc::clone(&store)).effects_elsewhere().build().await?;
    let mut tasks = Vec::new();
    for name in ["a", "b"] {
        tasks.push(tokio::spawn(consume(host.clone(), name)));
    }
    for name in ["c", "d"] {
        tasks.push(tokio::spawn(project(store.project(Seen { name }, host.subscribe(Start::Beginning))?)));
    }
    for writer in 0..16 {
        tasks.push(tokio::spawn(write(host.clone(), format!("{round}/{writer}"))));
    }
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn write(host: Host<Door>, writer: String) -> Result<(), Failure> {
    for n in 0..1_000_000 {
        let door = host.instance(&format!("door-{}", fastrand::u8(0..24)));
        match door.command(&format!("{writer}/{n}")).fire(DoorTrigger::Knock { times: 1 }).await {
            Ok(_) | Err(FireError::Busy { .. }) => pause(200).await,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn consume(host: Host<Door>, name: &str) -> Result<(), Failure> {
    let mut consumer = host.subscribe(Start::Beginning).named(name).open().await?;
    loop {
        if let Message::Record(item) = consumer.next().await? {
            let line = format!("{name} {} {}\n", item.record.stream.instance, item.record.revision);
            // One write for each line, so that a kill cuts no line in two that others write.
            std::io::stdout().lock().write_all(line.as_bytes())?;
            std::io::stdout().flush()?;
            pause(100).await;
        }
        if fastrand::u8(0..8) == 0 {
            consumer.ack().await?;
        }
    }
}

async fn project(mut projector: Projector<Seen>) -> Result<(), Failure> {
    loop {
        projector.advance().await?;
        pause(4).await;
    }
}

/// Now and then, some milliseconds.
async fn pause(seldom: u64) {
    if fastrand::u64(0..seldom) == 0 {
        SystemClock.sleep(Duration::from_millis(fastrand::u64(0..20))).await;
    }
}
