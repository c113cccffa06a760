//! One trigger of a batch, and its address.

use crate::error::FireError;
use crate::host::request::{Ask, Request};
use crate::machine::{Machine, MachineTrigger};
use crate::repository::Origin;
use crate::store::{Revision, StreamId};
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;

/// One trigger of a batch: at which instance, and under which command id.
///
/// [`Command::for_batch`](crate::host::Command::for_batch) makes one with everything that a command can carry.
#[must_use = "a request does nothing until its batch is fired"]
pub struct BatchRequest<M: Machine> {
    pub(super) tenant: Arc<str>,
    pub(super) instance: Arc<str>,
    pub(super) priority: i32,
    pub(super) wish: Wish<M>,
}

/// What is asked, as often as it is tried.
pub(in crate::host) struct Wish<M: Machine> {
    pub(in crate::host) trigger: M::Trigger,
    pub(in crate::host) origin: Origin,
    pub(in crate::host) expect: Option<Revision>,
    pub(in crate::host) at: Option<Timestamp>,
    pub(in crate::host) record_rejection: bool,
}

/// A request on its way through the batch.
pub(super) struct Item<M: Machine> {
    /// In the input.
    pub(super) place: u64,
    pub(super) stream: StreamId,
    pub(super) priority: i32,
    pub(super) wish: Wish<M>,
    /// How often it was handed over.
    pub(super) tries: u32,
    /// Nobody knows whether an earlier try was recorded.
    pub(super) is_open: bool,
    /// Why it is to be tried again.
    pub(super) last: Option<FireError>,
}

impl<M: Machine> BatchRequest<M> {
    /// A trigger at an instance without a tenant, under a command id that the batch makes.
    pub fn new(instance: &str, trigger: M::Trigger) -> Self {
        let origin = Origin { trigger: trigger.name(), ..Origin::default() };
        let wish = Wish { trigger, origin, expect: None, at: None, record_rejection: false };
        Self { tenant: "".into(), instance: instance.into(), priority: 0, wish }
    }

    pub(in crate::host) fn of(stream: &StreamId, wish: Wish<M>) -> Self {
        let (tenant, instance) = (Arc::clone(&stream.tenant), Arc::clone(&stream.instance));
        Self { tenant, instance, priority: 0, wish }
    }

    /// Whose instance it is.
    pub fn tenant(mut self, tenant: &str) -> Self {
        self.tenant = tenant.into();
        self
    }

    /// The command id: the same id is recorded once, whatever happens, and the second of a batch is answered as a duplicate.
    pub fn command(mut self, id: &str) -> Self {
        self.wish.origin.command = id.into();
        self
    }

    /// What belongs together.
    pub fn correlation(mut self, id: &str) -> Self {
        self.wish.origin.correlation = Some(id.into());
        self
    }

    /// Among requests that could be handed over the highest goes first; 0 unless said otherwise. Requests of one instance
    /// keep their order.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }
}

impl<M: Machine> Item<M> {
    /// The request for one more try.
    pub(super) fn request(&self) -> Request<M> {
        let Wish { trigger, origin, expect, at, record_rejection } = &self.wish;
        let mut request = Request::new(Ask::Fire(trigger.clone()), origin.clone());
        (request.expect, request.at, request.record_rejection) = (*expect, *at, *record_rejection);
        request.tried = self.is_open;
        request
    }
}

impl<M: Machine> fmt::Debug for BatchRequest<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchRequest")
            .field("tenant", &self.tenant)
            .field("instance", &self.instance)
            .field("trigger", &self.wish.origin.trigger)
            .field("command", &self.wish.origin.command)
            .finish_non_exhaustive()
    }
}
