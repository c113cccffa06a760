//! Hosts of two releases at once: what the newer one has recorded stops an instance on older hosts and nothing else, and all is done
//! once the older ones are replaced.

use crate::fleet::{Fate, Fleet, Peals, Release};
use crate::heard::{Again, Heard};
use crate::log::{Log, check, log};
use crate::{nats, postgres, turn};
use statewright::store::{Shard, Store};
use statewright_hosts_tests::place::Place;
use std::collections::{BTreeMap, BTreeSet};

const PEALS: Peals = Peals { bells: 48, times: 50 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_releases_stand_side_by_side() {
    let _turn = turn().await;
    releases_stand_side_by_side(&postgres()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_nats_releases_stand_side_by_side() {
    let _turn = turn().await;
    releases_stand_side_by_side(&nats()).await;
}

/// Two hosts of each release; a newer one is killed, so that older ones have shards in which it has written; then the older ones
/// are replaced one by one.
async fn releases_stand_side_by_side(place: &Place) {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let store = place.open().await.expect("a server").store();
    let (mut fleet, mut heard) = (Fleet::start(place, 2, PEALS), Heard::default());
    fleet.hear_until(&mut heard, |heard| heard.rang.len() >= PEALS.rings() / 20);
    (0..2).for_each(|_| fleet.add(Release::Second));
    let before = first_newer(&*store, (&fleet, &mut heard)).await;
    let asked = rng.choice(fleet.running(Release::First)).expect("two run");
    fleet.tell(asked, "look");
    fleet.hear_until(&mut heard, |heard| heard.answered);
    let behind = newer(&log(&*store).await);
    let stopped: BTreeSet<_> = heard.stopped.keys().cloned().collect();
    assert!(before.is_subset(&stopped), "it cannot read {before:?}: {stopped:?}");
    assert!(stopped.is_subset(&behind) && stopped.len() < PEALS.bells as usize, "it reads all others");

    let rings = heard.rang.len() + rng.usize(0..PEALS.rings() / 6);
    fleet.hear_until(&mut heard, |heard| heard.rang.len() >= rings);
    let dead = rng.choice(fleet.running(Release::Second)).expect("two run");
    fleet.kill(dead);
    heard.goes(dead);
    fleet.add(Release::Second);
    let rings = heard.rang.len() + PEALS.rings() / 6;
    fleet.hear_until(&mut heard, |heard| heard.rang.len() >= rings);
    for old in fleet.running(Release::First) {
        fleet.add(Release::Second);
        fleet.end(old);
    }
    fleet.hear_until(&mut heard, |heard| heard.done.len() == PEALS.bells as usize);
    let fates = fleet.end_all();
    fleet.hear_rest(&mut heard);
    let log = log(&*store).await;
    check(&log, &heard, PEALS);
    assert!(heard.seen.keys().eq(log.keys()), "each record is followed");
    check_releases(&log);
    check_errors(&fleet, &heard);
    check_again(&log, (&fleet, &fates), heard.again());
    for shard in (0..store.limits().shards).map(Shard) {
        assert_eq!(store.list(shard, "dead/", None, 1).await.expect("it reads"), [], "nothing was given up");
    }
    println!("{} bells stopped on an older host; {} things came again", stopped.len(), heard.again().len());
}

/// Hears until the second release has recorded something; the bells in which it has.
async fn first_newer(store: &dyn Store, (fleet, heard): (&Fleet, &mut Heard)) -> BTreeSet<String> {
    loop {
        let newer = newer(&log(store).await);
        if !newer.is_empty() {
            return newer;
        }
        let rings = heard.rang.len() + 10;
        fleet.hear_until(heard, |heard| heard.rang.len() >= rings);
    }
}

/// Bells that the first release cannot read.
fn newer(log: &Log) -> BTreeSet<String> {
    log.iter().filter(|(_, entry)| entry.is_newer).map(|((bell, _), _)| bell.clone()).collect()
}

/// Nobody writes behind what they cannot read; and both releases have worked on the same bells.
fn check_releases(log: &Log) {
    let mut began: BTreeMap<&str, bool> = BTreeMap::new();
    for ((bell, revision), entry) in log {
        let is_newer = began.entry(bell).or_default();
        assert!(!*is_newer || entry.release == 2, "{bell}: release 1 wrote {revision} behind a newer record");
        *is_newer |= entry.is_newer;
    }
    let handed_on = log.iter().filter(|((bell, revision), entry)| {
        let before = log.get(&(bell.clone(), revision - 1));
        entry.release == 2 && before.is_some_and(|before| before.release == 1)
    });
    assert!(handed_on.count() > 0, "the second release went on where the first had been");
}

/// Only older hosts stop, and they name both releases.
fn check_errors(fleet: &Fleet, heard: &Heard) {
    for (host, releases) in &heard.deaf {
        assert_eq!((fleet.releases()[*host], releases), (Release::First, &["2", "1"].map(str::to_owned)));
    }
    for (bell, releases) in &heard.stopped {
        assert_eq!(releases, &["2", "1"].map(str::to_owned), "{bell}");
    }
}

/// What came again was under way when its host was killed, or was done by an older host that could not record the answer.
fn check_again(log: &Log, (fleet, fates): (&Fleet, &[Fate]), again: &[Again]) {
    for Again { what, before, by, .. } in again {
        let was_killed = fates[*before] == Fate::Killed;
        let ring = what.strip_prefix("/Bell/").and_then(|key| key.strip_suffix("/0")?.split_once('/'));
        let is_newer = ring.is_some_and(|(bell, revision)| {
            let revision: u64 = revision.parse().expect("a number");
            log.range((bell.to_owned(), 0)..=(bell.to_owned(), revision)).any(|(_, entry)| entry.is_newer)
        });
        let was_older = is_newer && fleet.releases()[*before] == Release::First;
        assert!(was_killed || was_older, "{what} was done by {before} and by {by}");
    }
}
