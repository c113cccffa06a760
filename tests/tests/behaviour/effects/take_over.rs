//! A host that is paused loses its shard: another does what is left, under a larger epoch, and nothing is done or answered
//! twice that need not be.

use statewright::Host;
use statewright::clock::FakeClock;
use statewright::effect::{EffectAnswer, EffectCx, EffectError};
use statewright::store::{MemoryStore, Revision, Shard, Store, StreamId};
use statewright_tests::{Door, DoorEffects, DoorTrigger};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

/// So many knocks make the bell of the first host hang, and so many are too much for it.
const HANGS: u64 = 1_000;
const BREAKS: u64 = 2_000;

/// Who rang, for what, at which try, and since which epoch it has had the shard.
type Rung = (&'static str, String, u32, u64);

struct Bell {
    host: &'static str,
    rung: UnboundedSender<Rung>,
    let_go: Arc<Semaphore>,
}

impl DoorEffects for Bell {
    async fn ring(&self, cx: &EffectCx, times: u64) -> EffectAnswer<Door> {
        let what = format!("{}/{}", cx.instance(), cx.revision());
        self.rung.send((self.host, what, cx.attempt(), cx.epoch())).map_err(EffectError::fatal)?;
        match (self.host, times) {
            ("first", HANGS) => self.let_go.acquire().await.map_err(EffectError::fatal)?.forget(),
            ("first", BREAKS) => return Err(EffectError::retry("it is broken here")),
            _ => {}
        }
        Ok(Some(DoorTrigger::Rung))
    }
}

struct Setting {
    store: Arc<MemoryStore>,
    sender: UnboundedSender<Rung>,
    rung: UnboundedReceiver<Rung>,
    let_go: Arc<Semaphore>,
}

impl Setting {
    async fn host(&self, host: &'static str, clock: &FakeClock) -> Host<Door> {
        let bell = Bell { host, rung: self.sender.clone(), let_go: Arc::clone(&self.let_go) };
        let host = Host::<Door>::builder(Arc::clone(&self.store)).clock(clock.clone()).effects(bell);
        host.build().await.expect("fine")
    }

    /// Turns the clocks until it rings.
    async fn next(&mut self, clocks: &[&FakeClock]) -> Rung {
        for _ in 0..1_000 {
            for _ in 0..50 {
                if let Ok(rung) = self.rung.try_recv() {
                    return rung;
                }
                tokio::task::yield_now().await;
            }
            for clock in clocks {
                clock.advance(Duration::from_millis(500));
            }
        }
        panic!("nobody takes over");
    }

    /// Waits until the instance has so many records, and counts the answers among them.
    async fn answers(&self, clock: &FakeClock, instance: &str, records: usize) -> Vec<Arc<str>> {
        let stream = StreamId::new("", "Door", instance);
        for _ in 0..10_000 {
            let (found, _) = self.store.read(&stream, Revision(0), 100).await.expect("memory");
            if found.len() >= records {
                let commands = found.into_iter().map(|record| record.step.command);
                return commands.filter(|command| command.starts_with("effect/")).collect();
            }
            // A step that another host was faster with is decided again after a moment.
            clock.advance(Duration::from_micros(100));
            tokio::task::yield_now().await;
        }
        panic!("`{instance}` has no {records} records");
    }
}

async fn knock(host: &Host<Door>, instance: &str, times: u64) {
    host.instance(instance).fire(DoorTrigger::Knock { times }).await.expect("always");
}

#[tokio::test]
async fn another_host_does_what_a_paused_one_has_left() {
    let (sender, rung) = mpsc::unbounded_channel();
    let store = Arc::new(MemoryStore::with_shards(1));
    let mut at = Setting { store, sender, rung, let_go: Arc::new(Semaphore::new(0)) };
    let (paused, clock) = (FakeClock::default(), FakeClock::default());
    let first = at.host("first", &paused).await;
    knock(&first, "a", BREAKS).await;
    let (_, what, attempt, epoch) = at.next(&[]).await;
    assert_eq!((&*what, attempt), ("a/1", 1));
    while at.store.list(Shard(0), "parked/", None, 10).await.expect("memory").is_empty() {
        tokio::task::yield_now().await;
    }
    knock(&first, "a", 1).await;
    knock(&first, "b", HANGS).await;
    assert_eq!(at.next(&[]).await, ("first", "b/1".to_owned(), 1, epoch));

    let second = at.host("second", &clock).await;
    let mut done = Vec::new();
    for _ in 0..3 {
        let (host, what, attempt, since) = at.next(&[&clock]).await;
        assert!(host == "second" && since > epoch, "{host}: {since}");
        done.push((what, attempt));
    }
    let a: Vec<_> = done.iter().filter(|(what, _)| what.starts_with('a')).collect();
    assert_eq!(a, [&("a/1".to_owned(), 2), &("a/2".to_owned(), 1)], "the try is counted, and the order kept");
    assert!(done.contains(&("b/1".to_owned(), 1)), "what hung elsewhere is done: {done:?}");
    at.answers(&clock, "a", 4).await;
    at.answers(&clock, "b", 2).await;

    // It comes back with an answer that is there already, and does not know yet that it has lost the shard.
    at.let_go.add_permits(1);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    // Its copies are old, so it decides again after a moment of its clock.
    let knocks = ["a", "b"].map(|instance| {
        let first = first.clone();
        tokio::spawn(async move { knock(&first, instance, 1).await })
    });
    let mut rest = Vec::new();
    for _ in 0..2 {
        let (_, what, attempt, since) = at.next(&[&clock, &paused]).await;
        assert!(since > epoch, "a host that has lost the shard does nothing more");
        rest.push((what, attempt));
    }
    for knock in knocks {
        knock.await.expect("no panic");
    }
    rest.sort();
    assert_eq!(rest, [("a/5".to_owned(), 1), ("b/3".to_owned(), 1)]);
    let mut answered = at.answers(&clock, "a", 6).await;
    answered.sort();
    assert_eq!(answered, ["effect/1/0", "effect/2/0", "effect/5/0"].map(Arc::from));
    assert_eq!(at.answers(&clock, "b", 4).await, ["effect/1/0", "effect/3/0"].map(Arc::from));
    for host in [first, second] {
        host.shutdown().await;
    }
    assert_eq!(at.rung.try_recv().ok(), None, "nothing is done twice");
}
