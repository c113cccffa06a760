//! Handlers that hang, that are too many, or whose outside is down: what they are, and that nobody else waits for it.

use statewright::breaker::{Breaker, BreakerOptions, BreakerState};
use statewright::clock::{Clock, FakeClock};
use statewright::effect::{EffectAnswer, EffectCx, EffectError};
use statewright::host::{EffectOptions, HostBuilder};
use statewright::store::{Cell, MemoryStore, Shard, Store};
use statewright::{BuildError, Host};
use statewright_tests::{Door, DoorEffects, DoorTrigger};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

/// So many knocks make the bell hang until it is let go, and so many break it.
const HANGS: u64 = 1_000;
const BREAKS: u64 = 2_000;

/// More records than a shard has in flight.
const MANY: usize = 300;

struct Bell {
    rung: UnboundedSender<(String, u32)>,
    let_go: Arc<Semaphore>,
    at_once: Arc<AtomicUsize>,
}

impl DoorEffects for Bell {
    async fn ring(&self, cx: &EffectCx, times: u64) -> EffectAnswer<Door> {
        self.rung
            .send((format!("{}/{}", cx.instance(), cx.revision()), cx.attempt()))
            .map_err(EffectError::fatal)?;
        self.at_once.fetch_add(1, Ordering::SeqCst);
        if times == HANGS {
            self.let_go.acquire().await.map_err(EffectError::fatal)?.forget();
        }
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        if times == BREAKS { Err(EffectError::retry("it is broken")) } else { Ok(None) }
    }
}

struct Setting {
    host: Host<Door>,
    store: Arc<MemoryStore>,
    clock: FakeClock,
    rung: UnboundedReceiver<(String, u32)>,
    let_go: Arc<Semaphore>,
    at_once: Arc<AtomicUsize>,
}

impl Setting {
    async fn new(options: impl FnOnce(HostBuilder<Door>, &FakeClock) -> HostBuilder<Door>) -> Self {
        let (store, clock) = (Arc::new(MemoryStore::with_shards(1)), FakeClock::default());
        let (let_go, at_once) = (Arc::new(Semaphore::new(0)), Arc::default());
        let (sender, rung) = mpsc::unbounded_channel();
        let bell = Bell { rung: sender, let_go: Arc::clone(&let_go), at_once: Arc::clone(&at_once) };
        let builder = Host::<Door>::builder(Arc::clone(&store)).clock(clock.clone()).effects(bell);
        let host = options(builder, &clock).build().await.expect("fine");
        Self { host, store, clock, rung, let_go, at_once }
    }

    async fn knock(&self, instance: &str, times: u64) {
        self.host.instance(instance).fire(DoorTrigger::Knock { times }).await.expect("always");
    }

    /// Turns the clock until it rings, for at most so long.
    async fn next(&mut self, at_most: Duration) -> Option<(String, u32)> {
        let until = self.clock.monotonic() + at_most;
        while self.clock.monotonic() < until {
            for _ in 0..20 {
                if let Ok(rung) = self.rung.try_recv() {
                    return Some(rung);
                }
                tokio::task::yield_now().await;
            }
            self.clock.advance(Duration::from_millis(50));
        }
        None
    }

    async fn parked(&self) -> Vec<Cell> {
        self.store.list(Shard(0), "parked/", None, 1_000).await.expect("memory")
    }
}

fn rung(what: &str, attempt: u32) -> (String, u32) {
    (what.to_owned(), attempt)
}

#[tokio::test]
async fn a_handler_that_does_not_answer_in_time_has_failed() {
    let mut at = Setting::new(|host, _| host.effect_timeout(Duration::from_secs(5)).effect_attempts(2)).await;
    at.knock("a", HANGS).await;
    assert_eq!(at.next(Duration::from_secs(1)).await, Some(rung("a/1", 1)));
    at.knock("a", 1).await;
    assert_eq!(at.next(Duration::from_secs(4)).await, None, "it has time");
    assert_eq!(at.next(Duration::from_secs(5)).await, Some(rung("a/1", 2)));
    assert_eq!(at.next(Duration::from_secs(10)).await, Some(rung("a/2", 1)), "it has failed for good");
    let letters = at.host.dead_letters().list(None, 10).await.expect("memory");
    assert_eq!((letters.len(), letters[0].attempts), (1, 2));
    assert!(letters[0].error.ends_with("the handler of `Ring` did not answer in 5s"), "{}", letters[0].error);
    at.host.shutdown().await;
}

