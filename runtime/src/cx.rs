//! What a guard or an action may know besides state and data: `cx`.
//!
//! It reads; it cannot fire, wait or reach a store.

use crate::clock::{Clock, SystemClock};
use crate::store::StreamId;
use jiff::Timestamp;
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use uuid::{NoContext, Uuid};

/// Makes ids. Shared by all tasks of a host.
pub trait Ids: Send + Sync + 'static {
    /// A new id for something that happens at `now`.
    fn new_id(&self, now: Timestamp) -> Uuid;
}

/// UUIDs of version 7: ordered by time, otherwise random (RFC 9562).
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn new_id(&self, now: Timestamp) -> Uuid {
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
        Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, nanos))
    }
}

/// The surroundings of one step.
#[derive(Clone)]
pub struct Cx {
    address: StreamId,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    now: Cell<Option<Timestamp>>,
    /// With the turns that were left out.
    deadline: Cell<Option<(Timestamp, u64)>>,
    actor: Option<Arc<str>>,
}

impl Cx {
    /// Surroundings for the steps of one instance.
    pub fn new(address: StreamId, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self { address, clock, ids, now: Cell::new(None), deadline: Cell::new(None), actor: None }
    }

    /// The time of the step: the same at every call within it, and the time that is recorded.
    pub fn now(&self) -> Timestamp {
        match self.now.get() {
            Some(now) => now,
            None => self.fix(self.clock.now()),
        }
    }

    /// The instance's id.
    pub fn instance(&self) -> &str {
        &self.address.instance
    }

    /// The tenant that the instance belongs to; empty where there are none.
    pub fn tenant(&self) -> &str {
        &self.address.tenant
    }

    /// Who asked, if the command says.
    pub fn actor(&self) -> Option<&str> {
        self.actor.as_deref()
    }

    /// A new id, a UUID of version 7 unless the host was given other [`Ids`].
    pub fn new_id(&self) -> Uuid {
        self.ids.new_id(self.now())
    }

    /// In a timer's arm: when the timer was due, which may be a while ago.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.deadline.get().map(|(due, _)| due)
    }

    /// In the arm of a timer that repeats: how many of its turns were due before now and are left out, because nobody ran
    /// them in time. 0 everywhere else.
    pub fn missed(&self) -> u64 {
        self.deadline.get().map_or(0, |(_, missed)| missed)
    }

    pub(crate) fn address(&self) -> &StreamId {
        &self.address
    }

    pub(crate) fn set_deadline(&self, deadline: Option<(Timestamp, u64)>) {
        self.deadline.set(deadline);
    }

    /// The next question is asked at another time.
    pub(crate) fn refresh(&self) {
        self.now.set(None);
    }

    /// Prepares the next step: its time, or `None` to ask the clock when somebody wants to know, and its actor.
    pub(crate) fn prepare(&mut self, now: Option<Timestamp>, actor: Option<Arc<str>>) {
        self.refresh();
        now.map(|now| self.fix(now));
        self.actor = actor;
    }

    /// Records keep microseconds, so a step sees no more: replayed and live data are the same.
    fn fix(&self, now: Timestamp) -> Timestamp {
        let now = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
        self.now.set(Some(now));
        now
    }
}

impl Default for Cx {
    /// Surroundings of an instance that lives in memory alone.
    fn default() -> Self {
        let address = StreamId::new("", "", "");
        Self::new(address, Arc::new(SystemClock), Arc::new(RandomIds))
    }
}

impl fmt::Debug for Cx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cx").field("address", &self.address).field("now", &self.now).finish_non_exhaustive()
    }
}
