//! A process under load is asked to end: it does, by itself; what it acknowledged is there, once; what it has left to do is done
//! by the next one, under the same keys; and nobody waits for its leases.

use crate::crash::{Acknowledged, check};
use statewright::Host;
use statewright::effect::{EffectAnswer, EffectCx, EffectError};
use statewright::store::{Cell, Shard, Store};
use statewright_sqlite::SqliteStore;
use statewright_tests::{Door, DoorEffects};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use tokio::sync::mpsc;

const ROUNDS: u64 = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_asked_to_end_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("doors.db");
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut acknowledged, mut rung) = (Acknowledged::new(), BTreeSet::new());
    for round in 0..ROUNDS {
        run_and_ask(&file, round, random.usize(1..1_500), (&mut acknowledged, &mut rung));
        check_shelf(&file).await;
        check(&file, &acknowledged).await;
    }
    assert!(acknowledged.len() > 100 && rung.len() > 10, "the load did something");
    ring_the_rest(&file, &acknowledged, rung).await;
}

/// Asks the process to end after this many lines: at a random place in its work, without a clock.
fn run_and_ask(file: &Path, round: u64, lines: usize, found: (&mut Acknowledged, &mut BTreeSet<String>)) {
    let (acknowledged, rung) = found;
    let mut load = Command::new(env!("CARGO_BIN_EXE_graceful"));
    let started = load.arg(file).arg(round.to_string()).stdout(Stdio::piped()).spawn();
    let mut child = started.expect("the load starts");
    let output = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut asked = false;
    for (n, line) in output.lines().enumerate() {
        if n == lines {
            let kill = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
            assert!(kill.expect("there is a `kill`").success());
            asked = true;
        }
        let line = line.expect("text");
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["step", instance, command, revision] => {
                let key = (instance.to_owned(), command.to_owned());
                let before = acknowledged.insert(key, revision.parse().expect("a number"));
                assert_eq!(before, None, "a step was acknowledged twice");
            }
            ["effect", key] => {
                rung.insert(key.to_owned());
            }
            _ => panic!("{line}"),
        }
    }
    let status = child.wait().expect("it ends");
    assert!(status.success(), "{status}");
    assert!(asked, "it ran until it was asked");
}

/// Leases are given back, the host is gone from the list, and the checkpoint of effects stands.
async fn check_shelf(file: &Path) {
    let store = SqliteStore::open(file).expect("it was closed");
    let list = async |prefix: &str| store.list(Shard(0), prefix, None, 10).await.expect("it reads");
    let leases = list("lease/effects/Door").await;
    let holder = |cell: &Cell| {
        let lease: serde_json::Value = serde_json::from_slice(&cell.value).expect("JSON");
        lease["holder"].as_str().map(ToOwned::to_owned)
    };
    assert_eq!(leases.iter().map(holder).collect::<Vec<_>>(), [Some(String::new())], "it was given back");
    assert!(list("host/Door/").await.is_empty(), "it says that it has gone");
    assert_eq!(list("effects/Door").await.len(), 1, "the checkpoint stands");
    store.close();
}

struct Bell(mpsc::UnboundedSender<String>);

impl DoorEffects for Bell {
    async fn ring(&self, cx: &EffectCx, _: u64) -> EffectAnswer<Door> {
        self.0.send(cx.key()).map_err(EffectError::fatal)?;
        Ok(None)
    }
}

/// What no process has done is done by the next host, and every effect has been done at last.
async fn ring_the_rest(file: &Path, acknowledged: &Acknowledged, mut rung: BTreeSet<String>) {
    let store = Arc::new(SqliteStore::open(file).expect("it was closed"));
    let (sender, mut keys) = mpsc::unbounded_channel();
    let host = Host::<Door>::builder(Arc::clone(&store)).effects(Bell(sender)).build().await.expect("fine");
    let key = |((instance, _), revision): (&(String, String), &u64)| format!("/Door/{instance}/{revision}/0");
    let all: BTreeSet<_> = acknowledged.iter().map(key).collect();
    while !all.is_subset(&rung) {
        rung.insert(keys.recv().await.expect("the host rings"));
    }
    host.shutdown().await;
}
