//! Random scripts: the same trace in memory alone, on the store in memory and on SQLite, with hosts that come and go.

use statewright::clock::FakeClock;
use statewright::cx::{Cx, RandomIds};
use statewright::store::{MemoryStore, Store, StreamId};
use statewright::{Host, Instance};
use statewright_sqlite::SqliteStore;
use statewright_tests::{Count, Door, DoorState, DoorTrigger};
use std::sync::Arc;

const SCRIPTS: usize = 100;
const LENGTH: usize = 60;

/// What a trigger came to, and where the instance was then.
type Trace = Vec<(Result<DoorState, String>, DoorState, Count)>;

fn script(rng: &mut fastrand::Rng) -> Vec<DoorTrigger> {
    let trigger = |rng: &mut fastrand::Rng| match rng.u8(..20) {
        0..7 => DoorTrigger::Open,
        7..13 => DoorTrigger::Close,
        13..17 => DoorTrigger::Knock { times: rng.u64(..3) },
        17..19 => DoorTrigger::Rung,
        _ => {
            if rng.u8(..4) == 0 {
                DoorTrigger::Remove
            } else {
                DoorTrigger::Rung
            }
        }
    };
    (0..LENGTH).map(|_| trigger(rng)).collect()
}

fn in_memory(script: &[DoorTrigger]) -> Trace {
    let cx = Cx::new(StreamId::new("", "Door", "a"), Arc::new(FakeClock::default()), Arc::new(RandomIds));
    let mut door = Instance::<Door>::with(cx);
    let fire = |trigger: &DoorTrigger| {
        let outcome =
            door.fire(trigger.clone()).map(|step| step.to).map_err(|rejection| rejection.to_string());
        (outcome, door.state(), door.data().clone())
    };
    script.iter().map(fire).collect()
}

/// Every few triggers another host goes on: what is restored is the original.
async fn on_a_store(store: Arc<dyn Store>, name: &str, script: &[DoorTrigger]) -> Trace {
    let mut trace = Trace::new();
    for part in script.chunks(7) {
        let builder = Host::<Door>::builder(Arc::clone(&store)).clock(FakeClock::default());
        let host = builder.effects_elsewhere().snapshot_every(5).build().await.expect("fine");
        let door = host.instance(name);
        for trigger in part {
            let outcome =
                door.fire(trigger.clone()).await.map(|fired| fired.to).map_err(|error| error.to_string());
            let (state, data) =
                door.view(|door, _| (door.state(), door.data().clone())).await.expect("it loads");
            trace.push((outcome, state, data));
        }
        host.shutdown().await;
    }
    trace
}

#[tokio::test]
async fn scripts_leave_the_same_trace_everywhere() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let sqlite: Arc<dyn Store> =
        Arc::new(SqliteStore::open(folder.path().join("scripts.db")).expect("it opens"));
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    for n in 0..SCRIPTS {
        let script = script(&mut rng);
        let expected = in_memory(&script);
        assert_eq!(
            on_a_store(Arc::clone(&memory), &n.to_string(), &script).await,
            expected,
            "memory, {script:?}"
        );
        if n % 10 == 0 {
            assert_eq!(
                on_a_store(Arc::clone(&sqlite), &n.to_string(), &script).await,
                expected,
                "SQLite, {script:?}"
            );
        }
    }
}
