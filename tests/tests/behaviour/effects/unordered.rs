//! An `#[unordered]` effect waits for no other of its instance, and none waits for it.

use statewright::clock::FakeClock;
use statewright::effect::{EffectAnswer, EffectCx, EffectError};
use statewright::prelude::*;
use statewright::store::{MemoryStore, Shard, Store};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

state_machine! {
    /// What is to be packed one behind the other, and told to anybody in any order.
    pub machine Counter {
        triggers { Order, Close }

        effects {
            /// Packs it.
            Pack,
            /// Tells somebody.
            #[unordered]
            Tell,
        }

        initial Open;

        state Open {
            on Order => stay do Pack do Tell;
            on Close => Closed;
        }

        final Closed;
    }
}

/// The handlers that do their work; the others fail.
struct Desk {
    works: &'static [&'static str],
    done: UnboundedSender<(String, u32)>,
}

impl Desk {
    fn act(&self, what: &str, cx: &EffectCx) -> EffectAnswer<Counter> {
        self.done.send((format!("{what} {}", cx.key()), cx.attempt())).map_err(EffectError::fatal)?;
        if self.works.contains(&what) { Ok(None) } else { Err(EffectError::retry("nobody is there")) }
    }
}

impl CounterEffects for Desk {
    async fn pack(&self, cx: &EffectCx) -> EffectAnswer<Counter> {
        self.act("pack", cx)
    }

    async fn tell(&self, cx: &EffectCx) -> EffectAnswer<Counter> {
        self.act("tell", cx)
    }
}

struct Setting {
    store: Arc<MemoryStore>,
    clock: FakeClock,
    done: UnboundedReceiver<(String, u32)>,
    sender: UnboundedSender<(String, u32)>,
}

impl Setting {
    fn new() -> Self {
        let (sender, done) = mpsc::unbounded_channel();
        Self { store: Arc::new(MemoryStore::with_shards(1)), clock: FakeClock::default(), done, sender }
    }

    async fn host(&self, works: &'static [&'static str], attempts: u32) -> Host<Counter> {
        let desk = Desk { works, done: self.sender.clone() };
        let host = Host::<Counter>::builder(Arc::clone(&self.store)).clock(self.clock.clone()).effects(desk);
        host.effect_attempts(attempts).build().await.expect("fine")
    }

    /// What is done in the next seconds, sorted.
    async fn done(&mut self, seconds: u32) -> Vec<(String, u32)> {
        let mut done = Vec::new();
        for _ in 0..seconds * 10 {
            for _ in 0..50 {
                done.extend(self.done.try_recv());
                tokio::task::yield_now().await;
            }
            self.clock.advance(Duration::from_millis(100));
        }
        done.sort();
        done
    }

    async fn parked(&self) -> Vec<String> {
        let cells = self.store.list(Shard(0), "parked/", None, 100).await.expect("memory");
        cells.into_iter().map(|cell| cell.key.name.into()).collect()
    }
}

async fn order(host: &Host<Counter>) {
    host.instance("a").fire(CounterTrigger::Order).await.expect("always");
}

fn tries(what: &str, place: &str, attempts: std::ops::RangeInclusive<u32>) -> Vec<(String, u32)> {
    attempts.map(|attempt| (format!("{what} /Counter/a/{place}"), attempt)).collect()
}

#[tokio::test]
async fn it_does_not_wait_for_an_effect_that_fails() {
    let mut at = Setting::new();
    let host = at.host(&["tell"], u32::MAX).await;
    order(&host).await;
    order(&host).await;
    let done = at.done(1).await;
    let told: Vec<_> = done.iter().filter(|(what, _)| what.starts_with("tell")).cloned().collect();
    assert_eq!(told, [tries("tell", "1/1", 1..=1), tries("tell", "2/1", 1..=1)].concat());
    order(&host).await;
    let done = at.done(1).await;
    assert!(done.contains(&tries("tell", "3/1", 1..=1)[0]), "{done:?}");
    assert!(done.iter().all(|(what, _)| !what.contains("/2/0") && !what.contains("/3/0")), "packing waits");
    host.shutdown().await;
    let host = at.host(&["tell", "pack"], u32::MAX).await;
    let done = at.done(30).await;
    let keys: Vec<_> = done.iter().map(|(what, _)| &**what).collect();
    assert_eq!(
        keys,
        ["pack /Counter/a/1/0", "pack /Counter/a/2/0", "pack /Counter/a/3/0"],
        "nothing is told twice"
    );
    host.shutdown().await;
}

#[tokio::test]
async fn nothing_waits_for_it_and_its_tries_are_counted_over_restarts() {
    let mut at = Setting::new();
    let host = at.host(&["pack"], u32::MAX).await;
    order(&host).await;
    order(&host).await;
    let done = at.done(1).await;
    assert!(
        done.starts_with(&[tries("pack", "1/0", 1..=1), tries("pack", "2/0", 1..=1)].concat()),
        "{done:?}"
    );
    let tried = |done: &[(String, u32)], place| done.iter().filter(|(what, _)| what.ends_with(place)).count();
    let [first, second] = ["1/1", "2/1"].map(|place| u32::try_from(tried(&done, place)).expect("few"));
    assert!(first > 1 && second > 1, "each is tried again: {done:?}");
    assert_eq!(at.parked().await, ["parked/Counter//a/1/1", "parked/Counter//a/2/1"]);
    host.shutdown().await;
    let host = at.host(&["tell"], u32::MAX).await;
    let done = at.done(30).await;
    let again = [(first + 1, "1/1"), (second + 1, "2/1")];
    assert_eq!(done, again.map(|(attempt, place)| tries("tell", place, attempt..=attempt)).concat());
    assert!(at.parked().await.is_empty());
    host.shutdown().await;
}

#[tokio::test]
async fn it_becomes_a_dead_letter_and_is_done_again() {
    let mut at = Setting::new();
    let host = at.host(&["pack"], 2).await;
    order(&host).await;
    let expected = [tries("pack", "1/0", 1..=1), tries("tell", "1/1", 1..=2)].concat();
    assert_eq!(at.done(5).await, expected);
    assert!(at.parked().await.is_empty());
    let letters = host.dead_letters();
    letters.retry("/Counter/a/1/1").await.expect("it is there");
    assert_eq!(at.done(30).await, tries("tell", "1/1", 1..=2));
    assert_eq!(letters.list(None, 10).await.expect("memory").len(), 1);
    host.shutdown().await;
}
