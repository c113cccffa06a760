//! What a server of NATS takes for instances with one record of about 200 bytes each, and for cells: memory, disk, and the
//! time to start again.
//!
//! Memory is what the process has of it, with what its garbage collector has not given back; what is live is less.

use crate::ours::Added;
use crate::{Failure, Plan};
use statewright::store::{
    Append, Body, CellKey, Head, Outcome, Payload, Put, RecordedEvent, RecordedStep, Shard, Store, StreamId, Unit,
};
use statewright_nats::{NatsStore, Options};
use statewright_services::{Durability, Nats, NatsCluster};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Requests of one call.
const AT_ONCE: usize = 1_000;

const NOTE_BYTES: usize = 180;

const CELL_BYTES: usize = 100;

/// The server is looked at when it has come to rest.
const REST: Duration = Duration::from_secs(15);

/// What is there in numbers.
#[derive(Clone, Copy)]
enum What {
    Instances,
    Cells,
}

enum Servers {
    One(Nats),
    Cluster(NatsCluster),
}

impl Servers {
    fn start(nodes: usize) -> Result<Self, Failure> {
        Ok(match nodes {
            1 => Self::One(Nats::start(Durability::Process)?),
            nodes => Self::Cluster(NatsCluster::start(nodes, Durability::Process)?),
        })
    }

    fn url(&self) -> String {
        match self {
            Self::One(server) => server.url(),
            Self::Cluster(cluster) => cluster.url(),
        }
    }

    fn nodes(&self) -> &[Nats] {
        match self {
            Self::One(server) => std::slice::from_ref(server),
            Self::Cluster(cluster) => cluster.nodes(),
        }
    }

    fn restart(&self) -> Result<(), Failure> {
        self.nodes().iter().try_for_each(Nats::kill)?;
        match self {
            Self::One(server) => server.restart()?,
            Self::Cluster(cluster) => cluster.restart()?,
        }
        Ok(())
    }
}

pub(crate) async fn run(plan: &Plan) -> Result<(), Failure> {
    for what in [What::Instances, What::Cells] {
        let name = match what {
            What::Instances => "instances",
            What::Cells => "cells",
        };
        println!(
            "\n{name:<10} {:>10} {:>14} {:>12} {:>14} {:>12}",
            "memory, MB", "bytes for each", "disk, MB", "bytes for each", "written in"
        );
        let servers = Servers::start(plan.nodes)?;
        let store = Options::from_url(&servers.url())?.create().await?;
        let bare = memory(&servers)?;
        line(0, (bare, bare), disk(&servers)?, Duration::ZERO);
        let mut there = 0;
        for &wanted in &plan.instances {
            let began = Instant::now();
            write(&store, what, there..wanted).await?;
            let took = began.elapsed();
            there = wanted;
            tokio::time::sleep(REST).await;
            line(there, (memory(&servers)?, bare), disk(&servers)?, took);
        }
        drop(store);
        let began = Instant::now();
        servers.restart()?;
        let store = Options::from_url(&servers.url())?.open().await?;
        probe(&store, what, there - 1).await?;
        let took = began.elapsed();
        tokio::time::sleep(REST).await;
        line(there, (memory(&servers)?, bare), disk(&servers)?, took);
        println!("the last line is that of the servers killed and started again, with the time until they answered");
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn line(there: usize, (memory, bare): (u64, u64), disk: u64, took: Duration) {
    let each = |bytes: u64| if there == 0 { 0.0 } else { bytes as f64 / there as f64 };
    let mega = |bytes: u64| bytes as f64 / 1e6;
    println!(
        "{there:<10} {:>10.0} {:>14.0} {:>12.0} {:>14.0} {:>10.1} s",
        mega(memory),
        each(memory.saturating_sub(bare)),
        mega(disk),
        each(disk),
        took.as_secs_f64()
    );
}

async fn write(store: &NatsStore, what: What, numbers: std::ops::Range<usize>) -> Result<(), Failure> {
    for first in numbers.clone().step_by(AT_ONCE) {
        let batch = first..numbers.end.min(first + AT_ONCE);
        match what {
            What::Instances => {
                let outcomes = store.append(batch.map(append).collect(), Unit::Each).await;
                if let Some(other) = outcomes.into_iter().find(|it| !matches!(it, Outcome::Appended(_))) {
                    return Err(format!("an append was not recorded: {other:?}").into());
                }
            }
            What::Cells => {
                let value = Some("c".repeat(CELL_BYTES).into_bytes().into());
                let put = |n| Put { key: cell(store, n), version: Some(0), value: value.clone() };
                if store.put(batch.map(put).collect()).await?.iter().any(Option::is_none) {
                    return Err("a cell was not written".into());
                }
            }
        }
    }
    Ok(())
}

/// It is there, behind whatever the servers do when they start.
async fn probe(store: &NatsStore, what: What, n: usize) -> Result<(), Failure> {
    let is_there = match what {
        What::Instances => store.head(&instance(n)).await?.revision.0 == 1,
        What::Cells => !store.get(&[cell(store, n)]).await?.is_empty(),
    };
    if is_there { Ok(()) } else { Err("what was written is not there any more".into()) }
}

fn instance(n: usize) -> StreamId {
    StreamId::new("acme", "Counter", &format!("counter-{n:07}"))
}

fn append(n: usize) -> Append {
    let note = "n".repeat(NOTE_BYTES);
    let payload = Payload::of(&Added { n: n as u64, note }).unwrap_or_default();
    let event = RecordedEvent { name: "counter.added".into(), version: 1, payload };
    let step = RecordedStep {
        command: format!("01890a5d-ac96-774b-bcce-{n:012}").into(),
        trigger: "Add".into(),
        from: "Even".into(),
        to: "Odd".into(),
        body: Body { events: vec![event], ..Body::default() },
        ..RecordedStep::default()
    };
    Append { stream: instance(n), after: Head::default(), steps: vec![step] }
}

/// As the agenda of timers has them.
fn cell(store: &NatsStore, n: usize) -> CellKey {
    let shards = usize::from(store.limits().shards);
    let shard = Shard(u16::try_from(n % shards).unwrap_or_default());
    CellKey { shard, name: format!("agenda/Counter/{n:020}/4/15/acmecounter-{n:07}").into() }
}

/// What the servers have of the machine's memory, all together.
fn memory(servers: &Servers) -> Result<u64, Failure> {
    let mut sum = 0;
    for node in servers.nodes() {
        let status = fs::read_to_string(format!("/proc/{}/status", node.pid()?))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident = resident.and_then(|rest| rest.split_whitespace().next());
        sum += resident.ok_or("the server does not run any more")?.parse::<u64>()? << 10;
    }
    Ok(sum)
}

fn disk(servers: &Servers) -> Result<u64, Failure> {
    Ok(servers.nodes().iter().map(|node| bytes(&node.data())).sum::<std::io::Result<u64>>()?)
}

/// Of all files in a folder.
fn bytes(folder: &Path) -> std::io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        sum += if about.is_dir() { bytes(&entry.path())? } else { about.len() };
    }
    Ok(sum)
}
