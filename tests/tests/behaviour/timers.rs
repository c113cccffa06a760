//! Hosts run timers: in time, once, and whatever becomes of hosts and of other instances.

use jiff::Timestamp;
use statewright::Host;
use statewright::clock::{Clock, FakeClock};
use statewright::host::HostBuilder;
use statewright::replay::ReplayCheck;
use statewright::store::{Cursor, MemoryStore, Record, Revision, Shard, Store, StreamId};
use statewright::timers::Missed;
use statewright_tests::kettle::{Kettle, KettleState, KettleTrigger};
use statewright_tests::sparse::Sparse;
use std::sync::Arc;
use std::time::Duration;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn at(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok()
}

/// One shard, so that a test can wait for the next record.
struct Kitchen {
    store: Arc<MemoryStore>,
    clock: FakeClock,
}

impl Kitchen {
    fn new() -> Self {
        Self { store: Arc::new(MemoryStore::with_shards(1)), clock: FakeClock::default() }
    }

    fn builder(&self) -> HostBuilder<Kettle> {
        Host::builder(Arc::clone(&self.store)).clock(self.clock.clone())
    }

    async fn host(&self) -> Host<Kettle> {
        self.builder().build().await.expect("fine")
    }

    /// The records of an instance once there are this many, however long that takes.
    async fn records(&self, instance: &str, count: usize) -> Vec<Record> {
        let stream = StreamId::new("", "Kettle", instance);
        let mut end = Cursor::default();
        loop {
            let (records, _) = self.store.read(&stream, Revision(0), 1_000).await.expect("memory");
            if records.len() >= count {
                return records;
            }
            self.store.changed(Shard(0), &end).await.expect("memory");
            end = self.store.scan(Shard(0), &end, 10_000).await.expect("memory").next;
        }
    }

    /// Instances whose every step would be decided today as it was.
    async fn same_today(&self) -> u64 {
        let report = ReplayCheck::<Kettle>::new(Arc::clone(&self.store)).run(|_| {}).await.expect("memory");
        report.same
    }

