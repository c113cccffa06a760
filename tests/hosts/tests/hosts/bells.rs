//! Timers, effects and subscriptions of hosts that die: all of them are done, and twice only what a host had under way when
//! it was killed or paused.

use crate::fleet::{Fate, Fleet, LEASE};
use crate::heard::{Heard, Said};
use crate::{nats, postgres};
use statewright::store::{Cursor, Shard, Store, StreamId};
use statewright_hosts_tests::place::Place;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const BELLS: u32 = 48;
const TIMES: u32 = 6;
const RINGS: usize = (BELLS * TIMES) as usize;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_hosts_are_killed() {
    hosts_are_killed(&postgres()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_nats_hosts_are_killed() {
    hosts_are_killed(&nats()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_a_host_is_paused() {
    a_host_is_paused(&postgres()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_nats_a_host_is_paused() {
    a_host_is_paused(&nats()).await;
}

/// Two of three are killed at random, and replaced.
async fn hosts_are_killed(place: &Place) {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let store = place.open().await.expect("a server").store();
    let mut fleet = Fleet::start(place, 3, (BELLS, TIMES));
    let mut heard = Heard::default();
    let mut takeovers = Vec::new();
    for kill in 1..=2 {
        let rings = rng.usize(RINGS * (kill - 1) / 3 + 1..RINGS * kill / 3);
        hear_until(&fleet, &mut heard, |heard| heard.rang.len() >= rings);
        let dead = fleet.any(&mut rng);
        fleet.kill(dead);
        fleet.add();
        takeovers.extend(taken_over(&*store, (&fleet, &mut heard), dead));
    }
    hear_until(&fleet, &mut heard, |heard| heard.done.len() == BELLS as usize);
    let (rings, records) = finish(&*store, fleet, heard).await;
    takeovers.sort_unstable();
    let longest = takeovers.last().copied().unwrap_or_default();
    println!(
        "2 kills; {rings} rings and {records} records came again; {} shards taken over, the last after {longest:?}",
        takeovers.len()
    );
    assert!(longest < 2 * LEASE + Duration::from_secs(10), "{takeovers:?}");
}

/// One stands still until others do its work, and goes on as if nothing had been.
async fn a_host_is_paused(place: &Place) {
    let store = place.open().await.expect("a server").store();
    let mut fleet = Fleet::start(place, 3, (BELLS, TIMES));
    let mut heard = Heard::default();
    hear_until(&fleet, &mut heard, |heard| heard.rang.len() >= RINGS / 6);
    let paused = fleet.any(&mut fastrand::Rng::new());
    fleet.pause(paused);
    taken_over(&*store, (&fleet, &mut heard), paused);
    fleet.resume(paused);
    hear_until(&fleet, &mut heard, |heard| heard.done.len() == BELLS as usize);
    assert!(heard.fenced.iter().all(|host| *host == paused), "only who was paused acknowledges too late");
    assert!(heard.stale.iter().all(|host| *host == paused), "only who was paused has an epoch that is over");
    let (rings, records) = finish(&*store, fleet, heard).await;
    println!("1 pause; {rings} rings and {records} records came again");
}

fn hear_until(fleet: &Fleet, heard: &mut Heard, enough: impl Fn(&Heard) -> bool) {
    while !enough(heard) {
        let (host, line) = fleet.next();
        heard.hear(host, &line);
    }
}

/// How long it takes until others ring the bells in each shard that was `dead`'s.
fn taken_over(store: &dyn Store, (fleet, heard): (&Fleet, &mut Heard), dead: usize) -> Vec<Duration> {
    let since = Instant::now();
    let shard_of = |bell: &str| store.shard(&StreamId::new("", "Bell", bell));
    let mut orphaned: BTreeMap<Shard, Option<Duration>> = BTreeMap::new();
    // A bell that has rung for the last time says nothing about who has its shard.
    let silent = |heard: &Heard, bell: &str| heard.done.contains(bell);
    for (bell, host) in &heard.last {
        if *host == dead && !silent(heard, bell) {
            orphaned.insert(shard_of(bell), None);
        }
    }
    while orphaned.values().any(Option::is_none) && heard.done.len() < BELLS as usize {
        let (host, line) = fleet.next();
        if let Said::Rang(bell) = heard.hear(host, &line)
            && host != dead
            && let Some(taken) = orphaned.get_mut(&shard_of(bell))
        {
            taken.get_or_insert(since.elapsed());
        }
    }
    orphaned.into_values().flatten().collect()
}

/// Ends the hosts and holds what was heard against the log; the answer is how many rings and records came again.
async fn finish(store: &dyn Store, mut fleet: Fleet, mut heard: Heard) -> (usize, usize) {
    fleet.end();
    let fates = fleet.fates();
    for (host, line) in fleet.rest() {
        heard.hear(host, &line);
    }
    let log = log(store).await;
    assert!(fates.contains(&Fate::Runs));
    assert_eq!(heard.rang.len(), RINGS, "each key rings");
    assert!(heard.seen.keys().eq(log.keys()), "each record is followed");
    for bell in (0..BELLS).map(|bell| format!("bell-{bell}")) {
        let commands: Vec<_> =
            log.range((bell.clone(), 0)..=(bell.clone(), u64::MAX)).map(|(_, command)| command).collect();
        let count = |family: &str| commands.iter().filter(|command| command.starts_with(family)).count();
        let counts = (count("begin"), count("timer/"), count("effect/"));
        assert_eq!(counts, (1, TIMES as usize, TIMES as usize), "{bell}: {commands:?}");
        let distinct: std::collections::BTreeSet<_> = commands.iter().collect();
        assert_eq!(distinct.len(), commands.len(), "{bell}: a command is recorded once");
    }
    heard.repeats(&fates)
}

/// The command of every record, by instance and revision.
async fn log(store: &dyn Store) -> BTreeMap<(String, u64), String> {
    let mut log = BTreeMap::new();
    for shard in (0..store.limits().shards).map(Shard) {
        let mut at = Cursor::default();
        loop {
            let page = store.scan(shard, &at, 1_000).await.expect("it reads");
            if page.records.is_empty() {
                break;
            }
            for record in page.records {
                let place = (record.stream.instance.to_string(), record.revision.0);
                let before = log.insert(place, record.step.command.to_string());
                assert_eq!(before, None, "a place in the log is taken once");
            }
            at = page.next;
        }
    }
    log
}
