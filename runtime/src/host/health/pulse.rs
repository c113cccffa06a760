//! What the work of a host notices on the way: written by those who do it, read when somebody asks.
//!
//! A store that answers costs a look at an atomic.

use super::Reason;
use crate::clock::Clock;
use crate::store::{Shard, StoreError};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a failure of the store is believed when nothing is asked of it: then it is worth another try.
const BELIEVED: Duration = Duration::from_secs(30);

/// How long a panic of background work is told; the work itself begins anew at once.
const TOLD: Duration = Duration::from_mins(1);

/// What the work of a host notices on the way.
pub(crate) struct Pulse {
    clock: Arc<dyn Clock>,
    fails: AtomicBool,
    noticed: Mutex<Noticed>,
}

#[derive(Default)]
struct Noticed {
    store: Option<Failing>,
    /// When leases were renewed last; none are there without a duty.
    renewed: Option<Duration>,
    ended: Vec<&'static str>,
    panicked: Option<(Duration, &'static str, Shard, u64)>,
    /// Since when there is something that was to be done and is not.
    waiting: BTreeMap<(&'static str, Shard), Timestamp>,
    duties: BTreeSet<&'static str>,
}

struct Failing {
    since: Duration,
    last: Duration,
    /// How long to believe it when nothing else is heard.
    believed: Duration,
    error: String,
}

impl Pulse {
    pub(crate) fn new(clock: &Arc<dyn Clock>) -> Self {
        Self { clock: Arc::clone(clock), fails: AtomicBool::new(false), noticed: Mutex::default() }
    }

    /// The store was asked: whether it has answered, if with a refusal.
    pub(crate) fn store(&self, error: Option<&StoreError>) {
        match error {
            Some(
                error
                @ (StoreError::Unavailable { .. } | StoreError::Open { .. } | StoreError::Closed { .. }),
            ) => {
                self.store_fails(error);
            }
            _ if self.fails.load(Ordering::Relaxed) => {
                self.lock().store = None;
                self.fails.store(false, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    fn store_fails(&self, error: &StoreError) {
        let now = self.clock.monotonic();
        let believed = match error {
            StoreError::Open { retry_after, .. } => *retry_after,
            _ => BELIEVED,
        };
        let mut noticed = self.lock();
        let since = noticed.store.as_ref().map_or(now, |failing| failing.since);
        noticed.store = Some(Failing { since, last: now, believed, error: error.to_string() });
        self.fails.store(true, Ordering::Relaxed);
    }

    /// Leases were renewed.
    pub(crate) fn renewed(&self) {
        self.lock().renewed = Some(self.clock.monotonic());
    }

    /// Work on a shard panicked.
    pub(crate) fn panicked(&self, duty: &'static str, shard: Shard) {
        let now = self.clock.monotonic();
        let mut noticed = self.lock();
        let times = noticed.panicked.map_or(0, |(.., times)| times).saturating_add(1);
        noticed.panicked = Some((now, duty, shard, times));
    }

    /// Work on a shard begins.
    pub(crate) fn watch(self: &Arc<Self>, duty: &'static str, shard: Shard) -> Watch {
        self.lock().duties.insert(duty);
        Watch { pulse: Arc::clone(self), place: (duty, shard) }
    }

    /// A task of the host begins. Dropped before it is done, it has panicked.
    pub(crate) fn task(self: &Arc<Self>, name: &'static str) -> Task {
        Task { pulse: Arc::clone(self), name, done: false }
    }

    /// How late each duty is that was ever done here: its shard that is latest.
    #[cfg(feature = "metrics")]
    pub(crate) fn latest(&self) -> Vec<(&'static str, Duration)> {
        let late = self.late(Duration::ZERO);
        let by = |duty| late.get(duty).map_or(Duration::ZERO, |(_, by)| *by);
        self.lock().duties.iter().map(|duty| (*duty, by(duty))).collect()
    }

    /// The duties that are later than this: in how many shards, and how late the latest is.
    pub(super) fn late(&self, after: Duration) -> BTreeMap<&'static str, (usize, Duration)> {
        let now = self.clock.now();
        let mut late = BTreeMap::new();
        for ((duty, _), since) in &self.lock().waiting {
            let by = Duration::try_from(now.duration_since(*since)).unwrap_or_default();
            if by > after {
                let (shards, most) = late.entry(*duty).or_insert((0, Duration::ZERO));
                *shards += 1;
                *most = by.max(*most);
            }
        }
        late
    }

    pub(super) fn reasons(&self, lease: Duration) -> Vec<Reason> {
        let now = self.clock.monotonic();
        let noticed = self.lock();
        let ended = noticed.ended.iter().map(|task| Reason::TaskEnded { task });
        let store =
            noticed.store.as_ref().filter(|failing| now < failing.last.saturating_add(failing.believed));
        let store = store.map(|failing| Reason::Store {
            since: now.saturating_sub(failing.since),
            error: failing.error.clone(),
        });
        let quiet = noticed.renewed.map(|renewed| now.saturating_sub(renewed));
        let leases = quiet.filter(|quiet| *quiet > lease).map(|since| Reason::Leases { since });
        let panicked = noticed.panicked.filter(|(at, ..)| now.saturating_sub(*at) < TOLD);
        let panicked = panicked.map(|(_, duty, shard, times)| Reason::Panicked { duty, shard, times });
        ended.chain(store).chain(leases).chain(panicked).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Noticed> {
        self.noticed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Work on a shard that goes on.
pub(crate) struct Watch {
    pulse: Arc<Pulse>,
    place: (&'static str, Shard),
}

impl Watch {
    /// Since when something waits to be done; `None`: nothing does.
    pub(crate) fn waits(&self, since: Option<Timestamp>) {
        let mut noticed = self.pulse.lock();
        match since {
            Some(since) => noticed.waiting.insert(self.place, since),
            None => noticed.waiting.remove(&self.place),
        };
    }

    /// It does not get on, and cannot say what waits.
    pub(crate) fn is_stuck(&self) {
        let now = self.pulse.clock.now();
        self.pulse.lock().waiting.entry(self.place).or_insert(now);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.waits(None);
    }
}

/// A task that runs as long as its host.
pub(crate) struct Task {
    pulse: Arc<Pulse>,
    name: &'static str,
    done: bool,
}

impl Task {
    /// It has come to its end as it should.
    pub(crate) fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if !self.done {
            self.pulse.lock().ended.push(self.name);
        }
    }
}
