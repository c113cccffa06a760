//! One to three hosts, each a process, on one server: what more of them bring, and what they cost each other.
//!
//! The callers are as many however many hosts there are. They are closed loops: a caller asks again when it was answered.

mod cores;
mod fleet;
mod host;
mod load;
mod meter;

pub(crate) use host::{HOST, host};

use crate::{Failure, Plan};
use cores::Cores;
use fleet::Fleet;
use load::Load;
use statewright_hosts_tests::place::Place;
use statewright_services::{Durability, Nats, NatsCluster, Postgres};
use std::time::{Duration, Instant};

/// Of all hosts together.
const CALLERS: usize = 96;

/// Every cell is measured so often; the median counts.
const TURNS: usize = 3;

const HOSTS_MAX: usize = 3;

/// Instances begin, copies are in memory and connections are made.
const WARM_UP: Duration = Duration::from_millis(750);

/// Lease times at which a host is killed.
const LEASES: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(3)];

/// Kept for as long as it is measured; what it acknowledges is on the disk.
enum Server {
    Postgres(Postgres),
    Nats(Nats),
    Cluster(NatsCluster),
}

const SERVERS: [&str; 3] = ["postgres", "nats", "nats-cluster"];

impl Server {
    fn start(name: &str) -> Result<Self, Failure> {
        let full = Durability::Full;
        Ok(match name {
            "postgres" => Self::Postgres(Postgres::start(full)?),
            "nats" => Self::Nats(Nats::start(full)?),
            "nats-cluster" => Self::Cluster(NatsCluster::start(3, full)?),
            other => return Err(format!("there is no server `{other}`: one of {SERVERS:?}").into()),
        })
    }

    fn url(&self) -> String {
        match self {
            Self::Postgres(server) => server.url(),
            Self::Nats(server) => server.url(),
            Self::Cluster(server) => server.url(),
        }
    }
}

/// What came of one turn.
#[derive(Clone, Copy)]
struct Figures {
    /// Steps per second.
    rate: f64,
    /// Cores in use, of the hosts and of the server.
    cores: (f64, f64),
    /// Of a thousand steps: appends, appends that met another head, groups that were decided again for any reason, calls that were
    /// answered `Contended`.
    appends: f64,
    conflicts: f64,
    again: f64,
    contended: f64,
}

pub(crate) fn run(plan: &Plan) -> Result<(), Failure> {
    for name in SERVERS.iter().filter(|name| plan.on.as_ref().is_none_or(|on| on == *name)) {
        println!("\n{name}, {CALLERS} callers");
        println!(
            "{:<38} {:>5} {:>9} {:>6} {:>7} {:>9} {:>8} {:>10} {:>7} {:>10}",
            "load",
            "hosts",
            "steps/s",
            "hosts'",
            "server's",
            "per core",
            "appends",
            "conflicts",
            "again",
            "contended"
        );
        let server = Server::start(name)?;
        for load in Load::ALL {
            for hosts in 1..=HOSTS_MAX {
                let turn = |_| measure(&server, load, hosts, plan.time);
                let figures = (0..TURNS).map(turn).collect::<Result<Vec<_>, _>>()?;
                print_median(load, hosts, figures);
            }
        }
        for lease in LEASES {
            let taken = take_over(&server, lease)?;
            println!("a lease of {lease:?}: a host is killed, and others have its shards after {taken:.1?}");
        }
    }
    Ok(())
}

fn print_median(load: Load, hosts: usize, mut figures: Vec<Figures>) {
    figures.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    let Some(Figures { rate, cores: (own, server), appends, conflicts, again, contended }) =
        figures.get(figures.len() / 2)
    else {
        return;
    };
    println!(
        "{:<38} {hosts:>5} {rate:>9.0} {own:>6.2} {server:>8.2} {:>9.0} {appends:>8.0} {conflicts:>10.1} {again:>7.1} {contended:>10.2}",
        load.name(),
        rate / (own + server),
    );
}

/// One turn, in a store of its own.
fn measure(server: &Server, load: Load, hosts: usize, time: Duration) -> Result<Figures, Failure> {
    let place = Place::new(&server.url());
    let mut fleet = Fleet::start(&place, hosts, None)?;
    fleet.drive(load, WARM_UP, CALLERS / hosts)?;
    let before = Cores::now(&fleet.pids())?;
    let began = Instant::now();
    let done = fleet.drive(load, time, CALLERS / hosts)?;
    let seconds = began.elapsed().as_secs_f64();
    let used = Cores::now(&fleet.pids())?.since(before);
    fleet.end()?;
    let of_a_thousand = |count: u64| figure(count) * 1_000.0 / figure(done.steps);
    Ok(Figures {
        rate: figure(done.steps) / seconds,
        cores: (used.hosts / seconds, used.server / seconds),
        appends: of_a_thousand(done.counted.appends),
        conflicts: of_a_thousand(done.counted.conflicts),
        again: of_a_thousand(done.counted.again),
        contended: of_a_thousand(done.contended),
    })
}

/// How long it takes until living hosts have every shard of one that was killed while all were at work.
fn take_over(server: &Server, lease: Duration) -> Result<Duration, Failure> {
    let place = Place::new(&server.url());
    let mut fleet = Fleet::start(&place, HOSTS_MAX, Some(lease))?;
    fleet.settle()?;
    fleet.drive(Load::Spread, WARM_UP, CALLERS / HOSTS_MAX)?;
    let dead = fleet.kill_last()?;
    let since = Instant::now();
    while fleet.owners()?.contains(&dead) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let taken = since.elapsed();
    fleet.end()?;
    Ok(taken)
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn figure(count: u64) -> f64 {
    count as f64
}
