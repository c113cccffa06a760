//! Histories over all instances, and over those of a tenant.

use super::life::{Lead, Life, at, host, lead, place, stores};
use crate::restored::Player;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use statewright::definition::NodeId;
use statewright::history::{Distribution, Filter, GroupBy, Key, MachineHistory};
use statewright::machine::{Machine, active};
use statewright::store::{Kind, Record};
use statewright_tests::address::instance;
use std::collections::BTreeMap;
use std::time::Duration;

type State = <Player as Machine>::State;

#[tokio::test]
async fn all_instances_are_the_sum_of_each() {
    let (stores, _folder) = stores();
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    for (name, store) in &stores {
        println!("{name}");
        let how = Lead { second: 7_200, snapshot_every: 5, history_every: 0 };
        let mut lives = Vec::new();
        for n in 0..20 {
            let tenant = ["", "acme"][n % 2];
            lives.push((tenant, lead(store, (tenant, &(n / 2).to_string()), how, &mut rng).await));
        }
        let host = host(store, how).await;
        let of = |tenant: Option<&str>| {
            let wanted = |life: &&(&str, Life)| tenant.is_none_or(|tenant| tenant == life.0);
            lives.iter().filter(wanted).map(|(_, life)| life).collect::<Vec<_>>()
        };
        for (history, lives) in [
            (host.operator().history(), of(None)),
            (host.history(), of(Some(""))),
            (host.tenant("acme").expect("an id").history(), of(Some("acme"))),
            (host.tenant("nobody").expect("an id").history(), vec![]),
        ] {
            groups(&history, &lives).await;
            listed(&history, &lives).await;
            dwell(&history, &lives, &mut rng).await;
            let (from, to) = (at(rng.i64(-9..90) * 7_200), at(rng.i64(90..200) * 7_200));
            let found = history.distribution(from, to).await.expect("it is told");
            let mut each = Vec::new();
            for life in &lives {
                let one = instance(&host, &life.stream.tenant, &life.stream.instance);
                each.push(one.history().distribution(from, to).await.expect("it is told"));
            }
            summed(&found, &each);
        }
        host.shutdown().await;
    }
}

fn summed(found: &Distribution<Player>, each: &[Distribution<Player>]) {
    assert_eq!(found.instances(), each.len() as u64);
    let sum = |part: &dyn Fn(&Distribution<Player>) -> Duration| each.iter().map(part).sum::<Duration>();
    assert_eq!(found.absent().time, sum(&|one| one.absent().time));
    assert_eq!(found.deleted().time, sum(&|one| one.deleted().time));
    for (node, spent) in found.nodes() {
        assert_eq!(spent.time, sum(&|one| one.time_in(node)));
        assert_eq!(spent.at_end, each.iter().map(|one| one.spent_in(node).at_end).sum::<u64>());
    }
    let states: Vec<State> = found.states().map(|(state, _)| state).collect();
    let mut sorted = states.clone();
    sorted.sort_by_key(|state| statewright::machine::MachineState::leaves(*state).to_vec());
    assert_eq!(states, sorted, "in source order");
}

/// What a record is counted by, literally.
fn key(by: GroupBy, record: &Record) -> Key<State> {
    let date = TimeZone::UTC.to_datetime(record.step.at);
    let begins = |date: jiff::civil::DateTime| Key::Time(TimeZone::UTC.to_timestamp(date).expect("in range"));
    let day = date.date().at(0, 0, 0, 0);
    match by {
        GroupBy::State => Key::State(record.step.to.parse().ok()),
        GroupBy::Trigger => Key::Trigger(record.step.trigger.clone()),
        GroupBy::Hour => begins(date.date().at(date.hour(), 0, 0, 0)),
        GroupBy::Day => begins(day),
        GroupBy::Week => begins(day - i64::from(date.weekday().to_monday_zero_offset()).days()),
        GroupBy::Month => begins(date.date().first_of_month().at(0, 0, 0, 0)),
    }
}

