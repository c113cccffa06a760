//! Histories of one instance.

use super::life::{Lead, Life, at, host, lead, place, stores};
use crate::restored::Player;
use jiff::Timestamp;
use statewright::history::{Filter, History, Standing};
use statewright::machine::{Machine, active};
use statewright::store::{Kind, Revision, Store};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

type State = <Player as Machine>::State;

/// Where it stood, as the oracle says it.
fn text(standing: Standing<State>) -> String {
    match standing {
        Standing::Absent => "absent".to_owned(),
        Standing::In(state) => state.to_string(),
        Standing::Deleted => "deleted".to_owned(),
        Standing::Erased => "erased".to_owned(),
    }
}

#[tokio::test]
async fn every_answer_is_that_of_a_list_of_records() {
    let (stores, _folder) = stores();
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    for (name, store) in &stores {
        for n in 0..24 {
            let how = Lead { second: 1, snapshot_every: 1 + n % 5, history_every: n % 4 * 3 };
            let life = lead(store, ("", &n.to_string()), how, &mut rng).await;
            let host = host(store, how).await;
            let history = host.instance(&n.to_string()).history();
            if n % 6 == 0 {
                history.checkpoint(std::num::NonZeroU64::MIN.saturating_add(n)).await.expect("it is written");
            }
            println!("{name} {n}: {} records", life.records.len());
            states(&history, &life).await;
            data(&history, &life).await;
            distributions(&history, &life, &mut rng).await;
            lists(&history, &life, &mut rng).await;
            replay(&history, &life).await;
            host.shutdown().await;
        }
    }
}

async fn states(history: &History<Player>, life: &Life) {
    for second in -1..life.end() + 2 {
        let found = history.state_at(at(second)).await.expect("it is told");
        assert_eq!(text(found), life.place_at(at(second)), "{second}");
    }
    for record in &life.records {
        let found = history.state_at_revision(record.revision).await.expect("it is told");
        assert_eq!(text(found), place(record));
    }
    assert_eq!(history.state_at_revision(Revision(0)).await.expect("it is told"), Standing::Absent);
    let beyond = Revision(life.records.len() as u64 + 1);
    let error = history.state_at_revision(beyond).await.expect_err("there is none").to_string();
    assert!(error.contains(&format!("no record {beyond}")), "{error}");
}

async fn data(history: &History<Player>, life: &Life) {
    for record in &life.records {
        let by_time = history.data_at(record.step.at).await;
        let by_revision = history.data_at(record.revision).await;
        if record.step.kind == Kind::Deleted {
            assert!(by_revision.expect_err("it is gone").to_string().contains("was deleted"));
            continue;
        }
        let moment = by_revision.expect("it is told");
        let (state, data) = &life.seen[usize::try_from(record.revision.0).expect("few")];
        assert_eq!((&moment.instance.state().to_string(), moment.instance.data()), (state, data));
        assert_eq!((moment.revision, moment.at), (record.revision, Some(record.step.at)));
        let last = life.last_by(record.step.at).expect("this one at least");
        if last.step.kind != Kind::Deleted {
            let moment = by_time.expect("it is told");
            let (state, data) = &life.seen[usize::try_from(last.revision.0).expect("few")];
            assert_eq!((&moment.instance.state().to_string(), moment.instance.data()), (state, data));
        }
    }
    let before = history.data_at(at(-5)).await.expect("it is told");
    assert_eq!((before.revision, before.at, before.instance.has_begun()), (Revision(0), None, false));
}

/// Second by second.
async fn distributions(history: &History<Player>, life: &Life, rng: &mut fastrand::Rng) {
    for _ in 0..6 {
        let from = rng.i64(-3..life.end() + 3);
        let to = from + rng.i64(0..life.end() + 5);
        let found = history.distribution(at(from), at(to)).await.expect("it is told");
        let mut expected: BTreeMap<String, u64> = BTreeMap::new();
        for second in from..to {
            *expected.entry(life.place_at(at(second))).or_default() += 1;
        }
        let seconds = |place: &str| Duration::from_secs(expected.get(place).copied().unwrap_or_default());
        let states: Vec<_> = found.states().collect();
        for (state, spent) in &states {
            let here = life.place_at(at(to)) == state.to_string();
            assert_eq!((spent.time, spent.at_end), (seconds(&state.to_string()), u64::from(here)), "{state}");
        }
        let ends = [("absent", found.absent()), ("deleted", found.deleted()), ("erased", found.erased())];
        for (place, spent) in ends {
            assert_eq!(spent.time, seconds(place), "{place}");
            assert_eq!(spent.at_end, u64::from(life.place_at(at(to)) == place), "{place}");
        }
        let parts = states.iter().map(|(_, spent)| spent.time).chain(ends.map(|(_, spent)| spent.time));
        assert_eq!(parts.sum::<Duration>(), Duration::from_secs((to - from).unsigned_abs()), "{from}..{to}");
        for (node, spent) in found.nodes() {
            let inside = |place: &String| {
                place.parse::<State>().is_ok_and(|state| active::<Player>(state).contains(node))
            };
            let sum: u64 =
                expected.iter().filter(|(place, _)| inside(place)).map(|(_, seconds)| seconds).sum();
            assert_eq!(spent.time, Duration::from_secs(sum), "{}", Player::DEFINITION.name(node));
            let alone = found.time_in(node);
            assert_eq!(alone, spent.time);
        }
        regions(&found);
    }
    let error = history.distribution(at(5), at(4)).await.expect_err("backwards").to_string();
    assert!(error.contains("before it begins"), "{error}");
}

