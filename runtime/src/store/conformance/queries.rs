//! Cases of questions about many records: what a store answers by itself is what its records say.

use super::{request, stream};
use crate::store::query::{self, By, Key, Place, Scope, Selection, Spent, computed};
use crate::store::{Kind, Outcome, RecordedStep, Store, StreamId, Unit};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).expect("in range")
}

fn moved(
    kind: Kind,
    time: i64,
    (trigger, from, to): (&'static str, &'static str, &'static str),
) -> RecordedStep {
    let (trigger, from, to) = (trigger.into(), from.into(), to.into());
    RecordedStep { kind, at: at(time), trigger, from, to, ..RecordedStep::default() }
}

async fn record(store: &dyn Store, id: &StreamId, steps: Vec<RecordedStep>) {
    let mut head = store.head(id).await.expect("the head is read");
    for steps in steps.chunks(store.limits().steps_max.max(1)) {
        let outcome = store.append(vec![request(id, head, steps.to_vec())], Unit::Each).await.pop();
        let Some(Outcome::Appended(next)) = outcome else { panic!("nobody else writes: {outcome:?}") };
        head = next;
    }
}

fn scope(tenant: Option<&str>, instance: Option<&str>) -> Scope {
    let part = |part: Option<&str>| part.map(Arc::from);
    Scope { machine: "Order".into(), tenant: part(tenant), instance: part(instance) }
}

/// From, to, absent, and where else.
type Case = (i64, i64, Spent, Vec<(Place, Spent)>);

/// A life of four records, looked at as a whole and in part.
pub async fn where_streams_stood_is_told(store: Arc<dyn Store>) {
    let life = [
        moved(Kind::Step, -10, ("", "A", "A")),
        moved(Kind::Step, 20, ("Go", "A", "B")),
        moved(Kind::Rejection, 25, ("Go", "B", "B")),
        moved(Kind::Deleted, 60, ("", "", "")),
    ];
    record(&*store, &stream("1"), life.into()).await;
    let spent = |micros, at_end| Spent { time: Duration::from_micros(micros), at_end };
    let place = |name: &'static str| Place::In(name.into());
    let none = Spent::default();
    let cases: [Case; 5] = [
        (
            -50,
            100,
            spent(40, 0),
            vec![(place("A"), spent(30, 0)), (place("B"), spent(40, 0)), (Place::Deleted, spent(40, 1))],
        ),
        (0, 30, none, vec![(place("A"), spent(20, 0)), (place("B"), spent(10, 1))]),
        (20, 20, none, vec![(place("B"), spent(0, 1))]),
        (-50, -11, spent(39, 1), vec![]),
        (60, 61, none, vec![(Place::Deleted, spent(1, 1))]),
    ];
    for (from, to, absent, places) in cases {
        let found = query::times(&*store, &scope(None, None), at(from), at(to)).await.expect("it is told");
        assert_eq!((found.streams, found.absent), (1, absent), "{from}..{to}");
        assert_eq!(found.places.into_iter().collect::<Vec<_>>(), places, "{from}..{to}");
    }
    let counted = query::count(&*store, &scope(Some("acme"), None), &Selection::default(), By::Trigger).await;
    let names: [Key; 2] = ["".into(), "Go".into()].map(Key::Name);
    assert_eq!(counted.expect("it is told"), names.map(|name| (name, 1)).into());
}

/// Streams that are short and long, of two tenants and two machines, some deleted and one erased; every answer is the
/// same as the one that is computed from the records.
pub async fn what_is_asked_is_answered_from_the_records(store: Arc<dyn Store>) {
    fill(&*store).await;
    let scopes = [
        scope(None, None),
        scope(Some("acme"), None),
        scope(Some("acme"), Some("long")),
        scope(None, Some("3")),
        scope(Some("nobody"), None),
    ];
    for scope in &scopes {
        for (from, to) in [
            (-9_000, 9_000_000),
            (0, 0),
            (-40, 700),
            (3_000, 4_100),
            (690_000, 700_000),
            (8_000_000, 9_000_000),
        ] {
            let own = query::times(&*store, scope, at(from), at(to)).await.expect("it is told");
            let computed = computed::times(&*store, scope, (at(from), at(to))).await.expect("it is told");
            assert_eq!(own, computed, "{scope:?}, {from}..{to}");
            let times = own.places.values().map(|spent| spent.time).chain([own.absent.time]);
            let span = Duration::from_micros((to - from).unsigned_abs());
            assert_eq!(times.sum::<Duration>(), span * u32::try_from(own.streams).expect("few"));
            let ends: u64 = own.places.values().map(|spent| spent.at_end).sum();
            assert_eq!(ends + own.absent.at_end, own.streams, "each is somewhere at the end");
        }
        for (selection, by) in questions() {
            let own = query::count(&*store, scope, &selection, by).await.expect("it is told");
            let computed = computed::count(&*store, scope, &selection, by).await.expect("it is told");
            assert_eq!(own, computed, "{scope:?}, {selection:?}, {by:?}");
        }
    }
    let all = query::count(&*store, &scopes[0], &Selection::default(), By::State).await.expect("it is told");
    assert!(all.values().sum::<u64>() > 1_000, "{all:?}");
}

fn questions() -> impl Iterator<Item = (Selection, By)> {
    let every = vec![Kind::Step, Kind::Rejection, Kind::Deleted, Kind::Erased];
    let selections = [
        Selection::default(),
        Selection { kinds: every, since: at(-20), until: at(5_000), ..Selection::default() },
        Selection { triggers: Some(vec!["Go".into(), "'Stop".into()]), ..Selection::default() },
        Selection { from: Some(vec!["A".into(), "C".into()]), changes: true, ..Selection::default() },
        Selection { to: Some(vec!["é+".into(), "B".into()]), ..Selection::default() },
        Selection { to: Some(Vec::new()), ..Selection::default() },
        Selection { kinds: Vec::new(), ..Selection::default() },
    ];
    let bys =
        [By::State, By::Trigger, By::Time { width: 1_000, offset: 0 }, By::Time { width: 700, offset: 300 }];
    selections.into_iter().flat_map(move |selection| bys.map(|by| (selection.clone(), by)))
}

/// Times before and behind 1970, several records at one time, states with regions and with names that are alike.
async fn fill(store: &dyn Store) {
    const STATES: [&str; 6] = ["A", "B", "A+B", "AB", "C+é", "b"];
    const TRIGGERS: [&str; 4] = ["Go", "'Stop", "", "Timer#0"];
    for (n, (tenant, machine)) in
        [("acme", "Order"), ("", "Order"), ("acme", "Orders")].into_iter().enumerate()
    {
        for (k, name) in ["1", "2", "3", "long"].into_iter().enumerate() {
            let id = StreamId::new(tenant, machine, name);
            let length = if name == "long" { 1_300 } else { 3 + k * 4 + n };
            let mut time = -60 + i64::try_from(k * 9).expect("few");
            let step = |m: usize| {
                time += [0, 7, 31, 900][(m * 7 + k) % 4];
                let state = |m: usize| STATES[(m * m + n + k) % STATES.len()];
                let kind = if m % 5 == 3 { Kind::Rejection } else { Kind::Step };
                let to = if kind == Kind::Rejection { state(m) } else { state(m + 1) };
                moved(kind, time, (TRIGGERS[(m + n) % TRIGGERS.len()], state(m), to))
            };
            record(store, &id, (0..length).map(step).collect()).await;
            if k > 0 && n < 2 && name != "long" {
                let end = moved(Kind::Deleted, time + 50, ("", "", ""));
                record(store, &id, vec![end]).await;
            }
            if k == 1 {
                store.erase(&id).await.expect("it is erased");
            }
        }
    }
}
