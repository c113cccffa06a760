//! A host as a process of its own: it does what it is told by lines, and says by lines what came of it.

use super::load::Load;
use super::meter::Meter;
use crate::Failure;
use crate::ours::{Bell, Counter, CounterTrigger};
use statewright::{FireError, Host};
use statewright_hosts_tests::place::Place;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The word by which this program is such a host.
pub(crate) const HOST: &str = "a-host";

const NOTE_BYTES: usize = 180;

/// Steps that were acknowledged, and calls that were answered `Contended`.
#[derive(Default)]
struct Done {
    steps: AtomicU64,
    contended: AtomicU64,
}

/// `URL NAME [LEASE]`, the lease in milliseconds. Answers `host ID` when it is there; to `drive LOAD PLACE HOSTS MILLISECONDS
/// CALLERS` with `done STEPS CONTENDED APPENDS CONFLICTS AGAIN`, to `owners` with `owners ID…`; ends with its input.
pub(crate) async fn host(arguments: Vec<String>) -> Result<(), Failure> {
    let [url, name, lease @ ..] = &arguments[..] else { return Err("no address and name".into()) };
    let meter = Meter::default();
    metrics::set_global_recorder(meter.clone()).map_err(|_| "there is a recorder already")?;
    let opened = Place { url: url.clone(), name: name.clone() }.open().await?;
    let mut builder = Host::<Counter>::builder(opened.store()).effects(Bell);
    if let [lease] = lease {
        builder = builder.lease(Duration::from_millis(lease.parse()?));
    }
    let host = builder.build().await?;
    say(&format!("host {}", host.id()))?;
    let (send, mut lines) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        io::stdin().lines().map_while(Result::ok).try_for_each(|line| send.send(line))
    });
    while let Some(line) = lines.recv().await {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["drive", load, place, hosts, time, callers] => {
                let instances = load.parse::<Load>()?.instances(place.parse()?, hosts.parse()?);
                let time = Duration::from_millis(time.parse()?);
                let before = meter.read();
                let (steps, contended) = drive(&host, instances, time, callers.parse()?).await?;
                let now = meter.read();
                let counted = [
                    now.appends - before.appends,
                    now.conflicts - before.conflicts,
                    now.again - before.again,
                ];
                let [appends, conflicts, again] = counted;
                say(&format!("done {steps} {contended} {appends} {conflicts} {again}"))?;
            }
            ["owners"] => {
                let mut owners = Vec::new();
                for instance in Load::Spread.instances(0, 1).iter().take(128) {
                    owners.push(host.instance(instance).owner().await?.unwrap_or_else(|| "nobody".into()));
                }
                say(&format!("owners {}", owners.join(" ")))?;
            }
            _ => return Err(format!("a host is not told `{line}`").into()),
        }
    }
    host.shutdown().await;
    Ok(())
}

/// Callers that ask again and again.
async fn drive(
    host: &Host<Counter>,
    instances: Vec<String>,
    time: Duration,
    callers: usize,
) -> Result<(u64, u64), Failure> {
    let (instances, done, began) = (Arc::new(instances), Arc::new(Done::default()), Instant::now());
    let call = |_| {
        let (host, instances, done) = (host.clone(), Arc::clone(&instances), Arc::clone(&done));
        tokio::spawn(async move {
            let note = "n".repeat(NOTE_BYTES);
            while began.elapsed() < time {
                let Some(instance) = fastrand::choice(&*instances) else { break };
                let add = CounterTrigger::Add { n: 1, note: note.clone() };
                let count = match host.instance(instance).fire(add).await {
                    Ok(_) => &done.steps,
                    Err(FireError::Contended { .. }) => &done.contended,
                    Err(error) => return Err(Failure::from(error)),
                };
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        })
    };
    for caller in (0..callers).map(call).collect::<Vec<_>>() {
        caller.await??;
    }
    Ok((done.steps.load(Ordering::Relaxed), done.contended.load(Ordering::Relaxed)))
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
