//! What is restored equals the original: regions, histories and timers too, from records and from snapshots.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use statewright::clock::FakeClock;
use statewright::cx::{Cx, RandomIds};
use statewright::definition::NodeId;
use statewright::machine::MachineTrigger as _;
use statewright::prelude::*;
use statewright::repository::Origin;
use statewright::store::{MemoryStore, Outcome, Store, StreamId};
use statewright::timers::Timer;
use statewright::{Host, Instance, Repository};
use statewright_sqlite::SqliteStore;
use std::sync::Arc;
use std::time::Duration;

state_machine! {
    /// Plays, and remembers where it was.
    pub(super) machine Player {
        data Played;
        triggers { Switch, Play, Louder, Slower, Eject }
        events { Ticked }
        initial Off;
        on Eject => Out;
        state Off { on Switch => Was; }
        parallel On {
            deep history Was;
            on Switch => Off;
            region Sound {
                initial Quiet;
                history Lately => Quiet;
                state Quiet { on Louder => Loud; after 20s => Mute; }
                state Loud { on Louder => Quiet; every 3s => stay emit Ticked { state: state.to_string() }; }
                state Mute { on Play => Lately; }
            }
            region Disc {
                initial Stopped;
                state Stopped { on Play => Turning; }
                state Turning {
                    initial Fast;
                    on Play => Stopped;
                    every 7s => stay emit Ticked { state: state.to_string() };
                    state Fast { on Slower => Slow; }
                    state Slow { on Slower => Fast; after (data.pause()) if !data.ticks.is_empty() => Fast; }
                }
            }
        }
        final Out;
        migrate { Halted => Stopped; Running => Turning; }
    }
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Played {
    ticks: Vec<String>,
}

impl Played {
    fn pause(&self) -> Duration {
        Duration::from_secs(2 + self.ticks.len() as u64 % 5)
    }
}

#[derive(Clone, Debug, EventVersion, Serialize, Deserialize)]
#[event(name = "player.ticked", version = 1)]
pub(super) struct Ticked {
    state: String,
}

impl Apply<Ticked> for Played {
    fn apply(&mut self, event: &Ticked) {
        self.ticks.push(event.state.clone());
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Line {
    Fire(PlayerTrigger),
    Pass(u64),
}

impl Copy for PlayerTrigger {}

pub(super) fn script(rng: &mut fastrand::Rng) -> Vec<Line> {
    use PlayerTrigger::{Eject, Louder, Play, Slower, Switch};
    let line = |rng: &mut fastrand::Rng| match rng.u8(..60) {
        0 => Line::Fire(Eject),
        1..12 => Line::Fire(Switch),
        12..24 => Line::Fire(Play),
        24..34 => Line::Fire(Louder),
        34..42 => Line::Fire(Slower),
        _ => Line::Pass(rng.u64(..9)),
    };
    (0..40).map(|_| line(rng)).collect()
}

type Seen = (String, Played, Vec<Timer>, Vec<Option<Vec<NodeId>>>);

fn seen(player: &Instance<Player>) -> Seen {
    let histories = ["Was", "Lately"].map(|name| Player::DEFINITION.find(name).expect("declared"));
    let remembered = histories.map(|id| player.remembered(id).map(<[NodeId]>::to_vec)).to_vec();
    (player.state().to_string(), player.data().clone(), player.timers().copied().collect(), remembered)
}

fn live(script: &[Line]) -> Vec<Seen> {
    let clock = FakeClock::default();
    let cx = Cx::new(StreamId::new("", "Player", "a"), Arc::new(clock.clone()), Arc::new(RandomIds));
    let mut player = Instance::<Player>::with(cx);
    let line = |line: &Line| {
        match line {
            Line::Fire(trigger) => drop(player.fire(*trigger)),
            Line::Pass(seconds) => {
                clock.advance(Duration::from_secs(*seconds));
                while let Ok(Some(_)) = player.run_due() {}
            }
        }
        seen(&player)
    };
    script.iter().map(line).collect()
}

/// Loaded anew for every line; now and then a host writes a snapshot.
async fn restored(store: &Arc<dyn Store>, name: &str, script: &[Line]) -> Vec<Seen> {
    let clock = FakeClock::default();
    let repository =
        Repository::<Player>::with(Arc::clone(store), Arc::new(clock.clone()), Arc::new(RandomIds));
    let stream = repository.stream("", name);
    let mut trace = Vec::new();
    for line in script {
        let mut loaded = repository.load(&stream).await.expect("it loads");
        assert_eq!(loaded.timers_dropped(), 0);
        let mut steps = Vec::new();
        match line {
            Line::Fire(trigger) if trace.len() % 3 == 0 => {
                let builder = Host::<Player>::builder(Arc::clone(store)).clock(clock.clone());
                let host = builder.snapshot_every(2).build().await.expect("fine");
                let _ = host.instance(name).fire(*trigger).await;
                host.shutdown().await;
                loaded = repository.load(&stream).await.expect("it loads");
            }
            Line::Fire(trigger) => {
                let origin = Origin { trigger: trigger.name(), ..Origin::default() };
                steps.extend(loaded.instance.fire(*trigger).map(|step| (step, origin)));
            }
            Line::Pass(seconds) => {
                clock.advance(Duration::from_secs(*seconds));
                while let Ok(Some(step)) = loaded.instance.run_due() {
                    steps.push((step, Origin::default()));
                }
            }
        }
        steps.retain(|(step, _)| !step.ignored);
        if !steps.is_empty() {
            let outcome = repository.save(&stream, &mut loaded, steps).await.expect("JSON");
            assert!(matches!(outcome, Outcome::Appended(_)), "{outcome:?}");
        }
        trace.push(seen(&loaded.instance));
    }
    trace
}

/// Records a script.
pub(super) async fn record(store: &Arc<dyn Store>, name: &str, script: &[Line]) {
    restored(store, name, script).await;
}

#[tokio::test]
async fn regions_histories_and_timers_are_restored() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let sqlite: Arc<dyn Store> =
        Arc::new(SqliteStore::open(folder.path().join("players.db")).expect("it opens"));
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    for n in 0..60 {
        let script = script(&mut rng);
        let expected = live(&script);
        assert_eq!(restored(&memory, &n.to_string(), &script).await, expected, "memory, {script:?}");
        if n % 10 == 0 {
            assert_eq!(restored(&sqlite, &n.to_string(), &script).await, expected, "SQLite, {script:?}");
        }
    }
}

#[tokio::test]
async fn the_recorded_form_is_that_of_the_format() {
    let store = Arc::new(MemoryStore::new());
    let clock = FakeClock::at(Timestamp::UNIX_EPOCH);
    let repository = Repository::<Player>::with(store.clone(), Arc::new(clock.clone()), Arc::new(RandomIds));
    let stream = repository.stream("", "a");
    let mut loaded = repository.load(&stream).await.expect("it loads");
    let steps = [PlayerTrigger::Switch, PlayerTrigger::Louder, PlayerTrigger::Switch]
        .map(|trigger| (loaded.instance.fire(trigger).expect("accepted"), Origin::default()));
    repository.save(&stream, &mut loaded, steps.into()).await.expect("JSON");
    let (records, _) = store.read(&stream, statewright::store::Revision(0), 10).await.expect("readable");
    let bodies: Vec<_> = records
        .iter()
        .map(|record| {
            let step = &record.step;
            let timers = serde_json::to_string(&step.body.timers).expect("JSON");
            let histories = serde_json::to_string(&step.body.histories).expect("JSON");
            format!("{} > {}: {timers} {histories}", step.from, step.to)
        })
        .collect();
    assert_eq!(
        bodies,
        [
            r#"Off > Quiet+Stopped: [{"name":"Quiet#0","due":"1970-01-01T00:00:20Z"}] {}"#,
            r#"Quiet+Stopped > Loud+Stopped: [{"name":"Quiet#0","due":null},{"name":"Loud#0","due":"1970-01-01T00:00:03Z","every":3000000}] {}"#,
            r#"Loud+Stopped > Off: [{"name":"Loud#0","due":null}] {"Lately":["Loud"],"Was":["Loud","Stopped"]}"#,
        ]
    );
}

/// Records of a machine whose states had other names.
#[tokio::test]
async fn old_names_are_migrated() {
    let store = Arc::new(MemoryStore::new());
    let repository = Repository::<Player>::new(store.clone());
    let stream = repository.stream("", "a");
    let mut loaded = repository.load(&stream).await.expect("it loads");
    let steps = [PlayerTrigger::Switch, PlayerTrigger::Switch]
        .map(|trigger| (loaded.instance.fire(trigger).expect("accepted"), Origin::default()));
    repository.save(&stream, &mut loaded, steps.into()).await.expect("JSON");
    let (records, head) = store.read(&stream, statewright::store::Revision(0), 10).await.expect("readable");
    let old = StreamId::new("", "Player", "old");
    let steps = records.into_iter().map(|record| {
        let mut step = record.step;
        step.to = step.to.replace("Stopped", "Halted").into();
        let names = step.body.histories.values_mut().flatten();
        names.for_each(|name| *name = name.replace("Stopped", "Halted").into());
        step
    });
    let after = statewright::store::Head::default();
    let append = statewright::store::Append { stream: old.clone(), after, steps: steps.collect() };
    store.append(vec![append], statewright::store::Unit::Each).await;
    let migrated = repository.load(&old).await.expect("it loads");
    assert_eq!((migrated.revision(), seen(&migrated.instance)), (head.revision, seen(&loaded.instance)));
    assert_eq!(seen(&migrated.instance).3[0].as_ref().map(Vec::len), Some(2));
}

/// Records of a machine that had a history which is gone, with the state that it stood for.
#[tokio::test]
async fn a_history_that_has_gone_asks_for_no_states() {
    let store = Arc::new(MemoryStore::new());
    let repository = Repository::<Player>::new(store.clone());
    let stream = repository.stream("", "a");
    let mut loaded = repository.load(&stream).await.expect("it loads");
    let step = (loaded.instance.fire(PlayerTrigger::Switch).expect("accepted"), Origin::default());
    repository.save(&stream, &mut loaded, vec![step]).await.expect("JSON");
    let (records, _) = store.read(&stream, statewright::store::Revision(0), 10).await.expect("readable");
    for (history, loads) in [("Former", true), ("Was", false)] {
        let old = StreamId::new("", "Player", history);
        let steps = records.iter().map(|record| {
            let mut step = record.step.clone();
            step.body.histories.insert(history.into(), vec!["Vanished".into()]);
            step
        });
        let after = statewright::store::Head::default();
        let append = statewright::store::Append { stream: old.clone(), after, steps: steps.collect() };
        store.append(vec![append], statewright::store::Unit::Each).await;
        assert_eq!(repository.load(&old).await.is_ok(), loads, "{history}");
    }
}

/// The answer of the first time names states as they are now.
#[tokio::test]
async fn a_repeated_command_is_answered_from_a_record_with_old_names() {
    let store = Arc::new(MemoryStore::new());
    let host = Host::<Player>::builder(store.clone()).build().await.expect("fine");
    for (command, trigger) in [("on", PlayerTrigger::Switch), ("loud", PlayerTrigger::Louder)] {
        host.instance("a").command(command).fire(trigger).await.expect("accepted");
    }
    let stream = host.repository().stream("", "a");
    let (records, _) = store.read(&stream, statewright::store::Revision(0), 10).await.expect("readable");
    let old = StreamId::new("", "Player", "old");
    let steps = records.into_iter().map(|record| {
        let mut step = record.step;
        (step.from, step.to) = (former(&step.from), former(&step.to));
        step
    });
    let after = statewright::store::Head::default();
    let append = statewright::store::Append { stream: old.clone(), after, steps: steps.collect() };
    store.append(vec![append], statewright::store::Unit::Each).await;
    let again = host.instance("old").command("loud").fire(PlayerTrigger::Louder).await.expect("known");
    let names = [again.from, again.to].map(|state| state.to_string());
    assert_eq!((again.duplicate, names), (true, ["Quiet+Stopped".to_owned(), "Loud+Stopped".to_owned()]));
}

fn former(state: &str) -> std::borrow::Cow<'static, str> {
    state.replace("Stopped", "Halted").into()
}
