//! Instances that cannot be loaded: put aside with what is wrong with them, and tried again with growing pauses.
//!
//! Only those that reading again at once cannot help; what the store did not deliver is asked for again anyway.

use crate::error::LoadError;
use crate::store::StreamId;
use backon::{BackoffBuilder, ExponentialBuilder};
use jiff::{SignedDuration, Timestamp};
use lru::LruCache;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Instances that are remembered; the one that was asked for longest ago is forgotten, and loaded anew when asked.
const QUARANTINED_MAX: NonZeroUsize = NonZeroUsize::new(1_024).expect("more than nothing");

/// The longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_mins(5);

/// What a host does with an instance whose records it cannot read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Unreadable {
    /// Every request reads the records again and is answered with the error.
    #[default]
    Stop,
    /// The instance is put aside: requests are answered with the error at once, [`Host::quarantined`] lists it, and after
    /// a pause, from a second up to five minutes, the next request reads its records again. Nothing is passed over.
    ///
    /// [`Host::quarantined`]: super::Host::quarantined
    Quarantine,
}

/// An instance that is put aside.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Quarantined {
    /// Which instance.
    pub stream: StreamId,
    /// What is wrong with it: the record, and why it cannot be read.
    pub error: Arc<LoadError>,
    /// Since when.
    pub since: Timestamp,
    /// How often it was read.
    pub tries: u32,
    /// When it will be read again if somebody asks for it.
    pub until: Timestamp,
}

pub(crate) struct Quarantine {
    policy: Unreadable,
    held: Mutex<LruCache<StreamId, Quarantined>>,
}

impl Quarantine {
    pub(crate) fn new(policy: Unreadable) -> Self {
        Self { policy, held: Mutex::new(LruCache::new(QUARANTINED_MAX)) }
    }

    /// What is wrong with an instance that is not to be read yet.
    pub(crate) fn holds(&self, stream: &StreamId, now: Timestamp) -> Option<Arc<LoadError>> {
        if self.policy == Unreadable::Stop {
            return None;
        }
        let mut held = self.lock();
        let found = held.get(stream).filter(|found| now < found.until)?;
        Some(Arc::clone(&found.error))
    }

    /// An instance could not be loaded.
    pub(crate) fn put(&self, stream: &StreamId, error: &Arc<LoadError>, now: Timestamp) {
        if self.policy == Unreadable::Stop || error.is_retryable() || error.is_gone() {
            return;
        }
        let mut held = self.lock();
        let before = held.get(stream);
        let tries = before.map_or(0, |found| found.tries).saturating_add(1);
        let since = before.map_or(now, |found| found.since);
        let until = now.checked_add(pause(tries)).unwrap_or(Timestamp::MAX);
        tracing::warn!(%stream, tries, "an instance cannot be read and is put aside: see `quarantined`");
        let error = Arc::clone(error);
        held.put(stream.clone(), Quarantined { stream: stream.clone(), error, since, tries, until });
    }

    /// An instance was loaded.
    pub(crate) fn release(&self, stream: &StreamId) {
        if self.policy == Unreadable::Quarantine {
            self.lock().pop(stream);
        }
    }

    /// Nothing of a tenant is put aside any more.
    pub(crate) fn forget(&self, tenant: &str) {
        let mut held = self.lock();
        let streams: Vec<_> = held
            .iter()
            .map(|(stream, _)| stream)
            .filter(|stream| *stream.tenant == *tenant)
            .cloned()
            .collect();
        for stream in streams {
            held.pop(&stream);
        }
    }

    /// The one that was asked for last first.
    pub(crate) fn list(&self) -> Vec<Quarantined> {
        self.lock().iter().map(|(_, held)| held.clone()).collect()
    }

    /// How many are put aside.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<StreamId, Quarantined>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pause(tries: u32) -> SignedDuration {
    let times = ExponentialBuilder::new().with_min_delay(Duration::from_secs(1)).with_max_delay(PAUSE_MAX);
    let nth = usize::try_from(tries.saturating_sub(1)).unwrap_or(usize::MAX);
    let pause = times.without_max_times().build().nth(nth.min(16)).unwrap_or(PAUSE_MAX);
    SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::pause;

    #[test]
    fn pauses_double_up_to_five_minutes() {
        let pauses: Vec<_> = (1..12).map(|tries| pause(tries).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }
}
