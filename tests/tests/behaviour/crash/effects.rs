//! Effects whose process is killed: those of recorded steps are done, all of them, in order, and no others.

use super::kill_after;
use statewright::Host;
use statewright::store::{Revision, Shard, Store, StreamId};
use statewright_sqlite::SqliteStore;
use statewright_tests::Door;
use statewright_tests::outside::Outside;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

const ROUNDS: u64 = 12;

/// Instance and revision.
pub(super) type Places = BTreeSet<(String, u64)>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn effects_of_acknowledged_steps_are_done_and_of_no_others_whatever_is_killed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("doors.db");
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut acknowledged = Places::new();
    for round in 0..ROUNDS {
        let ringing = Command::new(env!("CARGO_BIN_EXE_ringing"));
        kill_after((ringing, &file), round, rng.usize(1..600), |line| {
            // The kill may cut the last line.
            if let [instance, revision] = line.split(' ').collect::<Vec<_>>()[..] {
                acknowledged.insert((instance.to_owned(), revision.parse().expect("a number")));
            }
        });
        // Whatever was done stands for a step that was recorded, at every kill.
        let (recorded, _) = records(&SqliteStore::open(&file).expect("it opens")).await;
        let done = done(&file);
        let stray: Vec<_> = done.iter().filter(|done| !recorded.contains(done)).collect();
        assert!(stray.is_empty(), "an effect of a step that is not recorded was done: {stray:?}");
        assert!(acknowledged.is_subset(&recorded), "an acknowledged step is missing");
    }
    let store = finish(&file).await;
    let ((recorded, answers), done) = (records(&store).await, done(&file));
    let kept: Places = done.iter().cloned().collect();
    assert_eq!(kept, recorded, "every effect of a recorded step is done");
    assert!(acknowledged.len() > 100 && acknowledged.is_subset(&kept), "the load did something");
    for place in &recorded {
        assert_eq!(answers.get(place), Some(&1), "each is answered once: {place:?}");
    }
    let mut last = BTreeMap::new();
    let first =
        done.iter().scan(Places::new(), |seen, place| Some(seen.insert(place.clone()).then_some(place)));
    for (instance, revision) in first.flatten() {
        let before = last.insert(instance, revision);
        assert!(before < Some(revision), "{instance}: {revision} was done behind {before:?}");
    }
}

/// A host that is not killed does what is left. It has done so when all is answered.
pub(super) async fn finish(file: &Path) -> Arc<SqliteStore> {
    let store = Arc::new(SqliteStore::open(file).expect("a killed process leaves a store that opens"));
    let outside = Outside::open(file).expect("it opens");
    let host = Host::<Door>::builder(Arc::clone(&store)).effects(outside).build().await.expect("fine");
    loop {
        let end = store.end(Shard(0)).await.expect("it is there");
        let (recorded, answers) = records(&store).await;
        if recorded.iter().all(|place| answers.contains_key(place)) {
            break;
        }
        store.changed(Shard(0), &end).await.expect("it goes on");
    }
    host.shutdown().await;
    store
}

/// The places of all recorded effects, and how often each was answered.
pub(super) async fn records(store: &SqliteStore) -> (Places, BTreeMap<(String, u64), u32>) {
    let (mut places, mut answers) = (Places::new(), BTreeMap::new());
    for n in 0..16 {
        let instance = format!("door-{n}");
        let stream = StreamId::new("", "Door", &instance);
        let (records, _) = store.read(&stream, Revision(0), 100_000).await.expect("it reads");
        for record in records {
            if !record.step.body.effects.is_empty() {
                places.insert((instance.clone(), record.revision.0));
            }
            if let Some(place) = record.step.command.strip_prefix("effect/") {
                let revision = place.strip_suffix("/0").expect("a door has one effect a step");
                let place = (instance.clone(), revision.parse().expect("a number"));
                *answers.entry(place).or_default() += 1;
            }
        }
    }
    (places, answers)
}

/// What was done, in order.
fn done(file: &Path) -> Vec<(String, u64)> {
    let done = Outside::read(file).expect("it is there");
    let place = |key: &String| match key.split('/').collect::<Vec<_>>()[..] {
        ["", "Door", instance, revision, "0"] => (instance.to_owned(), revision.parse().expect("a number")),
        _ => panic!("no key of a door: {key}"),
    };
    done.iter().map(place).collect()
}
