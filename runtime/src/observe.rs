//! What a host tells of its work while it works: metrics by way of the crate `metrics`, behind the feature `metrics`, and
//! spans by way of `tracing`, behind the feature `tracing`. [`METRICS`] and [`SPANS`] list them all.
//!
//! Everything is recorded here, and nowhere else; without the features all of it compiles to nothing. It collects, keeps
//! and exports nothing, and sees no payload: of a trigger, an event, an effect it is told the name. Warnings are events of
//! `tracing` and need no feature.

#[cfg(feature = "metrics")]
mod sink;
#[cfg(not(feature = "metrics"))]
#[path = "observe/silent.rs"]
mod sink;
mod span;
mod table;
#[cfg(feature = "metrics")]
mod tenants;

pub(crate) use sink::Began;
pub(crate) use span::Span;
pub use table::{METRICS, Metric, MetricKind, MetricUnit, SPANS, SpanName};

use crate::breaker::BreakerState;
use crate::clock::Clock;
use crate::effect::EffectError;
use crate::error::{FireError, LoadError};
use crate::explain::Rejection;
use crate::host::{Ending, Fired, Options, Turned};
use crate::machine::Machine;
use crate::store::{Outcome, Shard, StreamId};
use jiff::SignedDuration;
use sink::Sink;
use std::sync::Arc;
use std::time::Duration;

/// A label: its key, and its value.
type Label<'a> = (&'static str, Value<'a>);

