//! Cases of several hosts on several handles of one place: what one host at a time does, and what they settle with each
//! other through the store alone.

use super::Place;
use super::hosts::{FINE, READ, TAKEN, stand, take, tills};
use super::machine::{Alarm, AlarmTrigger, Till, TillEffects, TillState, TillTrigger};
use super::pace::{Pace, on_a_clock_that_goes};
use super::work::{Printer, records, ticks};
use crate::clock::{Clock, FakeClock};
use crate::effect::{EffectAnswer, EffectCx, EffectError};
use crate::error::FireError;
use crate::host::Host;
use crate::lease::{Claim, Lease};
use crate::store::{CellKey, Cursor, Put, Revision, Shard, Store, StreamId};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const TIME: Duration = Duration::from_secs(10);

fn lease(store: &dyn Store, holder: &str) -> Lease {
    Lease::new(store, (Shard(0), "case"), Claim { holder: holder.into(), time: TIME })
}

/// A lease has one holder, and when it has changed hands what its old holder still writes is refused.
pub async fn a_lease_has_one_holder<P: Place>(place: &P) {
    let (a, b) = (place.open().await, place.open().await);
    let at = Duration::from_secs;
    let (mut first, mut second) = (lease(&*a, "first"), lease(&*b, "second"));
    let epoch = first.hold(&*a, at(0)).await.expect("the store answers").expect("it is free");
    let mut turn = async |time| second.hold(&*b, at(time)).await.expect("the store answers");
    assert_eq!(turn(0).await, None, "it is the first one's");
    assert_eq!(first.hold(&*a, at(6)).await.expect("the store answers"), Some(epoch), "renewed");
    assert_eq!(turn(11).await, None, "it has changed since");
    let key = first.key().clone();
    let before = a.get(std::slice::from_ref(&key)).await.expect("cells are read").remove(0);
    let later = turn(21).await.expect("it stood still for its time");
    assert!(later > epoch);
    // The first one was paused, and believes that it holds it.
    assert_eq!(first.epoch(at(7)), Some(epoch));
    let late = Put { key: key.clone(), version: Some(before.version), value: Some(before.value) };
    assert_eq!(a.put(vec![late]).await.expect("cells are written"), [None], "it comes too late");
    assert_eq!(first.hold(&*a, at(7)).await.expect("the store answers"), None);
    assert_eq!(first.epoch(at(7)), None, "now it knows");
    assert_eq!(turn(24).await, Some(later), "and has disturbed nothing");
    // Given back it is free, and of many who want it one gets it.
    second.release(&*b).await.expect("it is written");
    let handles = [a, b];
    let rivals = (0..8).map(|n| {
        let store = Arc::clone(&handles[n % 2]);
        tokio::spawn(async move {
            let mut lease = lease(&*store, &format!("rival/{n}"));
            lease.hold(&*store, at(0)).await.expect("the store answers")
        })
    });
    let mut won = Vec::new();
    for rival in rivals.collect::<Vec<_>>() {
        won.extend(rival.await.expect("no panic"));
    }
    assert_eq!(won, [later + 1]);
}

/// A receipt at which the printer of the first host hangs.
const HANGS: u64 = 1;

