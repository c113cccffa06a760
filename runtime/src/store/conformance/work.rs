//! Cases of what a host does over a store without being asked: timers, effects, and records handed out as they come.

use super::hosts::{FINE, READ, TAKEN, take, tills};
use super::machine::{Alarm, AlarmTrigger, Till, TillEffects, TillTrigger};
use super::pace::{Pace, on_a_clock_that_goes};
use crate::clock::FakeClock;
use crate::effect::{EffectAnswer, EffectCx, EffectError};
use crate::history::Transition;
use crate::host::Host;
use crate::store::{Record, Revision, Store, StreamId};
use crate::subscription::{Consumer, Message, Position, Start, Subscription};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A receipt on which the printer jams at its first try.
const JAMS: u64 = 1;
/// One that is never printed.
const TORN: u64 = 2;

/// Prints receipts, and notes under which key and for which time it was asked.
#[derive(Default)]
pub(super) struct Printer {
    asked: Mutex<Vec<(String, u32)>>,
}

impl Printer {
    /// What it was asked until now, and forgets it.
    pub(super) fn take_asked(&self) -> Vec<(String, u32)> {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl TillEffects for Arc<Printer> {
    async fn print(&self, cx: &EffectCx, number: u64) -> EffectAnswer<Till> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push((cx.key(), cx.attempt()));
        match (number, cx.attempt()) {
            (JAMS, 1) => Err(EffectError::retry("the paper jams")),
            (TORN, _) => Err(EffectError::fatal("the paper is torn")),
            _ => Ok(Some(TillTrigger::Printed)),
        }
    }
}

/// All records of an instance.
pub(super) async fn records(store: &dyn Store, stream: &StreamId) -> Vec<Record> {
    store.read(stream, Revision(0), 1_000).await.expect("the stream is read").0
}

/// How often an alarm has ticked, the ticks counted that one stands for besides.
pub(super) fn ticks(ticks: &[(Option<jiff::Timestamp>, u64)]) -> u64 {
    ticks.iter().map(|(_, missed)| 1 + missed).sum()
}

/// A timer runs once when it is due, not before, not if its state was left, and late rather than never if no host ran.
pub async fn timers_run_once_when_they_are_due(store: Arc<dyn Store>) {
    let clock = FakeClock::default();
    let mut time = Pace::new(&store, &[&clock]);
    let alarms = || Host::<Alarm>::builder(Arc::clone(&store)).clock(clock.clone()).build();
    let host = alarms().await.expect(FINE);
    for (instance, trigger) in
        [("once", AlarmTrigger::Set), ("left", AlarmTrigger::Set), ("again", AlarmTrigger::Watch)]
    {
        host.instance(instance).fire(trigger).await.expect("it is idle");
    }
    time.pass(Duration::from_secs(9)).await;
    assert_eq!(host.instance("once").revision().await.expect(READ), Revision(1), "it is not due");
    host.instance("left").fire(AlarmTrigger::Stop).await.expect("it waits");
    time.until("it rings", async || host.instance("once").revision().await.expect(READ) == Revision(2)).await;
    let ticked = async || host.instance("again").revision().await.expect(READ) >= Revision(3);
    time.until("it ticks again and again", ticked).await;
    host.instance("late").fire(AlarmTrigger::Set).await.expect("it is idle");
    time.driven(host.shutdown()).await;

    clock.advance(Duration::from_secs(35));
    let host = alarms().await.expect(FINE);
    time.until("what is overdue rings", async || {
        host.instance("late").revision().await.expect(READ) == Revision(2)
    })
    .await;
    let heard = async || host.instance("again").view(|alarm, _| alarm.data().ticks.clone()).await;
    time.until("the ticks are made up for", async || ticks(&heard().await.expect(READ)) >= 6).await;
    host.instance("again").fire(AlarmTrigger::Stop).await.expect("it ticks");
    time.driven(host.shutdown()).await;

    let stream = |instance: &str| host.repository().stream("", instance);
    for instance in ["once", "late"] {
        let records = records(&*store, &stream(instance)).await;
        let due = records[0].step.body.timers[0].due.expect("it is set");
        assert_eq!(records.len(), 2, "once");
        assert_eq!(*records[1].step.command, format!("timer/Waiting#0/{}", due.as_microsecond()));
        assert!(records[1].step.at >= due, "not before it is due");
    }
    assert_eq!(records(&*store, &stream("left")).await.len(), 2, "the state was left");
    let ticked = records(&*store, &stream("again")).await;
    let (first, heard) = (ticked[0].step.at, ticked.len() - 2);
    let made_up: u64 = ticked.iter().map(|record| record.step.body.missed).sum();
    let turns = u64::try_from(heard).expect("few") + made_up;
    let last = ticked[heard].step.at.duration_since(first).as_secs();
    assert_eq!(turns, last.unsigned_abs() / 10, "each tick is accounted for once");
}

/// Effects are done by whoever is there to do them, at least once and always under the same key; their answers are recorded
/// once, and what fails for good is listed until it is put away.
pub async fn effects_are_done_and_answered(store: Arc<dyn Store>) {
    let (clock, printer) = (FakeClock::default(), Arc::new(Printer::default()));
    let mut time = Pace::new(&store, &[&clock]);
    let before = tills(&store, &clock).build().await.expect(FINE);
    let receipt = async |host: &Host<Till>, instance: &str, number| {
        host.instance(instance).fire(TillTrigger::Receipt { number }).await.expect(TAKEN);
    };
    receipt(&before, "a", 7).await;
    before.shutdown().await;

    let printing = || {
        let builder = Host::<Till>::builder(Arc::clone(&store)).clock(clock.clone());
        builder.effects(Arc::clone(&printer)).build()
    };
    let host = printing().await.expect(FINE);
    for (instance, number) in [("b", JAMS), ("c", TORN), ("c", 7)] {
        receipt(&host, instance, number).await;
    }
    let answered = async |host: &Host<Till>, instance: &str, records: u64| {
        host.instance(instance).revision().await.expect(READ) == Revision(records)
    };
    for (instance, records) in [("a", 2), ("b", 2), ("c", 3)] {
        time.until("it is answered", async || answered(&host, instance, records).await).await;
    }
    let letters = host.dead_letters().list(None, 9).await.expect("dead letters are listed");
    assert_eq!((letters.len(), &*letters[0].key, letters[0].attempts), (1, "/Till/c/1/0", 1));
    host.dead_letters().retry("/Till/c/1/0").await.expect("it is there");
    let listed = async || host.dead_letters().list(None, 9).await.expect("dead letters are listed").len();
    time.until("it fails again", async || listed().await == 1).await;
    time.driven(host.shutdown()).await;
    host.dead_letters().discard("/Till/c/1/0").await.expect("it is there");
    assert_eq!(listed().await, 0);
    let mut asked: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (key, attempt) in printer.take_asked() {
        asked.entry(key).or_default().insert(attempt);
    }
    let expected = [("/Till/a/1/0", vec![1]), ("/Till/b/1/0", vec![1, 2])].into_iter();
    let expected = expected.chain([("/Till/c/1/0", vec![1]), ("/Till/c/2/0", vec![1])]);
    assert_eq!(asked, expected.map(|(key, tries)| (key.to_owned(), tries.into_iter().collect())).collect());

    let host = printing().await.expect(FINE);
    receipt(&host, "d", 7).await;
    time.until("it is answered", async || answered(&host, "d", 2).await).await;
    time.driven(host.shutdown()).await;
    let asked: BTreeSet<_> = printer.take_asked().into_iter().map(|(key, _)| key).collect();
    assert_eq!(asked, BTreeSet::from(["/Till/d/1/0".to_owned()]), "what has its answer is not done again");
    for (instance, whole, effect) in [("a", 2, 1), ("b", 2, 1), ("c", 3, 2), ("d", 2, 1)] {
        let records = records(&*store, &host.repository().stream("", instance)).await;
        let answers = records.iter().filter(|record| &*record.step.trigger == "Printed");
        let answers: Vec<_> = answers.map(|record| record.step.command.to_string()).collect();
        assert_eq!((records.len(), answers), (whole, vec![format!("effect/{effect}/0")]), "{instance}");
    }
}

/// The instance and revision of a record.
pub(super) type Spot = (String, u64);

pub(super) fn spot(transition: &Transition<Till>) -> Spot {
    (transition.record.stream.instance.to_string(), transition.record.revision.0)
}

/// What is handed out until it has caught up.
async fn caught_up(subscription: &mut Subscription<Transition<Till>>) -> Vec<Spot> {
    let mut seen = Vec::new();
    while let Message::Record(transition) = subscription.next().await.expect("it is read") {
        seen.push(spot(&transition));
    }
    seen
}

/// What was recorded comes first and then what is, from any position; a name goes on where it was acknowledged.
pub async fn a_subscription_goes_on_where_it_was(store: Arc<dyn Store>) {
    on_a_clock_that_goes(async |clock| {
        let host = tills(&store, &clock).build().await.expect(FINE);
        let fire = async |instance: &str, times: usize| {
            for _ in 0..times {
                host.instance(instance).fire(take(1)).await.expect(TAKEN);
            }
        };
        let sorted = |mut spots: Vec<Spot>| {
            spots.sort();
            spots
        };
        let spots = |instance: &str, revisions: std::ops::RangeInclusive<u64>| {
            revisions.map(|revision| (instance.to_owned(), revision)).collect::<Vec<_>>()
        };
        fire("x", 3).await;
        fire("y", 2).await;
        let mut all = host.subscribe(Start::Beginning).open().await.expect("it begins");
        assert_eq!(sorted(caught_up(&mut all).await), [spots("x", 1..=3), spots("y", 1..=2)].concat());
        let mut from_now = host.instance("x").subscribe(Start::Now).open().await.expect("it begins");
        let position = all.position().to_string();
        let live = tokio::spawn(async move {
            let mut seen = Vec::new();
            while seen.len() < 3 {
                let message = all.next().await.expect("it is read");
                seen.extend(message.into_record().as_ref().map(spot));
            }
            seen
        });
        fire("x", 3).await;
        assert_eq!(live.await.expect("no panic"), spots("x", 4..=6), "in order, as they come");
        assert_eq!(caught_up(&mut from_now).await, spots("x", 4..=6));
        let position: Position = position.parse().expect("it was printed");
        let mut behind = host.subscribe(Start::Behind(position)).open().await.expect("it begins");
        assert_eq!(caught_up(&mut behind).await, spots("x", 4..=6));

        let named = async || host.subscribe(Start::Beginning).named("books").open().await.expect("it begins");
        let next = async |consumer: &mut Consumer<Transition<Till>>| loop {
            if let Message::Record(transition) = consumer.next().await.expect("it is read") {
                return spot(&transition);
            }
        };
        let mut first = named().await;
        let mut done = Vec::new();
        for _ in 0..3 {
            done.push(next(&mut first).await);
        }
        assert_eq!(first.ack().await.expect("it is written"), BTreeSet::new());
        next(&mut first).await;
        first.close().await;
        let mut second = named().await;
        for _ in 0..5 {
            done.push(next(&mut second).await);
            assert_eq!(second.ack().await.expect("it is written"), BTreeSet::new());
        }
        assert_eq!(sorted(done), [spots("x", 1..=6), spots("y", 1..=2)].concat(), "each done once");
        second.close().await;
        let mut third = named().await;
        fire("y", 1).await;
        assert_eq!(next(&mut third).await, ("y".to_owned(), 3));
        third.close().await;
        host.shutdown().await;
    })
    .await;
}