/// What stands in a label. None of it is a caller's, so each has few values; the tenant's are bounded.
#[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "nobody reads it then"))]
enum Value<'a> {
    Name(&'static str),
    Text(String),
    Shared(&'a Arc<str>),
    /// Stands there if tenants are told apart.
    Tenant(&'a Arc<str>),
}

/// Tells what one host does.
pub(crate) struct Observer(Sink);

impl Observer {
    pub(crate) fn new(machine: &'static str, clock: &Arc<dyn Clock>, options: &Options) -> Self {
        Self(Sink::new(machine, clock, options))
    }

    /// Something begins.
    pub(crate) fn start(&self) -> Began {
        self.0.now()
    }

    /// A trigger is asked.
    pub(crate) fn asked<'a>(&'a self, stream: &'a StreamId, trigger: &'static str, span: Span) -> Asked<'a> {
        Asked { observer: self, stream, trigger, began: self.start(), outcome: ABANDONED, span }
    }

    /// A trigger came to its answer, or its caller has gone away before.
    pub(crate) fn step<M: Machine>(
        &self,
        stream: &StreamId,
        asked: (&'static str, Option<&Result<Fired<M>, FireError>>),
        began: Began,
    ) {
        let (trigger, reply) = asked;
        self.came_to(stream, (trigger, reply.map_or(ABANDONED, fire_outcome)), began);
    }

    fn came_to(&self, stream: &StreamId, came: (&'static str, &'static str), began: Began) {
        let (trigger, outcome) = came;
        self.0.time(&table::STEP, began, || {
            [
                ("tenant", Value::Tenant(&stream.tenant)),
                ("trigger", Value::Name(trigger)),
                ("outcome", Value::Name(outcome)),
            ]
        });
    }

    /// A group is taken from its queue.
    pub(crate) fn group(&self, stream: &StreamId, queued: impl ExactSizeIterator<Item = Began>) {
        let tenant = || [("tenant", Value::Tenant(&stream.tenant))];
        self.0.record(&table::GROUP, float(queued.len()), tenant);
        queued.for_each(|began| self.0.time(&table::QUEUE, began, tenant));
    }

    /// An instance was read.
    pub(crate) fn load(&self, stream: &StreamId, began: Began, error: Option<&LoadError>) {
        self.0.time(&table::LOAD, began, || {
            [("tenant", Value::Tenant(&stream.tenant)), ("outcome", Value::Name(load_outcome(error)))]
        });
    }

    /// The store answered an append.
    pub(crate) fn append(&self, stream: &StreamId, began: Began, append: (usize, Option<&Outcome>)) {
        let (steps, outcome) = append;
        let tenant = || ("tenant", Value::Tenant(&stream.tenant));
        self.0.time(&table::APPEND, began, || [tenant(), ("outcome", Value::Name(append_outcome(outcome)))]);
        self.0.record(&table::APPEND_STEPS, float(steps), || [tenant()]);
    }

    /// A group is decided again.
    pub(crate) fn again(&self, stream: &StreamId, cause: &'static str) {
        self.0.count(&table::CONFLICTS, 1, || {
            [("tenant", Value::Tenant(&stream.tenant)), ("cause", Value::Name(cause))]
        });
    }

    /// Snapshots that were due were written, or were not.
    pub(crate) fn snapshots(&self, outcome: &'static str, count: usize) {
        if count > 0 {
            self.0.count(&table::SNAPSHOTS, count, || [("outcome", Value::Name(outcome))]);
        }
    }

    /// What is held just now: instances in the cache, requests, instances in quarantine.
    #[cfg(feature = "metrics")]
    pub(crate) fn held(&self, cached: usize, in_flight: usize, quarantined: usize) {
        self.0.set(&table::CACHED, float(cached), || []);
        self.0.set(&table::IN_FLIGHT, float(in_flight), || []);
        self.0.set(&table::QUARANTINED, float(quarantined), || []);
    }

    /// How late the work on a duty is.
    #[cfg(feature = "metrics")]
    pub(crate) fn late(&self, duty: &'static str, late: Duration) {
        self.0.set(&table::LATE, late.as_secs_f64(), || [("duty", Value::Name(duty))]);
    }

    /// Hosts that live.
    pub(crate) fn hosts(&self, live: usize) {
        self.0.set(&table::HOSTS, float(live), || []);
    }

    /// Shards that the host has for a duty.
    pub(crate) fn leases(&self, duty: &'static str, held: usize) {
        self.0.set(&table::LEASES, float(held), || [("duty", Value::Name(duty))]);
    }

    /// The host begins to work on a shard.
    pub(crate) fn taken_over(&self, duty: &'static str, shard: Shard) {
        self.0.count(&table::TAKEOVERS, 1, || at(duty, shard));
    }

    /// Work on a shard has ended.
    pub(crate) fn work_ended(&self, duty: &'static str, shard: Shard, ending: Ending) {
        let cause = match ending {
            Ending::GivenBack => "given_back",
            Ending::Over => "over",
            Ending::Lost => "lost",
            Ending::Panicked => "panicked",
        };
        self.0.count(&table::WORK_ENDED, 1, || {
            let [duty, shard] = at(duty, shard);
            [duty, shard, ("cause", Value::Name(cause))]
        });
    }

    /// A turn of the leases has ended.
    pub(crate) fn renewed(&self, began: Began, fine: bool) {
        let outcome = if fine { "renewed" } else { "failed" };
        self.0.time(&table::RENEW, began, || [("outcome", Value::Name(outcome))]);
    }

    /// How far clocks are apart.
    pub(crate) fn skew(&self, skew: Duration) {
        self.0.set(&table::SKEW, skew.as_secs_f64(), || []);
    }

    /// Timers were run.
    pub(crate) fn timers(&self, turns: &[Turned]) {
        for Turned { timer, due, at, refused } in turns {
            let late = at.duration_since(*due).max(SignedDuration::ZERO).as_secs_f64();
            let outcome = if *refused { "refused" } else { "ran" };
            self.0.record(&table::TIMER_LATE, late, || {
                [("timer", Value::Text(timer.clone())), ("outcome", Value::Name(outcome))]
            });
        }
    }

    /// An instance was woken.
    pub(crate) fn woken(&self, outcome: &'static str) {
        self.0.count(&table::WAKES, 1, || [("outcome", Value::Name(outcome))]);
    }

    /// A handler has come to its end.
    pub(crate) fn effect(&self, effect: &'static str, outcome: &'static str, began: Began) {
        self.0.time(&table::EFFECT, began, || {
            [("effect", Value::Name(effect)), ("outcome", Value::Name(outcome))]
        });
    }

    /// An effect has failed for good.
    pub(crate) fn dead_letter(&self, effect: &'static str) {
        self.0.count(&table::DEAD_LETTERS, 1, || [("effect", Value::Name(effect))]);
    }

    /// A limit has counted a trigger that asked for its tokens.
    pub(crate) fn limited(&self, limit: &Arc<str>, began: Began, passed: bool) {
        let outcome = if passed { "passed" } else { "refused" };
        self.0.time(&table::LIMIT, began, || {
            [("limit", Value::Shared(limit)), ("outcome", Value::Name(outcome))]
        });
    }

    /// A limit has its tokens back.
    pub(crate) fn refunded(&self, limit: &Arc<str>) {
        self.0.count(&table::LIMIT_REFUNDS, 1, || [("limit", Value::Shared(limit))]);
    }
}

/// A breaker has changed. It may guard something for many machines, or for none.
pub(crate) fn breaker(name: &Arc<str>, to: BreakerState) {
    let to = match to {
        BreakerState::Closed => "closed",
        BreakerState::HalfOpen => "half_open",
        BreakerState::Open => "open",
    };
    sink::count_alone(&table::BREAKER, || [("breaker", Value::Shared(name)), ("to", Value::Name(to))]);
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}

fn at(duty: &'static str, shard: Shard) -> [Label<'static>; 2] {
    [("duty", Value::Name(duty)), ("shard", Value::Text(shard.0.to_string()))]
}

/// A trigger on its way. Whoever drops it unanswered has gone away; what it asked for may still be recorded.
pub(crate) struct Asked<'a> {
    observer: &'a Observer,
    stream: &'a StreamId,
    trigger: &'static str,
    began: Began,
    outcome: &'static str,
    span: Span,
}

