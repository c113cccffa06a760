//! Where in the log the records of streams stand, as far as this handle has seen: what spares a search.

use crate::codec::DELETED;
use lru::LruCache;
use statewright::store::{Head, Revision, StreamId};
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

/// Streams of which a place is remembered.
const PLACES_MAX: NonZeroUsize = NonZeroUsize::new(8_192).expect("more than nothing");

/// One record of each stream that was used lately. A record never moves, so what is remembered is never wrong.
pub(crate) struct Places(Mutex<LruCache<StreamId, (Revision, u64)>>);

impl Places {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(LruCache::new(PLACES_MAX)))
    }

    pub(crate) fn remember(&self, stream: &StreamId, head: Head) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.put(stream.clone(), (head.revision, head.token & !DELETED));
    }

    /// A record of this stream that stands at `revision` or before it: the revision, and its sequence.
    pub(crate) fn before(&self, stream: &StreamId, revision: Revision) -> (Revision, u64) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = places.get(stream).copied().filter(|(found, _)| *found <= revision);
        place.unwrap_or((Revision(0), 0))
    }
}
