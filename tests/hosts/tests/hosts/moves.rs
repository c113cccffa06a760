//! From one server to another while hosts work: who copies is killed again and again, and what was under way goes on behind the
//! cut-over as if nothing had been.

use crate::fleet::{Fleet, LONG_LEASE, Peals};
use crate::heard::Heard;
use crate::log::{Log, check, log};
use crate::{nats, postgres, turn};
use statewright::copy;
use statewright_hosts_tests::place::Place;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const PEALS: Peals = Peals { bells: 24, times: 150 };

/// A cut-over that is not through by then never will be.
const ROUNDS_MAX: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_postgres_to_nats_what_is_under_way_goes_on() {
    let _turn = turn().await;
    what_is_under_way_goes_on(&postgres(), &nats()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_nats_to_postgres_what_is_under_way_goes_on() {
    let _turn = turn().await;
    what_is_under_way_goes_on(&nats(), &postgres()).await;
}

async fn what_is_under_way_goes_on(from: &Place, to: &Place) {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let source = from.open().await.expect("a server").store();
    let (mut fleet, mut heard) = (start(from), Heard::default());
    let mut followed = 0;
    while heard.rang.len() < PEALS.rings() / 6 {
        run_and_kill((from, to), "follow", rng.usize(1..40));
        followed += 1;
        fleet.hear_now(&mut heard);
    }
    // They go on by themselves, later: what a host has not begun when it is shut down would be left.
    fleet.tell(0, "rest");
    fleet.hear_until(&mut heard, |heard| heard.answered);
    while !is_all_answered(&log(&*source).await) {
        tokio::task::yield_now().await;
    }
    fleet.end_all();
    fleet.hear_rest(&mut heard);
    let mut kills = 0;
    for round in 0..ROUNDS_MAX {
        // The first are killed early; who comes later may come to its end.
        match run_and_kill((from, to), "over", rng.usize(0..4 + 4 * round)).as_deref() {
            Some("over") if kills > 1 => break,
            Some("over") => {}
            Some("left") => panic!("effects were left"),
            _ => kills += 1,
        }
        assert!(round + 1 < ROUNDS_MAX, "it was killed {kills} times, and is not through");
    }
    let before = heard.rang.len();
    assert!(before < PEALS.rings(), "all bells had rung for the last time");
    let (moved, target) = (log(&*source).await, to.open().await.expect("a server").store());
    let verified = copy(source, target.clone()).verify().await.expect("it is the same");
    assert_eq!((verified.streams, verified.records), (u64::from(PEALS.bells), moved.len() as u64));

    let (mut fleet, mut later) = (start(to), Heard::default());
    fleet.hear_until(&mut later, |heard| heard.done.len() == PEALS.bells as usize);
    fleet.end_all();
    fleet.hear_rest(&mut later);
    let again: Vec<_> = heard.rang.keys().filter(|key| later.rang.contains_key(*key)).collect();
    assert!(again.is_empty(), "these rang in both stores: {again:?}");
    heard.rang.append(&mut later.rang);
    let log = log(&*target).await;
    check(&log, &heard, PEALS);
    assert!(moved.iter().all(|(place, entry)| log.get(place) == Some(entry)), "what was there is as it was");
    println!(
        "{followed} kills before the cut-over and {kills} at it; {before} of {} rings in the old store",
        PEALS.rings()
    );
}

fn start(place: &Place) -> Fleet {
    Fleet::new(place, PEALS).lease(LONG_LEASE).with(3)
}

fn is_all_answered(log: &Log) -> bool {
    let count = |family: &str| log.values().filter(|entry| entry.command.starts_with(family)).count();
    count("timer/Waiting#0/") == count("effect/")
}

/// Kills who moves after so many lines, if it comes to them. The last thing that it said.
fn run_and_kill((from, to): (&Place, &Place), what: &str, lines: usize) -> Option<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mover"));
    command.args([&from.url, &from.name, &to.url, &to.name, what]).stdout(Stdio::piped());
    let mut child = command.spawn().expect("it is built");
    let mut said = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let last = said.by_ref().map_while(Result::ok).take(lines).last();
    // It may be gone already.
    let _ = child.kill();
    let ended = child.wait().expect("it was started");
    assert!(ended.code().is_none_or(|code| code == 0), "who moves has failed: {ended}");
    said.map_while(Result::ok).last().or(last)
}
