//! A process under load is killed, many times: every acknowledged step is there, once.

mod copies;
mod effects;

use statewright::store::{Cursor, Revision, Shard, Store};
use statewright::{Host, KeyRing};
use statewright_sqlite::SqliteStore;
use statewright_tests::Door;
use statewright_tests::kettle::Kettle;
use statewright_tests::stay::Stay;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

const ROUNDS: u64 = 20;

pub(crate) type Acknowledged = BTreeMap<(String, String), u64>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_step_survives_the_kill() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("doors.db");
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut acknowledged = Acknowledged::new();
    for round in 0..ROUNDS {
        run_and_kill(&file, round, rng.usize(1..1_500), &mut acknowledged);
        check(&file, &acknowledged).await;
    }
    assert!(acknowledged.len() > 100, "the load did something");
}

fn run_and_kill(file: &Path, round: u64, steps: usize, acknowledged: &mut Acknowledged) {
    let load = Command::new(env!("CARGO_BIN_EXE_load"));
    kill_after((load, file), round, steps, |line| {
        let parts: Vec<_> = line.split(' ').collect();
        // The kill may cut the last line.
        if let [instance, command, revision] = parts[..] {
            let revision = revision.parse().expect("a number");
            let before = acknowledged.insert((instance.to_owned(), command.to_owned()), revision);
            assert_eq!(before, None, "a step was acknowledged twice");
        }
    });
}

/// Kills the process after this many acknowledged steps: at a random place in its work, without a clock.
pub(crate) fn kill_after(program: (Command, &Path), round: u64, steps: usize, mut each: impl FnMut(&str)) {
    let (mut command, file) = program;
    let started = command.arg(file).arg(round.to_string()).stdout(Stdio::piped()).spawn();
    let mut child = started.expect("the load starts");
    let output = BufReader::new(child.stdout.take().expect("it is piped"));
    for (n, line) in output.lines().enumerate() {
        if n == steps {
            child.kill().expect("it runs");
        }
        each(&line.expect("text"));
    }
    child.wait().expect("it was killed");
}

pub(crate) async fn check(file: &Path, acknowledged: &Acknowledged) {
    let store = SqliteStore::open(file).expect("a killed process leaves a store that opens");
    store.integrity_check().await.expect("the file is whole");
    let host = Host::<Door>::builder(store).effects_elsewhere().build().await.expect("fine");
    let repository = host.repository();
    let mut found = Acknowledged::new();
    for n in 0..32 {
        let stream = repository.stream("", &format!("door-{n}"));
        let (records, head) = repository.store().read(&stream, Revision(0), 10_000).await.expect("it reads");
        assert!(records.len() < 10_000);
        assert_eq!(head.revision.0, records.len() as u64, "revisions are contiguous");
        for (revision, record) in (1..).zip(&records) {
            assert_eq!(record.revision.0, revision, "revisions are contiguous");
            let key = (stream.instance.to_string(), record.step.command.to_string());
            assert_eq!(found.insert(key, revision), None, "a command is recorded once");
        }
        // Loading goes by way of the snapshots that the killed process wrote.
        let loaded = repository.load(&stream).await.expect("it loads");
        assert_eq!((loaded.revision(), loaded.instance.data().knocks), (head.revision, head.revision.0));
    }
    for (step, revision) in acknowledged {
        assert_eq!(found.get(step), Some(revision), "an acknowledged step is missing: {step:?}");
    }
    host.shutdown().await;
}

/// Timers that were due in the killed process are run by the next one, each once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_timer_of_an_acknowledged_step_is_run_once_whatever_is_killed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("kettles.db");
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut begun = Vec::new();
    for round in 0..8_u64 {
        let overdue = Command::new(env!("CARGO_BIN_EXE_overdue"));
        kill_after((overdue, &file), round, rng.usize(1..300), |line| begun.push(line.to_owned()));
    }
    let store = Arc::new(SqliteStore::open(&file).expect("a killed process leaves a store that opens"));
    let host = Host::<Kettle>::builder(Arc::clone(&store)).build().await.expect("fine");
    let (mut at, mut ran) = (Cursor::default(), BTreeMap::new());
    while begun.iter().any(|instance| !ran.contains_key(instance)) {
        store.changed(Shard(0), &at).await.expect("it is told");
        let page = store.scan(Shard(0), &at, 1_000).await.expect("it reads");
        for record in page.records.iter().filter(|record| &*record.step.trigger == "On#0") {
            let before = ran.insert(record.stream.instance.to_string(), record.revision);
            assert_eq!(before, None, "a timer was run twice");
        }
        at = page.next;
    }
    host.shutdown().await;
    assert!(begun.len() > 8, "the load did something");
}

/// Who was forgotten before the kill is forgotten behind it, and every other record still reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_forgotten_stays_forgotten_whatever_is_killed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("stays.db");
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut forgotten = BTreeSet::new();
    for round in 0..6_u64 {
        let forgetful = Command::new(env!("CARGO_BIN_EXE_forgetful"));
        kill_after((forgetful, &file), round, rng.usize(1..60), |line| {
            forgotten.insert(line.to_owned());
        });
        let store = SqliteStore::open(&file).expect("a killed process leaves a store that opens");
        let builder = Host::<Stay>::builder(store).effects_elsewhere();
        let builder = builder.personal_key(KeyRing::new("2026", [26; 32]));
        let host = builder.build().await.expect("it is the same key");
        for guest in &forgotten {
            let stay = host.instance(guest);
            let name = stay.view(|stay, _| stay.data().name.clone()).await.expect("it loads");
            let name = name.expect("it was booked");
            assert!(name.is_forgotten(), "{guest} was forgotten");
        }
        host.shutdown().await;
    }
    assert!(forgotten.len() > 6, "the load did something");
}