/// Who was asked to print what, and since which epoch it has had the shard.
type Asked = (&'static str, String, u64);

struct Desk {
    host: &'static str,
    asked: UnboundedSender<Asked>,
    let_go: Arc<Semaphore>,
}

impl TillEffects for Desk {
    async fn print(&self, cx: &EffectCx, number: u64) -> EffectAnswer<Till> {
        self.asked.send((self.host, cx.key(), cx.epoch())).map_err(EffectError::fatal)?;
        if (self.host, number) == ("first", HANGS) {
            self.let_go.acquire().await.map_err(EffectError::fatal)?.forget();
        }
        Ok(Some(TillTrigger::Printed))
    }
}

/// Turns the clocks until somebody is asked to print.
async fn next_asked(time: &mut Pace, asked: &mut UnboundedReceiver<Asked>) -> Asked {
    time.driven(asked.recv()).await.expect("the printers are there")
}

/// A host that is paused loses its shards to another. What it still does under its old epoch is recorded by nobody, and when it
/// goes on nothing is done or answered again.
pub async fn a_host_that_was_paused_is_fenced<P: Place>(place: &P) {
    let (a, b) = (place.open().await, place.open().await);
    let (stopped, clock) = (FakeClock::default(), FakeClock::default());
    let ((sender, mut asked), let_go) = (unbounded_channel(), Arc::new(Semaphore::new(0)));
    let desk = |host| Desk { host, asked: sender.clone(), let_go: Arc::clone(&let_go) };
    let printing = async |store: &Arc<dyn Store>, clock: &FakeClock, host| {
        let builder = Host::<Till>::builder(Arc::clone(store)).clock(clock.clone());
        builder.effects(desk(host)).build().await.expect(FINE)
    };
    let receipt = |number| TillTrigger::Receipt { number };
    let first = printing(&a, &stopped, "first").await;
    let mut time = Pace::new(&a, &[&stopped]);
    time.driven(first.instance("a").fire(receipt(HANGS))).await.expect(TAKEN);
    let (host, key, epoch) = next_asked(&mut time, &mut asked).await;
    assert_eq!((host, &*key), ("first", "/Till/a/1/0"));

    // From here on the clock of the first one stands still.
    let second = printing(&b, &clock, "second").await;
    let mut time = Pace::new(&b, &[&clock]).without(first.id());
    let (host, key, later) = next_asked(&mut time, &mut asked).await;
    assert_eq!((host, &*key), ("second", "/Till/a/1/0"), "what hangs elsewhere is done");
    assert!(later > epoch, "{later} > {epoch}");
    assert!(clock.monotonic() >= TIME, "not before its lease was over");
    let is_at = async |host: &Host<Till>, revision| {
        host.instance("a").revision().await.expect(READ) == Revision(revision)
    };
    time.until("it is answered", async || is_at(&second, 2).await).await;
    let shard = b.shard(&second.repository().stream("", "a"));
    let end = b.scan(shard, &Cursor::default(), 9).await.expect("the shard is read").cursors.pop();
    let checkpoint = CellKey { shard, name: "effects/Till".into() };
    let saved = async || b.get(std::slice::from_ref(&checkpoint)).await.expect("cells are read").pop();
    let stands = async || saved().await.map(|cell| Cursor(cell.value));
    time.until("it is written down", async || stands().await == end).await;
    let owner = second.instance("a").owner().await.expect("cells are read");
    assert_eq!(owner.as_deref(), Some(second.id()));

    // The first one's printer answers now, and the first one does not know yet that it has lost the shard.
    let before = saved().await;
    let_go.add_permits(1);
    time.pass(Duration::from_secs(2)).await;
    let mut time = Pace::new(&b, &[&stopped, &clock]);
    time.pass(TIME).await;
    assert_eq!(saved().await, before, "what it wrote down was refused");
    assert!(is_at(&second, 2).await, "its answer is there already");
    // Now it knows, and both go on.
    for (host, instance) in [(&first, "b"), (&second, "c"), (&first, "a")] {
        time.driven(host.instance(instance).fire(receipt(7))).await.expect(TAKEN);
    }
    let mut rest = BTreeSet::new();
    for _ in 0..3 {
        let (_, key, since) = next_asked(&mut time, &mut asked).await;
        assert!(since > epoch, "{key}: {since}");
        rest.insert(key);
    }
    assert_eq!(rest, ["/Till/a/3/0", "/Till/b/1/0", "/Till/c/1/0"].map(str::to_owned).into());
    time.until("all is answered", async || is_at(&first, 4).await).await;
    for host in [&first, &second] {
        time.driven(host.shutdown()).await;
    }
    assert!(asked.try_recv().is_err(), "nothing more is done twice");
    let records = records(&*b, &second.repository().stream("", "a")).await;
    let answers = records.iter().filter(|record| &*record.step.trigger == "Printed");
    let answers: Vec<_> = answers.map(|record| &*record.step.command).collect();
    assert_eq!(answers, ["effect/1/0", "effect/3/0"]);
}

/// Two hosts, of which the second comes while the first is at work: as long as nobody dies, each timer is run and each effect is
/// done once.
pub async fn hosts_share_timers_and_effects<P: Place>(place: &P) {
    const INSTANCES: usize = 12;
    let handles = [place.open().await, place.open().await];
    let clock = FakeClock::default();
    let mut time = Pace::new(&handles[0], &[&clock]);
    let printer = Arc::new(Printer::default());
    let (mut alarms, mut printing) = (Vec::new(), Vec::new());
    let name = |n: usize| format!("{n}-is-its-number");
    for (round, store) in handles.iter().enumerate() {
        let (alarm, till) =
            (Host::<Alarm>::builder(Arc::clone(store)), Host::<Till>::builder(Arc::clone(store)));
        alarms.push(alarm.clock(clock.clone()).build().await.expect(FINE));
        let till = till.clock(clock.clone()).effects(Arc::clone(&printer));
        printing.push(till.build().await.expect(FINE));
        for n in (0..INSTANCES).map(|n| n + round * INSTANCES) {
            let (alarm, till) = (&alarms[n % alarms.len()], &printing[n % printing.len()]);
            time.driven(alarm.instance(&name(n)).fire(AlarmTrigger::Set)).await.expect("it is idle");
            time.driven(till.instance(&name(n)).fire(TillTrigger::Receipt { number: 7 })).await.expect(TAKEN);
        }
    }
    let store = &handles[1];
    let length = async |machine: &str, n| {
        let id = StreamId::new("", machine, &name(n));
        store.head(&id).await.expect("the head is read").revision.0
    };
    for n in 0..2 * INSTANCES {
        time.until("it rings", async || length("Alarm", n).await == 2).await;
        time.until("it is answered", async || length("Till", n).await == 2).await;
    }
    time.pass(TIME * 2).await;
    for host in &alarms {
        time.driven(host.shutdown()).await;
    }
    for host in &printing {
        time.driven(host.shutdown()).await;
    }
    for n in 0..2 * INSTANCES {
        assert_eq!((length("Alarm", n).await, length("Till", n).await), (2, 2), "once");
    }
    let mut asked: Vec<_> = printer.take_asked().into_iter().map(|(key, _)| key).collect();
    let mut expected: Vec<_> = (0..2 * INSTANCES).map(|n| format!("/Till/{}/1/0", name(n))).collect();
    asked.sort();
    expected.sort();
    assert_eq!(asked, expected);
}

/// The clocks of three hosts are up to twelve seconds apart, as far as a timer is long: every timer is run, by no clock before
/// it is due, and recorded once.
pub async fn hosts_whose_clocks_differ_lose_no_timer<P: Place>(place: &P) {
    const INSTANCES: usize = 6;
    let middle = FakeClock::default().now() + Duration::from_hours(1);
    let clocks = [
        FakeClock::at(middle),
        FakeClock::at(middle + Duration::from_secs(7)),
        FakeClock::at(middle - Duration::from_secs(5)),
    ];
    let (mut handles, mut hosts) = (Vec::new(), Vec::new());
    for clock in &clocks {
        let store = place.open().await;
        let builder = Host::<Alarm>::builder(Arc::clone(&store)).clock(clock.clone());
        hosts.push(builder.build().await.expect(FINE));
        handles.push(store);
    }
    let mut time = Pace::new(&handles[0], &clocks.each_ref());
    let names = |what: &str| (0..INSTANCES).map(|n| format!("{what}-{n}")).collect::<Vec<_>>();
    for (n, (once, again)) in names("once").iter().zip(&names("again")).enumerate() {
        let (host, other) = (&hosts[n % hosts.len()], &hosts[(n + 1) % hosts.len()]);
        time.driven(host.instance(once).fire(AlarmTrigger::Set)).await.expect("it is idle");
        time.driven(other.instance(again).fire(AlarmTrigger::Watch)).await.expect("it is idle");
    }
    let heard = async |n: usize, name: &str| {
        let view = hosts[n % hosts.len()].instance(name);
        view.view(|alarm, _| alarm.data().clone()).await.expect(READ)
    };
    for (n, (once, again)) in names("once").iter().zip(&names("again")).enumerate() {
        time.until("it rings", async || !heard(n, once).await.rings.is_empty()).await;
        time.until("it ticks", async || ticks(&heard(n, again).await.ticks) >= 4).await;
    }
    // The first one leaves: what it has had goes to clocks that are ahead or behind.
    time.driven(hosts[0].shutdown()).await;
    for again in &names("again") {
        time.until("it ticks on", async || ticks(&heard(1, again).await.ticks) >= 9).await;
    }
    for host in &hosts[1..] {
        time.driven(host.shutdown()).await;
    }
    for name in names("once").iter().chain(&names("again")) {
        let stream = hosts[0].repository().stream("", name);
        let records = records(&*handles[2], &stream).await;
        let loaded = hosts[0].repository().load(&stream).await.expect(READ);
        let data = loaded.instance.data();
        let set = records[0].step.at;
        assert!(records.is_sorted_by_key(|record| record.step.at), "time never runs backwards");
        let mut turns = 0;
        for (record, (due, missed)) in records[1..].iter().zip(&data.ticks) {
            let due = due.expect("it is a timer's");
            turns += 1;
            assert_eq!(due, set + TIME * turns, "{name}: no turn is left out, and none comes again");
            assert!(record.step.at >= due, "{name}: not before it is due");
            turns += u32::try_from(*missed).expect("few");
        }
        if name.starts_with("once") {
            assert_eq!((records.len(), &data.rings[..]), (2, &[Some(set + TIME)][..]), "{name}");
            assert!(records[1].step.at >= set + TIME, "{name}: not before it is due");
        } else {
            assert_eq!(records.len(), data.ticks.len() + 1, "{name}");
        }
    }
}

/// Two hosts are given the same commands for one instance: each is recorded once, whoever was faster, and both hosts know.
pub async fn hosts_settle_their_conflicts<P: Place>(place: &P) {
    on_a_clock_that_goes(async |clock| {
        const COMMANDS: u64 = 16;
        let handles = [place.open().await, place.open().await];
        let mut hosts = Vec::new();
        for store in &handles {
            let builder = tills(store, &clock).conflict_retries(1_000).snapshot_every(4);
            hosts.push(builder.build().await.expect(FINE));
        }
        let fire = |host: &Host<Till>, n: u64| {
            let command = host.instance("hot").command(&n.to_string());
            tokio::spawn(async move { command.fire(take(n + 1)).await.expect(TAKEN).duplicate })
        };
        let asked: Vec<_> = (0..COMMANDS).flat_map(|n| hosts.iter().map(move |host| fire(host, n))).collect();
        let mut fresh = 0;
        for answer in asked {
            fresh += u64::from(!answer.await.expect("no panic"));
        }
        assert_eq!(fresh, COMMANDS, "each is recorded once");
        let sum = COMMANDS * (COMMANDS + 1) / 2;
        for host in &hosts {
            let (_, data, revision) = stand(&host.instance("hot")).await;
            assert_eq!((data.cents, revision), (sum, Revision(COMMANDS)));
        }
        // A copy that is old neither refuses nor overwrites.
        let (a, b) = (hosts[0].instance("hot"), hosts[1].instance("hot"));
        a.fire(TillTrigger::Settle { cents: 1 }).await.expect(TAKEN);
        assert_eq!(b.state().await.expect(READ), TillState::Settled);
        assert!(matches!(b.fire(take(1)).await, Err(FireError::Rejected(_))), "it is settled");
        b.fire(TillTrigger::Reopen).await.expect("it is settled");
        let stale = a.command("stale").expect(Revision(COMMANDS + 1));
        let stale = stale.fire(TillTrigger::Reopen).await;
        assert!(
            matches!(stale, Err(FireError::Conflict { found, .. }) if found.0 == COMMANDS + 2),
            "{stale:?}"
        );
        a.fire(take(1)).await.expect(TAKEN);
        for host in &hosts {
            host.shutdown().await;
        }
    })
    .await;
}