async fn groups(history: &MachineHistory<Player>, lives: &[&Life]) {
    let turning = Player::DEFINITION.find("Turning").expect("declared");
    let is_turning = |record: &Record| {
        record.step.to.parse::<State>().is_ok_and(|state| active::<Player>(state).contains(turning))
    };
    let (from, to) = (at(3 * 86_400), at(40 * 86_400));
    for by in [GroupBy::State, GroupBy::Trigger, GroupBy::Hour, GroupBy::Day, GroupBy::Week, GroupBy::Month] {
        for (filter, n) in [
            (Filter::new(), 0),
            (Filter::new().to_state(turning), 1),
            (Filter::new().kinds(&[Kind::Deleted]), 2),
        ] {
            let mut expected: Vec<(Key<State>, u64)> = Vec::new();
            let records = lives.iter().flat_map(|life| &life.records);
            let in_time = records.filter(|record| from <= record.step.at && record.step.at < to);
            for record in in_time.filter(|record| match n {
                0 => record.step.kind == Kind::Step,
                1 => record.step.kind == Kind::Step && is_turning(record),
                _ => record.step.kind == Kind::Deleted,
            }) {
                let key = key(by, record);
                match expected.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, count)) => *count += 1,
                    None => expected.push((key, 1)),
                }
            }
            let found = history.group_by(by, from, to, &filter).await.expect("it is told");
            let found: Vec<_> = found.into_iter().map(|group| (group.key, group.records)).collect();
            let order = |(key, _): &(Key<State>, u64)| match key {
                Key::State(state) => state.map(|state| state.to_string()).unwrap_or_default(),
                Key::Trigger(name) => name.to_string(),
                Key::Time(time) => format!("{:020}", time.as_second()),
            };
            expected.sort_by_key(order);
            assert_eq!(found, expected, "{by:?}, filter {n}");
        }
    }
}

async fn listed(history: &MachineHistory<Player>, lives: &[&Life]) {
    let (from, to) = (at(86_400), at(30 * 86_400));
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut transitions = history.transitions(from, to, usize::MAX, &Filter::new().changes());
    while let Some(transition) = transitions.try_next().await.expect("it reads") {
        found.entry(transition.record.stream.clone()).or_default().push(transition.record.revision);
    }
    let mut expected: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for record in lives.iter().flat_map(|life| &life.records) {
        let step = &record.step;
        if step.kind == Kind::Step && step.from != step.to && from <= step.at && step.at < to {
            expected.entry(record.stream.clone()).or_default().push(record.revision);
        }
    }
    assert_eq!(found, expected);
    let mut some = history.transitions(Timestamp::MIN, Timestamp::MAX, 3, &Filter::new());
    let mut count = 0;
    while some.try_next().await.expect("it reads").is_some() {
        count += 1;
    }
    assert_eq!(count, if lives.is_empty() { 0 } else { 3 });
}

async fn dwell(history: &MachineHistory<Player>, lives: &[&Life], rng: &mut fastrand::Rng) {
    let (from, to) = (at(rng.i64(0..40) * 7_200), at(rng.i64(40..150) * 7_200));
    let found = history.dwell(from, to).await.expect("it is told");
    for node in Player::DEFINITION.ids() {
        let visits: Vec<_> = lives.iter().flat_map(|life| visits(life, node)).collect();
        let ends = |(_, end): &&(i64, Option<i64>)| {
            end.is_some_and(|end| from.as_second() <= end && end < to.as_second())
        };
        let mut ended: Vec<i64> =
            visits.iter().filter(ends).map(|(begin, end)| end.unwrap_or(0) - begin).collect();
        ended.sort_unstable();
        let open = visits
            .iter()
            .filter(|(begin, end)| *begin < to.as_second() && end.is_none_or(|end| end >= to.as_second()));
        let (open, name) = (open.count() as u64, Player::DEFINITION.name(node));
        let Some(found) = found.of(node) else {
            assert_eq!((ended.len(), open), (0, 0), "{name}");
            continue;
        };
        assert_eq!((found.ended(), found.open()), (ended.len() as u64, open), "{name}");
        assert_eq!(found.total().as_secs(), ended.iter().sum::<i64>().unsigned_abs(), "{name}");
        for share in [0.0, 0.25, 0.5, 0.9, 1.0] {
            let Some(told) = found.percentile(share) else {
                assert!(ended.is_empty());
                continue;
            };
            #[allow(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "few"
            )]
            let rank = (share * (ended.len() - 1) as f64).floor() as usize;
            #[allow(clippy::cast_precision_loss, reason = "few")]
            let right = ended[rank] as f64;
            assert!(
                (told.as_secs_f64() - right).abs() <= right * 0.0101,
                "{name}, {share}: {told:?}, {right}"
            );
        }
    }
}

/// From when to when a node was active, record by record.
fn visits(life: &Life, node: NodeId) -> Vec<(i64, Option<i64>)> {
    let mut visits: Vec<(i64, Option<i64>)> = Vec::new();
    for record in &life.records {
        let is_in = place(record).parse::<State>().is_ok_and(|state| active::<Player>(state).contains(node));
        let open = visits.last_mut().filter(|(_, end)| end.is_none());
        match (is_in, open) {
            (true, None) => visits.push((record.step.at.as_second(), None)),
            (false, Some((_, end))) => *end = Some(record.step.at.as_second()),
            _ => {}
        }
    }
    visits
}
