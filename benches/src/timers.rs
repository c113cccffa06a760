//! What timers that are due cost beside more and more that are not: the time from opening the store until a thousand
//! overdue ones have run, and the memory of the process while the rest wait.

use crate::Failure;
use jiff::{SignedDuration, Timestamp};
use statewright::Host;
use statewright::prelude::*;
use statewright::store::{Append, Head, Outcome, RecordedStep, Shard, Store, StreamId, TimerChange, Unit};
use statewright_sqlite::SqliteStore;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PENDING: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
const DUE: usize = 1_000;

/// The name by which the program is called to fill a file: path and alarms follow.
pub(crate) const FILL: &str = "set-alarms";

/// Streams that begin with one append.
const BATCH: usize = 1_000;

/// Between two looks at what the host has done.
const LOOK: Duration = Duration::from_millis(2);

state_machine! {
    /// It rings an hour after it was set.
    pub(crate) machine Alarm {
        triggers { Set }
        initial Idle;
        state Idle { on Set => Armed; }
        state Armed { after 1h => Idle; }
    }
}

pub(crate) async fn run() -> Result<(), Failure> {
    println!("\n{:<24} {:>14} {:>14} {:>14}", "timers pending", "agenda, s", "1,000 due, ms", "memory, MB");
    for pending in PENDING {
        let folder = TempDir::new()?;
        let path = folder.path().join("bench.db");
        // In a process of its own: what it leaves of its memory would hide what the host takes.
        let set =
            Command::new(std::env::current_exe()?).arg(FILL).arg(&path).arg(pending.to_string()).status()?;
        if !set.success() {
            return Err(format!("setting the alarms {set}").into());
        }
        let store = Arc::new(SqliteStore::open(&path)?);
        let (before, began) = (resident()?, Instant::now());
        let host = Host::<Alarm>::builder(Arc::clone(&store)).build().await?;
        while entries(&*store).await? < pending {
            tokio::time::sleep(began.elapsed() / 4).await;
        }
        let agenda = began.elapsed();
        let began = Instant::now();
        set_all(&*store, "due", (DUE, Timestamp::now())).await?;
        while rung(&*store).await? < DUE {
            tokio::time::sleep(LOOK).await;
        }
        let (due, grown) = (began.elapsed(), resident()?.saturating_sub(before) / 1_000_000);
        println!("{pending:<24} {:>14.2} {:>14} {grown:>14}", agenda.as_secs_f64(), due.as_millis());
        host.shutdown().await;
    }
    Ok(())
}

/// Sets alarms for an hour from now, in a file of their own.
pub(crate) async fn fill(path: &str, pending: usize) -> Result<(), Failure> {
    let later = Timestamp::now().checked_add(SignedDuration::from_hours(1))?;
    set_all(&SqliteStore::open(path)?, "later", (pending, later)).await
}

/// Sets alarms that ring at one time, without a host.
async fn set_all(store: &dyn Store, name: &str, alarms: (usize, Timestamp)) -> Result<(), Failure> {
    let (count, due) = alarms;
    for first in (0..count).step_by(BATCH) {
        let alarm = |n: usize| {
            let stream = StreamId::new("", "Alarm", &format!("{name}-{n}"));
            Append { stream, after: Head::default(), steps: vec![step(due)] }
        };
        let batch = (first..count.min(first + BATCH)).map(alarm).collect();
        for outcome in store.append(batch, Unit::Each).await {
            if !matches!(outcome, Outcome::Appended(_)) {
                return Err(format!("{outcome:?}").into());
            }
        }
    }
    Ok(())
}

fn step(due: Timestamp) -> RecordedStep {
    let mut step = RecordedStep {
        at: due - SignedDuration::from_hours(1),
        command: "set".into(),
        trigger: "Set".into(),
        from: "Idle".into(),
        to: "Armed".into(),
        ..RecordedStep::default()
    };
    step.body.timers.push(TimerChange { name: "Armed#0".into(), due: Some(due), every: None });
    step
}

async fn entries(store: &dyn Store) -> Result<usize, Failure> {
    let mut count = 0;
    for shard in (0..store.limits().shards).map(Shard) {
        let mut last: Option<Box<str>> = None;
        loop {
            let cells = store.list(shard, "agenda/", last.as_deref(), BATCH).await?;
            count += cells.len();
            match cells.into_iter().next_back() {
                Some(cell) => last = Some(cell.key.name),
                None => break,
            }
        }
    }
    Ok(count)
}

/// Alarms of this machine that have rung: their second record.
async fn rung(store: &dyn Store) -> Result<usize, Failure> {
    let mut count = 0;
    for n in 0..DUE {
        let head = store.head(&StreamId::new("", "Alarm", &format!("due-{n}"))).await?;
        count += usize::from(head.revision.0 > 1);
    }
    Ok(count)
}

/// Bytes of the process in memory, as Linux tells.
fn resident() -> Result<u64, Failure> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = pages.split_whitespace().nth(1).unwrap_or("0").parse()?;
    Ok(pages * 4_096)
}