/// Each region's states sum to its own time, which is that of the parallel state; so do those of a compound.
fn regions(found: &statewright::history::Distribution<Player>) {
    let definition = Player::DEFINITION;
    let time = |node: &str| found.time_in(definition.find(node).expect("declared"));
    let sum = |node: &str| {
        let children = definition.children(definition.find(node));
        children.map(|child| found.time_in(child)).sum::<Duration>()
    };
    for region in ["Sound", "Disc"] {
        assert_eq!((time(region), sum(region)), (time("On"), time("On")), "{region}");
    }
    assert_eq!(sum("Turning"), time("Turning"));
}

async fn lists(history: &History<Player>, life: &Life, rng: &mut fastrand::Rng) {
    let definition = Player::DEFINITION;
    let node = |name: &str| definition.find(name).expect("declared");
    let filters = [
        Filter::new(),
        Filter::new().changes(),
        Filter::new().kinds(&[Kind::Rejection]),
        Filter::new().kinds(&[Kind::Step, Kind::Rejection, Kind::Deleted]).trigger("Play").trigger("Switch"),
        Filter::new().from_state(node("Turning")),
        Filter::new().to_state(node("On")).trigger("Louder"),
        Filter::new().from_state(node("Off")).to_state(node("Sound")).changes(),
    ];
    let is_in = |text: &str, name: &str| {
        text.parse::<State>().is_ok_and(|state| active::<Player>(state).contains(node(name)))
    };
    for (n, filter) in filters.iter().enumerate() {
        let (from, to) = (rng.i64(-1..=life.end()), rng.i64(0..life.end() + 3));
        let limit = if rng.bool() { usize::MAX } else { rng.usize(0..9) };
        let holds = |step: &statewright::store::RecordedStep| match n {
            0 => step.kind == Kind::Step,
            1 => step.kind == Kind::Step && step.from != step.to,
            2 => step.kind == Kind::Rejection,
            3 => ["Play", "Switch"].contains(&&*step.trigger),
            4 => step.kind == Kind::Step && is_in(&step.from, "Turning"),
            5 => step.kind == Kind::Step && is_in(&step.to, "On") && step.trigger == "Louder",
            _ => step.kind == Kind::Step && is_in(&step.from, "Off") && is_in(&step.to, "Sound"),
        };
        let in_time = |time: Timestamp| at(from) <= time && time < at(to);
        let records = life.records.iter().filter(|record| holds(&record.step) && in_time(record.step.at));
        let expected: Vec<_> = records.take(limit).map(|record| record.revision).collect();
        let mut found = Vec::new();
        let mut transitions = history.transitions(at(from), at(to), limit, filter);
        while let Some(transition) = transitions.try_next().await.expect("it reads") {
            let record = &transition.record;
            let named = transition.from.map(|state| state.to_string()).unwrap_or_default();
            assert_eq!(
                (named.as_str(), transition.events.len()),
                (&*record.step.from, record.step.body.events.len())
            );
            found.push(record.revision);
        }
        assert_eq!(found, expected, "filter {n}, {from}..{to}, {limit}");
    }
}

async fn replay(history: &History<Player>, life: &Life) {
    let mut replay = history.replay();
    let mut count = 0;
    while let Some(step) = replay.try_next().await.expect("it reads") {
        let deleted = step.transition.record.step.kind == Kind::Deleted;
        let look = |instance: &statewright::Instance<Player>| {
            (instance.state().to_string(), instance.data().clone())
        };
        assert_eq!(step.transition.record, life.records[count]);
        assert_eq!(look(step.before), life.seen[count]);
        assert_eq!(look(step.after), life.seen[if deleted { count } else { count + 1 }]);
        count += 1;
    }
    assert_eq!(count, life.records.len());
    assert!(replay.try_next().await.expect("it has ended").is_none());
}

/// The time of a node until now, which is the host's.
#[tokio::test]
async fn time_in_a_state_lasts_until_now() {
    let store: Arc<dyn Store> = Arc::new(statewright::store::MemoryStore::new());
    let clock = statewright::clock::FakeClock::default();
    let host = statewright::Host::<Player>::builder(store).clock(clock.clone()).build().await.expect("fine");
    let player = host.instance("a");
    player.start().await.expect("it begins");
    clock.advance(Duration::from_secs(10));
    player.fire(crate::restored::PlayerTrigger::Switch).await.expect("accepted");
    clock.advance(Duration::from_secs(7));
    let node = |name| Player::DEFINITION.find(name).expect("declared");
    for (name, since, expected) in [
        ("Off", 0, 10),
        ("Off", 4, 6),
        ("On", 0, 7),
        ("Quiet", 12, 5),
        ("Sound", -9, 7),
        ("Mute", 0, 0),
        ("On", 99, 0),
    ] {
        let time = player.history().time_in_state(node(name), at(since)).await.expect("it is told");
        assert_eq!(time, Duration::from_secs(expected), "{name} since {since}");
    }
}