    /// The entries of the agenda once there are this many.
    async fn agenda(&self, count: usize) -> Vec<String> {
        loop {
            let cells = self.store.list(Shard(0), "agenda/", None, 100).await.expect("memory");
            if cells.len() == count {
                return cells.into_iter().map(|cell| cell.key.name.into()).collect();
            }
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_timer_runs_once_when_it_is_due_also_from_inside_a_child() {
    let kitchen = Kitchen::new();
    let host = kitchen.host().await;
    let kettle = host.instance("a");
    kettle.fire(KettleTrigger::Fill).await.expect("it is idle");
    kettle.fire(KettleTrigger::Stir).await.expect("it is heating");
    kitchen.clock.advance(seconds(9));
    // A second kettle shows that nothing of the first was due.
    host.instance("b").fire(KettleTrigger::Shake).await.expect("it is idle");
    assert_eq!(kettle.state().await.expect("it loads"), KettleState::Boiling);
    kitchen.clock.advance(seconds(1));
    let records = kitchen.records("a", 3).await;
    assert_eq!((&*records[2].step.trigger, &*records[2].step.command), ("On#0", "timer/On#0/10000000"));
    assert_eq!(kettle.view(|kettle, _| kettle.data().off.clone()).await.expect("it loads"), [at(10)]);
    kitchen.clock.advance(seconds(100));
    kitchen.records("b", 3).await;
    assert_eq!(kettle.revision().await.expect("it loads"), Revision(3), "once");
    kitchen.agenda(0).await;
}

#[tokio::test]
async fn leaving_the_state_cancels_its_timer() {
    let kitchen = Kitchen::new();
    let host = kitchen.host().await;
    host.instance("a").fire(KettleTrigger::Fill).await.expect("it is idle");
    host.instance("b").fire(KettleTrigger::Fill).await.expect("it is idle");
    kitchen.agenda(2).await;
    host.instance("a").fire(KettleTrigger::Empty).await.expect("it is on");
    kitchen.agenda(1).await;
    kitchen.clock.advance(seconds(10));
    kitchen.records("b", 2).await;
    assert_eq!(host.instance("a").revision().await.expect("it loads"), Revision(2));
}

#[tokio::test]
async fn what_was_due_while_no_host_ran_is_run_at_once_and_once() {
    let kitchen = Kitchen::new();
    let host = kitchen.host().await;
    host.instance("overdue").fire(KettleTrigger::Fill).await.expect("it is idle");
    kitchen.clock.advance(seconds(5));
    host.instance("later").fire(KettleTrigger::Fill).await.expect("it is idle");
    host.shutdown().await;
    kitchen.clock.advance(seconds(8));
    let host = kitchen.host().await;
    let records = kitchen.records("overdue", 2).await;
    assert_eq!(records[1].step.at, at(13).expect("in range"));
    assert_eq!(host.instance("later").revision().await.expect("it loads"), Revision(1), "2 s are left");
    kitchen.clock.advance(seconds(2));
    kitchen.records("later", 2).await;
    assert_eq!(host.instance("overdue").revision().await.expect("it loads"), Revision(2));
}

#[tokio::test]
async fn turns_that_nobody_ran_are_made_up_for_as_the_policy_says() {
    let cases = [
        (Missed::FireOnce, vec![(at(10), 0), (at(20), 2), (at(50), 0)]),
        (Missed::FireAll, vec![(at(10), 0), (at(20), 0), (at(30), 0), (at(40), 0), (at(50), 0)]),
        (Missed::Skip, vec![(at(10), 0), (at(50), 0)]),
    ];
    for (policy, expected) in cases {
        let kitchen = Kitchen::new();
        let host = kitchen.host().await;
        host.instance("a").fire(KettleTrigger::Watch).await.expect("it is idle");
        kitchen.clock.advance(seconds(10));
        kitchen.records("a", 2).await;
        host.shutdown().await;
        kitchen.clock.advance(seconds(35));
        let host = kitchen.builder().missed(policy).build().await.expect("fine");
        let made_up = kitchen.records("a", if policy == Missed::FireAll { 5 } else { 3 }).await;
        let skipped = made_up[2].step.body.unasked;
        assert_eq!(skipped, policy == Missed::Skip);
        assert_eq!(made_up[2].step.body.missed, [2, 0, 3][policy as usize], "{policy:?}");
        kitchen.clock.advance(seconds(5));
        kitchen.records("a", made_up.len() + 1).await;
        let ticks = host.instance("a").view(|kettle, _| kettle.data().ticks.clone()).await;
        assert_eq!(ticks.expect("it loads"), expected, "{policy:?}");
        assert_eq!(kitchen.same_today().await, 1, "{policy:?}");
    }
}

#[tokio::test]
async fn a_timer_whose_step_is_refused_is_spent() {
    let kitchen = Kitchen::new();
    let host = kitchen.host().await;
    host.instance("a").fire(KettleTrigger::Shake).await.expect("it is idle");
    kitchen.clock.advance(seconds(10));
    let records = kitchen.records("a", 2).await;
    assert!(records[1].step.body.unasked && records[1].step.body.rejection.is_some());
    assert_eq!(host.instance("a").state().await.expect("it loads"), KettleState::Shaken);
    kitchen.clock.advance(seconds(10));
    kitchen.records("a", 3).await;
    assert_eq!(host.instance("a").state().await.expect("it loads"), KettleState::Idle);
    assert_eq!(kitchen.same_today().await, 1);
}

#[tokio::test]
async fn an_instance_that_cannot_be_woken_keeps_nobody_waiting_and_is_asked_again() {
    let kitchen = Kitchen::new();
    let host = kitchen.host().await;
    host.instance("a").fire(KettleTrigger::Crack).await.expect("it is idle");
    host.instance("b").fire(KettleTrigger::Fill).await.expect("it is idle");
    kitchen.agenda(2).await;
    kitchen.clock.advance(seconds(10));
    kitchen.records("b", 2).await;
    let again = kitchen.agenda(1).await;
    assert!(again[0].ends_with("/0/1/a") && !again[0].contains("10000000/"), "{again:?}");
    host.instance("a").fire(KettleTrigger::Empty).await.expect("triggers are served");
    kitchen.clock.advance(seconds(1));
    kitchen.agenda(0).await;
}

#[tokio::test]
async fn two_hosts_run_a_timer_once() {
    let kitchen = Kitchen::new();
    let hosts = [kitchen.host().await, kitchen.host().await];
    for n in 0..20 {
        hosts[n % 2].instance(&n.to_string()).fire(KettleTrigger::Fill).await.expect("it is idle");
    }
    // The shard may change hands in between, which takes its time.
    let mut turns = 0;
    while kitchen.store.scan(Shard(0), &Cursor::default(), 100).await.expect("memory").records.len() < 40 {
        kitchen.clock.advance(seconds(1));
        turns += 1;
        assert!(turns < 1_000, "nobody runs them");
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
    for host in hosts {
        host.shutdown().await;
    }
    for n in 0..20 {
        assert_eq!(kitchen.records(&n.to_string(), 2).await.len(), 2);
    }
}

#[tokio::test]
async fn a_host_takes_over_from_a_dead_one() {
    let kitchen = Kitchen::new();
    let dying = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
    let builder = kitchen.builder();
    let begin = async move {
        let host = builder.build().await.expect("fine");
        host.instance("a").fire(KettleTrigger::Watch).await.expect("it is idle");
        host.id().to_owned()
    };
    let dead = dying.spawn(begin).await.expect("it starts");
    let killed = std::thread::spawn(move || dying.shutdown_timeout(seconds(60)));
    killed.join().expect("it ends");
    let host = kitchen.host().await;
    let a = host.instance("a");
    assert_eq!(a.owner().await.expect("memory").as_deref(), Some(&*dead));
    let mut turns = 0;
    while a.owner().await.expect("memory").as_deref() != Some(host.id()) {
        kitchen.clock.advance(seconds(1));
        turns += 1;
        assert!(turns < 1_000, "nobody takes over");
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
    assert!(turns >= 10, "{turns}: it was not dead for a lease time");
    let now = kitchen.clock.now().as_second();
    let records = kitchen.records("a", 2).await;
    let turns: u64 = records[1..].iter().map(|record| 1 + record.step.body.missed).sum();
    assert_eq!(turns, now.cast_unsigned() / 10, "each turn is accounted for once");
    host.shutdown().await;
}

#[tokio::test]
async fn a_lost_agenda_is_written_anew_from_the_log() {
    use statewright::store::Put;
    let kitchen = Kitchen::new();
    let host = kitchen.host().await;
    for n in 0..20 {
        host.instance(&n.to_string()).fire(KettleTrigger::Fill).await.expect("it is idle");
    }
    kitchen.agenda(20).await;
    host.shutdown().await;
    for prefix in ["agenda/", "timers/"] {
        let cells = kitchen.store.list(Shard(0), prefix, None, 100).await.expect("memory");
        let removals = cells.into_iter().map(|cell| Put { key: cell.key, version: None, value: None });
        kitchen.store.put(removals.collect()).await.expect("memory");
    }
    let _host = kitchen.host().await;
    kitchen.agenda(20).await;
    kitchen.clock.advance(seconds(10));
    for n in 0..20 {
        kitchen.records(&n.to_string(), 2).await;
    }
    kitchen.agenda(0).await;
}

#[tokio::test]
async fn a_place_without_a_record_is_passed_once() {
    let (store, clock) = (Arc::new(Sparse::new(MemoryStore::with_shards(1))), FakeClock::default());
    let host = Host::<Kettle>::builder(Arc::clone(&store)).clock(clock).build().await.expect("fine");
    host.instance("a").fire(KettleTrigger::Fill).await.expect("it is idle");
    while store.list(Shard(0), "agenda/", None, 9).await.expect("memory").is_empty() {
        tokio::task::yield_now().await;
    }
    let before = store.scans();
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    let scans = store.scans() - before;
    assert!(scans < 5, "nothing new was written, and it was read {scans} times");
    host.shutdown().await;
}
