//! Fake clocks, turned while something real is waited for: a server that answers, a task that gets its turn.
//!
//! Leases are measured on those clocks, so they are turned no faster than hosts and consumers renew them, however slow the
//! server or the machine is. What is waited for it does not know.

use crate::clock::FakeClock;
use crate::store::{Shard, Store};
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// By how much clocks are turned at once.
const TICK: Duration = Duration::from_millis(500);

/// A host or consumer that has not said for so long that it lives is waited for: leases of ten seconds are renewed every
/// three, so that no lease can end whose holder is at work.
const SILENT_MAX: Duration = Duration::from_secs(4);

/// The longest that one is waited for before the next tick: what it wanted to write may have failed, and it tries again when
/// the clocks are turned.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// Between two looks, so that others get their turn.
const LOOK: Duration = Duration::from_millis(1);

/// What has not come by then never will.
const NEVER: Duration = Duration::from_mins(2);

/// Runs a case of hosts to which time brings nothing, on a clock that goes about as fast as time does: what they wait for
/// before they try again comes, and nothing is over before its time.
pub(super) async fn on_a_clock_that_goes(case: impl AsyncFnOnce(FakeClock)) {
    let clock = FakeClock::default();
    let (mut case, began) = (pin!(case(clock.clone())), Instant::now());
    loop {
        tokio::select! {
            biased;
            () = &mut case => return,
            () = tokio::time::sleep(LOOK) => clock.advance(LOOK),
        }
        assert!(began.elapsed() < NEVER, "what it waits for does not come");
    }
}

/// Fake clocks that are turned together.
pub(super) struct Pace {
    store: Arc<dyn Store>,
    clocks: Vec<FakeClock>,
    /// By how much they were turned.
    turned: Duration,
    /// The cell of each host and consumer: its version, and since when it has it.
    signs: BTreeMap<Box<str>, (u64, Duration)>,
    /// Who is not waited for.
    paused: Option<String>,
}

impl Pace {
    /// The clocks of all hosts and consumers on a place.
    pub(super) fn new(store: &Arc<dyn Store>, clocks: &[&FakeClock]) -> Self {
        let clocks = clocks.iter().copied().cloned().collect();
        let (store, turned) = (Arc::clone(store), Duration::ZERO);
        Self { store, clocks, turned, signs: BTreeMap::new(), paused: None }
    }

    /// The same without waiting for a host, whose clock is not among these.
    pub(super) fn without(self, host: &str) -> Self {
        Self { paused: Some(host.to_owned()), ..self }
    }

    /// Lets time pass.
    pub(super) async fn pass(&mut self, time: Duration) {
        let end = self.turned + time;
        while self.turned < end {
            self.tick().await;
        }
    }

    /// Lets time pass until a call answers.
    pub(super) async fn driven<T>(&mut self, call: impl Future<Output = T>) -> T {
        let (mut call, began) = (pin!(call), Instant::now());
        loop {
            tokio::select! {
                biased;
                answer = &mut call => return answer,
                () = self.tick() => assert!(began.elapsed() < NEVER, "it does not answer"),
            }
        }
    }

    /// Lets time pass until something holds.
    pub(super) async fn until(&mut self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let began = Instant::now();
        while !self.driven(holds()).await {
            assert!(began.elapsed() < NEVER, "{what}: not within {:?} of the clocks", self.turned);
            self.tick().await;
        }
    }

    /// Turns the clocks once, when everybody has kept up.
    async fn tick(&mut self) {
        let began = Instant::now();
        loop {
            tokio::time::sleep(LOOK).await;
            if !self.is_one_silent().await || began.elapsed() >= WAIT_MAX {
                break;
            }
        }
        self.turned += TICK;
        self.clocks.iter().for_each(|clock| clock.advance(TICK));
    }

    async fn is_one_silent(&mut self) -> bool {
        let mut signs = BTreeMap::new();
        for prefix in ["host/", "consumer/"] {
            let cells = self.store.list(Shard(0), prefix, None, 100).await.expect("cells are listed");
            for cell in cells {
                let known = self.signs.get(&cell.key.name).filter(|(version, _)| *version == cell.version);
                let since = known.map_or(self.turned, |(_, since)| *since);
                signs.insert(cell.key.name, (cell.version, since));
            }
        }
        self.signs = signs;
        let is_waited_for = |name: &str| self.paused.as_ref().is_none_or(|paused| !name.ends_with(paused));
        let mut waited_for = self.signs.iter().filter(|(name, _)| is_waited_for(name));
        waited_for.any(|(_, (_, since))| self.turned.saturating_sub(*since) >= SILENT_MAX)
    }
}