#[tokio::test]
async fn a_handler_that_hangs_holds_up_its_own_instance_and_no_other() {
    let mut at = Setting::new(|host, _| host.effect_timeout(Duration::from_hours(1))).await;
    at.knock("a", HANGS).await;
    assert_eq!(at.next(Duration::from_secs(1)).await, Some(rung("a/1", 1)));
    at.knock("a", 1).await;
    for n in 0..MANY {
        at.knock(&format!("b-{n}"), 1).await;
        assert_eq!(at.next(Duration::from_secs(1)).await, Some(rung(&format!("b-{n}/1"), 1)));
    }
    assert_eq!(at.parked().await.len(), 1, "whoever takes over begins with it");
    at.let_go.add_permits(1);
    assert_eq!(at.next(Duration::from_secs(1)).await, Some(rung("a/2", 1)));
    at.knock("a", 1).await;
    assert_eq!(at.next(Duration::from_secs(1)).await, Some(rung("a/3", 1)));
    assert_eq!(at.parked().await, []);
    at.host.shutdown().await;
}

#[tokio::test]
async fn no_more_than_so_many_handlers_of_an_effect_run_at_once() {
    let mut at = Setting::new(|host, _| host.effect("Ring", EffectOptions::new().running_max(2))).await;
    for instance in ["a", "b", "c", "d"] {
        at.knock(instance, HANGS).await;
    }
    let mut begun = Vec::new();
    while let Some((which, attempt)) = at.next(Duration::from_secs(5)).await {
        assert_eq!(attempt, 1);
        begun.push(which);
    }
    assert_eq!((begun.len(), at.at_once.load(Ordering::SeqCst)), (2, 2));
    assert_eq!(at.parked().await.len(), 2, "they wait on the shelf, and no try is counted");
    at.let_go.add_permits(2);
    for _ in 0..2 {
        let (which, attempt) = at.next(Duration::from_secs(5)).await.expect("there is room");
        assert_eq!(attempt, 1);
        begun.push(which);
    }
    begun.sort();
    assert_eq!(begun, ["a/1", "b/1", "c/1", "d/1"]);
    assert_eq!(at.at_once.load(Ordering::SeqCst), 2);
    at.let_go.add_permits(2);
    at.host.shutdown().await;
}

#[tokio::test]
async fn while_the_breaker_is_open_nothing_is_tried_and_no_try_is_counted() {
    let mut breaker = None;
    let mut at = Setting::new(|host, clock| {
        let options = BreakerOptions::new("bell").failures(2).pause(Duration::from_secs(30));
        let made = Breaker::new(options, Arc::new(clock.clone())).expect("bounds");
        let host = host.effect("Ring", EffectOptions::new().breaker(&made).attempts(3));
        breaker = Some(made);
        host
    })
    .await;
    let breaker = breaker.expect("it was made");
    at.knock("a", BREAKS).await;
    for attempt in 1..=2 {
        assert_eq!(at.next(Duration::from_secs(5)).await, Some(rung("a/1", attempt)));
    }
    at.knock("b", 1).await;
    assert_eq!(at.next(Duration::from_secs(25)).await, None);
    assert_eq!(breaker.state(), BreakerState::Open);
    let mut rest = [at.next(Duration::from_secs(40)).await, at.next(Duration::from_secs(40)).await];
    rest.sort();
    assert_eq!(rest, [Some(rung("a/1", 3)), Some(rung("b/1", 1))]);
    let letters = at.host.dead_letters().list(None, 10).await.expect("memory");
    assert_eq!((letters.len(), letters[0].attempts), (1, 3));
    at.host.shutdown().await;
}

#[tokio::test]
async fn options_that_mean_nothing_are_refused_when_the_host_is_built() {
    let build = async |name: &str, options| {
        let (sender, _rung) = mpsc::unbounded_channel();
        let bell = Bell { rung: sender, let_go: Arc::new(Semaphore::new(0)), at_once: Arc::default() };
        let host = Host::<Door>::builder(MemoryStore::with_shards(1)).effects(bell);
        host.effect(name, options).build().await.map(|_| ())
    };
    let error = build("Rings", EffectOptions::new()).await.expect_err("it is `Ring`");
    assert_eq!(error.to_string(), "machine `Door` has no effect `Rings`");
    for (options, name) in [
        (EffectOptions::new().timeout(Duration::ZERO), "timeout"),
        (EffectOptions::new().attempts(0), "attempts"),
        (EffectOptions::new().running_max(0), "running_max"),
    ] {
        let error = build("Ring", options).await.expect_err("nothing would be done");
        assert!(matches!(error, BuildError::Zero { option } if option == name), "{error}");
    }
}
