//! Timers, effects and subscriptions of hosts that die: all of them are done, and twice only what a host had under way when
//! it was killed or paused.

use crate::fleet::{Fate, Fleet, LONG_LEASE, Peals, Release, lease};
use crate::heard::{Heard, Said};
use crate::log::{check, log};
use crate::{nats, postgres, turn};
use statewright::store::{Shard, Store, StreamId};
use statewright_hosts_tests::place::Place;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const PEALS: Peals = Peals { bells: 48, times: 6 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_hosts_are_killed() {
    let _turn = turn().await;
    hosts_are_killed(&postgres()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_nats_hosts_are_killed() {
    let _turn = turn().await;
    hosts_are_killed(&nats()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_a_host_is_paused() {
    let _turn = turn().await;
    a_host_is_paused(&postgres()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_nats_a_host_is_paused() {
    let _turn = turn().await;
    a_host_is_paused(&nats()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_hosts_come_and_go() {
    let _turn = turn().await;
    hosts_come_and_go(&postgres()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_nats_hosts_come_and_go() {
    let _turn = turn().await;
    hosts_come_and_go(&nats()).await;
}

/// Where nobody is killed or paused nothing comes again: hosts that begin and end hand over what they have done.
async fn hosts_come_and_go(place: &Place) {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let store = place.open().await.expect("a server").store();
    let mut fleet = Fleet::new(place, PEALS).lease(LONG_LEASE).with(3);
    let mut heard = Heard::default();
    for turn in 1..=3 {
        let rings = rng.usize(PEALS.rings() * (turn - 1) / 4 + 1..PEALS.rings() * turn / 4);
        fleet.hear_until(&mut heard, |heard| heard.rang.len() >= rings);
        fleet.add(Release::First);
        fleet.end(fleet.any(&mut rng));
    }
    fleet.hear_until(&mut heard, |heard| heard.done.len() == PEALS.bells as usize);
    assert_eq!(finish(&*store, fleet, heard).await, (0, 0), "something came again");
}

/// Two of three are killed at random, and replaced.
async fn hosts_are_killed(place: &Place) {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let store = place.open().await.expect("a server").store();
    let mut fleet = Fleet::start(place, 3, PEALS);
    let mut heard = Heard::default();
    let mut takeovers = Vec::new();
    for kill in 1..=2 {
        let rings = rng.usize(PEALS.rings() * (kill - 1) / 3 + 1..PEALS.rings() * kill / 3);
        fleet.hear_until(&mut heard, |heard| heard.rang.len() >= rings);
        let dead = fleet.any(&mut rng);
        fleet.kill(dead);
        heard.goes(dead);
        fleet.add(Release::First);
        takeovers.extend(taken_over(&*store, (&fleet, &mut heard), dead));
    }
    fleet.hear_until(&mut heard, |heard| heard.done.len() == PEALS.bells as usize);
    let (rings, records) = finish(&*store, fleet, heard).await;
    takeovers.sort_unstable();
    let longest = takeovers.last().copied().unwrap_or_default();
    println!(
        "2 kills; {rings} rings and {records} records came again; {} shards taken over, the last after {longest:?}",
        takeovers.len()
    );
    // A bell that was answered goes on, so a kill lets it ring once more at the most.
    assert!(rings <= 2 * PEALS.bells as usize, "{rings} rings came again");
    assert!(longest < 2 * lease(place) + Duration::from_secs(10), "{takeovers:?}");
}

/// One stands still until others do its work, and goes on as if nothing had been.
async fn a_host_is_paused(place: &Place) {
    let store = place.open().await.expect("a server").store();
    let mut fleet = Fleet::start(place, 3, PEALS);
    let mut heard = Heard::default();
    fleet.hear_until(&mut heard, |heard| heard.rang.len() >= PEALS.rings() / 6);
    let paused = fleet.any(&mut fastrand::Rng::new());
    fleet.pause(paused);
    heard.goes(paused);
    taken_over(&*store, (&fleet, &mut heard), paused);
    fleet.resume(paused);
    fleet.hear_until(&mut heard, |heard| heard.done.len() == PEALS.bells as usize);
    assert!(heard.fenced.iter().all(|host| *host == paused), "only who was paused acknowledges too late");
    assert!(heard.stale.iter().all(|host| *host == paused), "only who was paused has an epoch that is over");
    let (rings, records) = finish(&*store, fleet, heard).await;
    println!("1 pause; {rings} rings and {records} records came again");
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
    while orphaned.values().any(Option::is_none) && heard.done.len() < PEALS.bells as usize {
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
    let fates = fleet.end_all();
    fleet.hear_rest(&mut heard);
    let log = log(store).await;
    assert!(fates.contains(&Fate::Runs));
    check(&log, &heard, PEALS);
    assert!(heard.seen.keys().eq(log.keys()), "each record is followed");
    heard.repeats(&fates)
}
