//! The live instances: bounded, least recently used first out; one that has work is never put out.

use super::request::Request;
use crate::error::FireError;
use crate::machine::Machine;
use crate::repository::Loaded;
use crate::store::StreamId;
use lru::LruCache;
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Locks: a lookup holds one of them for a moment.
const PARTS: usize = 16;

/// Busy instances that are looked at in search of an idle one.
const SEARCH_MAX: usize = 8;

type Part<M> = LruCache<StreamId, Arc<Slot<M>>>;

/// What became of a copy in memory that was to go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Eviction {
    /// It is gone.
    Evicted,
    /// Somebody works on it: ask again.
    Busy,
    /// There is none.
    NotCached,
}

pub(crate) struct Cache<M: Machine> {
    parts: Vec<Mutex<Part<M>>>,
    part_max: usize,
    hasher: RandomState,
}

/// One instance's queue and, while nobody works on it, its live copy.
pub(crate) struct Slot<M: Machine>(Mutex<Work<M>>);

pub(crate) struct Work<M: Machine> {
    pub(crate) queue: VecDeque<Request<M>>,
    pub(crate) live: Option<Loaded<M>>,
    pub(crate) running: bool,
}

impl<M: Machine> Work<M> {
    /// What is decided together next: the hold or the convoy in front, or what stands there up to the first of those.
    pub(crate) fn next_group(&mut self, max: usize) -> Vec<Request<M>> {
        let kind = |request: &Request<M>| (request.is_hold(), request.trip().map(Arc::as_ptr));
        let first = self.queue.front().map(kind);
        let max = if first.is_some_and(|(is_hold, _)| is_hold) { 1 } else { max };
        let count = self.queue.iter().take(max).take_while(|request| Some(kind(request)) == first).count();
        self.queue.drain(..count).collect()
    }
}

impl<M: Machine> Slot<M> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Work<M>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_idle(&self) -> bool {
        let work = self.lock();
        !work.running && work.queue.is_empty()
    }
}

impl<M: Machine> Cache<M> {
    pub(crate) fn new(max: usize) -> Self {
        let parts = (0..PARTS).map(|_| Mutex::new(LruCache::unbounded())).collect();
        Self { parts, part_max: max.div_ceil(PARTS), hasher: RandomState::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    /// Whether there is a copy of an instance, or one is made.
    pub(crate) fn holds(&self, stream: &StreamId) -> bool {
        self.part(stream).is_some_and(|part| part.contains(stream))
    }

    /// Lets go of an idle copy.
    pub(crate) fn evict(&self, stream: &StreamId) -> Eviction {
        let Some(mut part) = self.part(stream) else { return Eviction::NotCached };
        match part.peek(stream).map(|slot| slot.is_idle()) {
            None => Eviction::NotCached,
            Some(false) => Eviction::Busy,
            Some(true) => {
                part.pop(stream);
                Eviction::Evicted
            }
        }
    }

    fn part(&self, stream: &StreamId) -> Option<MutexGuard<'_, Part<M>>> {
        let place = usize::try_from(self.hasher.hash_one(stream) % PARTS as u64).unwrap_or_default();
        Some(self.parts.get(place)?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Drops every copy that nobody works on; it is read again when it is asked for.
    pub(crate) fn drop_copies(&self) {
        for part in &self.parts {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            part.iter().for_each(|(_, slot)| slot.lock().live = None);
        }
    }

    /// Puts requests into their instance's queue, all or none. `Some`: nobody works the queue off, the caller must.
    pub(crate) fn enqueue(
        &self,
        stream: &StreamId,
        requests: impl IntoIterator<Item = Request<M>, IntoIter: ExactSizeIterator>,
        queue_max: usize,
    ) -> Result<Option<Arc<Slot<M>>>, FireError> {
        let requests = requests.into_iter();
        let Some(mut part) = self.part(stream) else { return Err(FireError::Closed) };
        let slot = part.get_or_insert_ref(stream, || {
            Arc::new(Slot(Mutex::new(Work { queue: VecDeque::new(), live: None, running: false })))
        });
        let mut work = slot.lock();
        if requests.len() > queue_max.saturating_sub(work.queue.len()) {
            return Err(FireError::Busy { queue: "instance", retry_after: Duration::from_millis(10) });
        }
        work.queue.extend(requests);
        let idle = !std::mem::replace(&mut work.running, true);
        drop(work);
        let waiting = idle.then(|| Arc::clone(slot));
        self.shrink(&mut part);
        Ok(waiting)
    }

    /// Lets go of the instances of a tenant, but for those that have work.
    pub(crate) fn forget(&self, tenant: &str) {
        for part in &self.parts {
            let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
            let idle = part.iter().filter(|(stream, slot)| *stream.tenant == *tenant && slot.is_idle());
            let idle: Vec<_> = idle.map(|(stream, _)| stream.clone()).collect();
            for stream in idle {
                part.pop(&stream);
            }
        }
    }

    fn shrink(&self, part: &mut Part<M>) {
        for _ in 0..SEARCH_MAX {
            if part.len() <= self.part_max {
                return;
            }
            let Some((stream, slot)) = part.pop_lru() else { return };
            if !slot.is_idle() {
                part.put(stream, slot);
            }
        }
    }
}
