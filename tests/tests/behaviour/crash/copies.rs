//! A copy whose process is killed, while the source serves and at the cut-over: the target has all of it in the end, and nothing
//! that has run runs again.

use super::effects::{finish, records};
use super::{Acknowledged, kill_after};
use statewright::Host;
use statewright::copy::{Verified, copy};
use statewright::effect::{EffectAnswer, EffectCx, EffectError};
use statewright::host::DeadLetterError;
use statewright::store::{MemoryStore, Revision, Shard, Store, StreamId};
use statewright_sqlite::SqliteStore;
use statewright_tests::outside::Outside;
use statewright_tests::{Door, DoorEffects, DoorTrigger};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// Times that the copy is killed while the source serves.
const SERVED: u64 = 12;

/// Lines of the cut-over until it is killed, at most; one of a whole store has more.
const LINES_MAX: usize = 20;

/// A cut-over that is not through by then never will be.
const ROUNDS_MAX: u64 = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_whose_process_is_killed_again_and_again_is_whole_in_the_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [old, new, later] = ["old.db", "new.db", "later.db"].map(|name| folder.path().join(name));
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut acknowledged = Acknowledged::new();
    for round in 0..SERVED {
        serve_and_kill((&old, &new), (round, rng.usize(1..1_000)), &mut acknowledged);
        // As far as it has come it is the same.
        verified(&old, &new).await;
    }
    leave_something(&old).await;
    // One that has followed all the time, and one that begins now.
    let (mut kills, mut sums) = (0, Vec::new());
    for target in [&new, &later] {
        kills += cut_over_and_kill((&old, target), &mut rng);
        sums.push(verified(&old, target).await);
        check(target, &acknowledged).await;
        nothing_runs_again(target).await;
    }
    let whole = whole(&old).await;
    assert_eq!(sums, [whole.clone(), whole], "as if it had never been killed");
    println!("{kills} kills at the cut-over; {} records", sums[0].records);
    assert!(acknowledged.len() > 100 && kills > 2, "the load did something");
}

fn open(file: &Path) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(file).expect("a killed process leaves a store that opens"))
}

async fn verified(old: &Path, new: &Path) -> Verified {
    copy(open(old), open(new)).verify().await.expect("it is the same")
}

fn moving(what: &str, target: &Path) -> Command {
    let mut moving = Command::new(env!("CARGO_BIN_EXE_moving"));
    moving.arg(what).arg(target);
    moving
}

fn serve_and_kill(files: (&Path, &Path), round: (u64, usize), acknowledged: &mut Acknowledged) {
    let ((old, new), (round, steps)) = (files, round);
    kill_after((moving("serve", new), old), round, steps, |line| {
        // The kill may cut the last line.
        if let [instance, command, revision] = line.split(' ').collect::<Vec<_>>()[..] {
            let revision = revision.parse().expect("a number");
            let before = acknowledged.insert((instance.to_owned(), command.to_owned()), revision);
            assert_eq!(before, None, "a step was acknowledged twice");
        }
    });
}

/// Until it comes to its end before it is killed. How often it was killed.
fn cut_over_and_kill((old, target): (&Path, &Path), rng: &mut fastrand::Rng) -> u64 {
    let mut kills = 0;
    for round in 0..ROUNDS_MAX {
        // When all records are there it has little to say: then it is killed among the cells.
        let (lines_max, mut over) = (if round < 8 { 2 } else { LINES_MAX }, false);
        let steps = rng.usize(0..lines_max);
        kill_after((moving("over", target), old), round, steps, |line| over |= line == "over");
        kills += u64::from(!over);
        if over && round > 8 {
            return kills;
        }
    }
    panic!("it was killed {kills} times, and is not through")
}

/// A bell that is out of order for good at thirteen knocks, and for now at seventeen.
struct Worn(Outside);

impl DoorEffects for Worn {
    async fn ring(&self, cx: &EffectCx, times: u64) -> EffectAnswer<Door> {
        match times {
            13 => Err(EffectError::fatal("it has cracked")),
            17 => Err(EffectError::retry("the rope is torn")),
            _ => self.0.ring(cx, times).await,
        }
    }
}

/// The source's hosts finish what they have begun; one effect waits for another try, and one is a dead letter.
async fn leave_something(old: &Path) {
    drop(finish(old).await);
    let store = open(old);
    let worn = Worn(Outside::open(old).expect("it opens"));
    let host = Host::builder(Arc::clone(&store)).effects(worn).build().await.expect("fine");
    for (door, times) in [("cracked", 13), ("torn", 17)] {
        host.instance(door).fire(DoorTrigger::Knock { times }).await.expect("always");
    }
    while letters(&host).await.expect("it is read") == 0 || parked(&store).await == 0 {
        tokio::task::yield_now().await;
    }
    host.shutdown().await;
}

async fn letters(host: &Host<Door>) -> Result<usize, DeadLetterError> {
    Ok(host.dead_letters().list(None, 10).await?.len())
}

async fn parked(store: &SqliteStore) -> usize {
    store.list(Shard(0), "parked/Door/", None, 10).await.expect("it is read").len()
}

/// Every acknowledged step stands there once, at its revision.
async fn check(target: &Path, acknowledged: &Acknowledged) {
    let store = open(target);
    store.integrity_check().await.expect("the file is whole");
    let mut found = Acknowledged::new();
    for n in 0..16 {
        let stream = StreamId::new("", "Door", &format!("door-{n}"));
        let (records, head) = store.read(&stream, Revision(0), 100_000).await.expect("it reads");
        assert_eq!(head.revision.0, records.len() as u64);
        for (revision, record) in (1..).zip(&records) {
            assert_eq!(record.revision.0, revision, "revisions are contiguous");
            let key = (stream.instance.to_string(), record.step.command.to_string());
            assert_eq!(found.insert(key, revision), None, "a command is recorded once");
        }
    }
    for (step, revision) in acknowledged {
        assert_eq!(found.get(step), Some(revision), "an acknowledged step is missing: {step:?}");
    }
}

/// Hosts on the target do what waited and what is new, and nothing else.
async fn nothing_runs_again(target: &Path) {
    let (store, mut expected) = (open(target), BTreeSet::from(["/Door/torn/1/0".to_owned()]));
    let before = records(&store).await.1.len();
    let outside = Outside::open(target).expect("it opens");
    let host = Host::builder(Arc::clone(&store)).effects(outside).build().await.expect("fine");
    assert_eq!(letters(&host).await.expect("it is read"), 1);
    for n in 0..16 {
        let door = format!("door-{n}");
        let knocked = host.instance(&door).fire(DoorTrigger::Knock { times: 1 }).await.expect("always");
        expected.insert(format!("/Door/{door}/{}/0", knocked.revision));
    }
    while records(&store).await.1.len() < before + 16 || parked(&store).await > 0 {
        tokio::task::yield_now().await;
    }
    host.shutdown().await;
    let rang = Outside::read(target).expect("it rang");
    assert_eq!(rang.len(), expected.len(), "{rang:?}");
    assert_eq!(
        rang.into_iter().collect::<BTreeSet<_>>(),
        expected,
        "nothing that rang in the old store rings again"
    );
}

/// What a copy has that nobody kills.
async fn whole(old: &Path) -> Verified {
    let moving = copy(open(old), MemoryStore::with_shards(3));
    moving.cut_over().await.expect("it moves");
    moving.verify().await.expect("it is the same")
}