impl Asked<'_> {
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// The caller is told.
    pub(crate) fn answered<M: Machine>(mut self, reply: &Result<Fired<M>, FireError>) {
        self.outcome = fire_outcome(reply);
        if let Ok(fired) = reply {
            self.span.revision(fired.revision);
        }
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.span.outcome(self.outcome);
        self.observer.came_to(self.stream, (self.trigger, self.outcome), self.began);
    }
}

/// Nobody waits for the answer any more; what was asked may have been recorded.
const ABANDONED: &str = "abandoned";

fn fire_outcome<M: Machine>(reply: &Result<Fired<M>, FireError>) -> &'static str {
    match reply {
        Ok(fired) if fired.duplicate => "duplicate",
        Ok(fired) if fired.ignored => "ignored",
        Ok(_) => "recorded",
        Err(FireError::Rejected(Rejection::NotHandled { .. })) => "not_handled",
        Err(FireError::Rejected(Rejection::Refused { .. })) => "refused",
        Err(FireError::Rejected(Rejection::Finished { .. })) => "finished",
        Err(FireError::Rejected(Rejection::Livelock { .. })) => "livelock",
        Err(FireError::Conflict { .. }) => "conflict",
        Err(FireError::Contended { .. }) => "contended",
        Err(FireError::CommandIdReused { .. }) => "command_id_reused",
        Err(FireError::Busy { .. }) => "busy",
        Err(FireError::RateLimited(_)) => "limited",
        Err(FireError::Closed) => "closed",
        Err(FireError::QuotaExceeded(_)) => "over_quota",
        Err(FireError::Tenancy(_)) => "no_such_tenant",
        Err(FireError::Load(_)) => "not_loaded",
        Err(FireError::Store { .. }) => "not_recorded",
        Err(FireError::Unknown { .. }) => "unknown",
        Err(FireError::Encode { .. }) => "not_encoded",
        Err(FireError::Personal { .. }) => "not_sealed",
        Err(FireError::Panicked { .. }) => "panicked",
    }
}

pub(crate) fn effect_outcome<T>(answer: &Result<Option<T>, EffectError>) -> &'static str {
    match answer {
        Ok(Some(_)) => "answered",
        Ok(None) => "done",
        Err(error) if error.is_retryable() => "failed",
        Err(_) => "fatal",
    }
}

pub(crate) fn load_outcome(error: Option<&LoadError>) -> &'static str {
    match error {
        None => "loaded",
        Some(LoadError::Store { .. }) => "store",
        Some(LoadError::Decode { .. }) => "decode",
        Some(LoadError::UnknownState { .. }) => "unknown_state",
        Some(LoadError::Gap { .. }) => "gap",
        Some(LoadError::Panicked { .. }) => "panicked",
        Some(LoadError::Deleted { .. }) => "deleted",
        Some(LoadError::TenantErased { .. }) => "tenant_erased",
    }
}

pub(crate) fn append_outcome(outcome: Option<&Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Appended(_)) => "appended",
        Some(Outcome::Conflict(_)) => "conflict",
        Some(Outcome::Gone) => "gone",
        Some(Outcome::Unknown(_)) => "unknown",
        Some(Outcome::Refused(_)) | None => "refused",
    }
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn float(count: usize) -> f64 {
    count as f64
}
