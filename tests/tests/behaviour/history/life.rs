//! Random lives of players, with what was seen of them on the way.

use crate::restored::{Line, Played, Player, script};
use jiff::{SignedDuration, Timestamp};
use statewright::clock::FakeClock;
use statewright::cx::RandomIds;
use statewright::store::{
    Append, Kind, MemoryStore, Outcome, Record, RecordedStep, Revision, Store, StreamId, Unit,
};
use statewright::{FireError, Host, Repository};
use statewright_sqlite::SqliteStore;
use statewright_tests::address::instance;
use std::sync::Arc;
use tempfile::TempDir;

/// One player and all that is known of it.
pub(super) struct Life {
    pub(super) stream: StreamId,
    pub(super) records: Vec<Record>,
    /// State and data behind each revision, as far as it lived.
    pub(super) seen: Vec<(String, Played)>,
}

/// How lives are led.
#[derive(Clone, Copy)]
pub(super) struct Lead {
    /// What a script calls a second.
    pub(super) second: i64,
    pub(super) snapshot_every: u64,
    pub(super) history_every: u64,
}

/// Stores with their names.
type Named = Vec<(&'static str, Arc<dyn Store>)>;

/// Every store that a history is held against.
pub(super) fn stores() -> (Named, TempDir) {
    let folder = TempDir::new().expect("a temporary folder");
    let sqlite = SqliteStore::open(folder.path().join("players.db")).expect("it opens");
    (vec![("memory", Arc::new(MemoryStore::new())), ("SQLite", Arc::new(sqlite))], folder)
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).expect("in range")
}

/// The host's own clock stands still, so that nothing runs by itself.
pub(super) async fn host(store: &Arc<dyn Store>, lead: Lead) -> Host<Player> {
    let builder = Host::<Player>::builder(Arc::clone(store)).clock(FakeClock::default());
    let builder = builder.snapshot_every(lead.snapshot_every).history_every(lead.history_every);
    builder.build().await.expect("fine")
}

/// Leads a life from `begin` on: triggers, refusals that are recorded, timers, and sometimes a deletion.
pub(super) async fn lead(
    store: &Arc<dyn Store>,
    (tenant, name): (&str, &str),
    lead: Lead,
    rng: &mut fastrand::Rng,
) -> Life {
    let clock = FakeClock::default();
    let repository =
        Repository::<Player>::with(Arc::clone(store), Arc::new(clock.clone()), Arc::new(RandomIds));
    let stream = repository.stream(tenant, name);
    let mut seen = vec![(String::from("Off"), Played::default())];
    let mut now = at(rng.i64(0..9) * lead.second);
    for line in script(rng) {
        match line {
            Line::Fire(trigger) => {
                // A host of its own for each, since others write: a conflict would wait for a clock that nobody turns.
                let host = host(store, lead).await;
                let command = instance(&host, tenant, name).command(&rng.u64(..).to_string()).at(now);
                let command = if rng.bool() { command.record_rejection() } else { command };
                match command.fire(trigger).await {
                    Ok(_) | Err(FireError::Rejected(_)) => {}
                    Err(error) => panic!("{error}"),
                }
                host.shutdown().await;
            }
            Line::Pass(seconds) => {
                now += SignedDuration::from_secs(seconds.cast_signed() * lead.second);
                clock.set(now);
                run_due(&repository, &stream, &mut seen).await;
            }
        }
        let loaded = repository.load(&stream).await.expect("it loads");
        let count = usize::try_from(loaded.revision().0).expect("few");
        seen.resize(count + 1, (loaded.instance.state().to_string(), loaded.instance.data().clone()));
    }
    if rng.u8(..4) == 0 {
        delete(&**store, &stream, now + SignedDuration::from_secs(2 * lead.second)).await;
    }
    Life { records: records(&repository, &stream).await, stream, seen }
}

async fn run_due(repository: &Repository<Player>, stream: &StreamId, seen: &mut Vec<(String, Played)>) {
    loop {
        let mut loaded = repository.load(stream).await.expect("it loads");
        let Ok(Some(step)) = loaded.instance.run_due() else { return };
        let origin = statewright::repository::Origin::default();
        repository.save(stream, &mut loaded, vec![(step, origin)]).await.expect("JSON");
        seen.push((loaded.instance.state().to_string(), loaded.instance.data().clone()));
    }
}

/// The last record, at a time of the test's.
async fn delete(store: &dyn Store, stream: &StreamId, at: Timestamp) {
    let after = store.head(stream).await.expect("it reads");
    let steps = vec![RecordedStep { kind: Kind::Deleted, at, ..RecordedStep::default() }];
    let append = Append { stream: stream.clone(), after, steps };
    let outcome = store.append(vec![append], Unit::Each).await.pop();
    assert!(matches!(outcome, Some(Outcome::Appended(_))), "{outcome:?}");
}

async fn records(repository: &Repository<Player>, stream: &StreamId) -> Vec<Record> {
    repository.store().read(stream, Revision(0), 10_000).await.expect("it reads").0
}

impl Life {
    /// The last record that is not later.
    pub(super) fn last_by(&self, time: Timestamp) -> Option<&Record> {
        self.records.iter().rfind(|record| record.step.at <= time)
    }

    /// Where it stood, as text.
    pub(super) fn place_at(&self, time: Timestamp) -> String {
        match self.last_by(time) {
            None => "absent".to_owned(),
            Some(record) => place(record),
        }
    }

    pub(super) fn end(&self) -> i64 {
        self.records.last().map_or(0, |record| record.step.at.as_second())
    }
}

pub(super) fn place(record: &Record) -> String {
    match record.step.kind {
        Kind::Step | Kind::Rejection => record.step.to.to_string(),
        Kind::Deleted => "deleted".to_owned(),
        Kind::Erased => "erased".to_owned(),
    }
}
