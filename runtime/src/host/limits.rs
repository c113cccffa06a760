//! The limits of a host: those of the machine's block, and those that were added in code.
//!
//! A trigger takes its tokens before it is queued, and gives them back when nothing of it was recorded. What the host asks
//! itself, timers and answers of effects, is not limited.

use super::Host;
use crate::clock::Clock;
use crate::definition::{LimitDef, LimitScope};
use crate::error::FireError;
use crate::limit::{Exceeded, Key, KeyedLimiter, LimitError, LimitStats, Limiter, Pass, RateLimit};
use crate::machine::Machine;
use crate::observe::Observer;
use crate::store::StreamId;
use smallvec::SmallVec;
use std::sync::Arc;
use std::time::Duration;

/// A limit as it stands.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct LimitReport {
    /// How errors and logs call it.
    pub name: Arc<str>,
    /// Who shares a bucket.
    pub scope: LimitScope,
    /// Over all its buckets.
    pub stats: LimitStats,
}

/// What a limit leaves to one instance.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Available {
    /// How errors and logs call the limit.
    pub limit: Arc<str>,
    /// Who shares the bucket.
    pub scope: LimitScope,
    /// Whole tokens in it now.
    pub tokens: u32,
}

#[derive(Debug)]
pub(crate) struct Limits {
    all: Vec<Limit>,
    observer: Arc<Observer>,
}

#[derive(Debug)]
struct Limit {
    name: Arc<str>,
    scope: LimitScope,
    shared: bool,
    buckets: Buckets,
}

#[derive(Debug)]
enum Buckets {
    One(Box<Limiter>),
    Each(Box<KeyedLimiter>),
}

/// Tokens of one trigger, limit by limit.
#[derive(Debug, Default)]
pub(super) struct Passes(SmallVec<[Pass; 1]>);

/// Some of the tokens of a trigger: given back when it gets no further.
struct Taking<'a> {
    limits: &'a Limits,
    stream: &'a StreamId,
    passes: Passes,
}

impl Drop for Taking<'_> {
    fn drop(&mut self) {
        self.limits.refund(self.stream, std::mem::take(&mut self.passes));
    }
}

impl<M: Machine> Host<M> {
    /// Whether triggers are counted one by one.
    pub(super) fn is_limited(&self) -> bool {
        !self.0.limits.is_empty() || !self.0.quotas.is_empty()
    }

    /// The tokens of a trigger of a caller's, if its tenant may ask. Nobody waits for them while the host shuts down.
    pub(super) async fn admit(&self, stream: &StreamId, trigger: &str) -> Result<Passes, FireError> {
        // Who is not let in takes no token.
        self.admit_tenant(stream, false)?;
        self.0.quotas.admit(stream).await?;
        let mut closing = self.0.closing.subscribe();
        tokio::select! {
            biased;
            passes = self.0.limits.acquire(stream, trigger) => passes,
            _ = closing.wait_for(|closing| *closing) => Err(FireError::Closed),
        }
    }
}

impl Limits {
    /// The limits of the block, then those of code.
    pub(super) fn new<M: Machine>(
        added: Vec<(LimitScope, RateLimit)>,
        clock: &Arc<dyn Clock>,
        observer: &Arc<Observer>,
    ) -> Result<Self, LimitError> {
        let declared = M::DEFINITION.limits.iter().map(|limit| (limit.scope, declared::<M>(limit)));
        let limits = declared.chain(added).map(|(scope, limit)| Limit::new::<M>(scope, limit, clock));
        Ok(Self { all: limits.collect::<Result<_, _>>()?, observer: Arc::clone(observer) })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether a limit divides its rate by the live hosts.
    pub(super) fn are_shared(&self) -> bool {
        self.all.iter().any(|limit| limit.shared)
    }

    /// This many hosts share what is shared.
    pub(super) fn set_hosts(&self, hosts: usize) {
        let hosts = u32::try_from(hosts).unwrap_or(u32::MAX);
        for limit in self.all.iter().filter(|limit| limit.shared) {
            match &limit.buckets {
                Buckets::One(limiter) => limiter.set_hosts(hosts),
                Buckets::Each(limiter) => limiter.set_hosts(hosts),
            }
        }
    }

    /// Takes the tokens of a trigger from every limit that counts it, waiting where a limit says so. All or none, also
    /// when it is cancelled.
    pub(super) async fn acquire(&self, stream: &StreamId, trigger: &str) -> Result<Passes, FireError> {
        let mut taking = Taking { limits: self, stream, passes: Passes::default() };
        for limit in &self.all {
            let began = self.observer.start();
            let pass = limit.acquire(stream, trigger).await;
            if !pass.as_ref().is_ok_and(Pass::is_free) {
                self.observer.limited(&limit.name, began, pass.is_ok());
            }
            taking.passes.0.push(pass?);
        }
        Ok(std::mem::take(&mut taking.passes))
    }

    /// Nothing of the trigger was recorded.
    pub(super) fn refund(&self, stream: &StreamId, passes: Passes) {
        for (limit, pass) in self.all.iter().zip(passes.0) {
            if !pass.is_free() {
                self.observer.refunded(&limit.name);
            }
            match &limit.buckets {
                Buckets::One(limiter) => limiter.refund(pass),
                Buckets::Each(limiter) => limiter.refund(limit.key(stream), pass),
            }
        }
    }

    /// Drops the buckets of a tenant and of its instances.
    pub(super) fn forget(&self, tenant: &str) {
        for limit in &self.all {
            if let Buckets::Each(limiter) = &limit.buckets {
                limiter.forget_tenant(tenant);
            }
        }
    }

    pub(super) fn report(&self) -> Vec<LimitReport> {
        let report = |limit: &Limit| {
            let stats = match &limit.buckets {
                Buckets::One(limiter) => limiter.stats(),
                Buckets::Each(limiter) => limiter.stats(),
            };
            LimitReport { name: Arc::clone(&limit.name), scope: limit.scope, stats }
        };
        self.all.iter().map(report).collect()
    }

    pub(super) fn available(&self, stream: &StreamId) -> Vec<Available> {
        let available = |limit: &Limit| {
            let tokens = match &limit.buckets {
                Buckets::One(limiter) => limiter.available(),
                Buckets::Each(limiter) => limiter.available(limit.key(stream)),
            };
            Available { limit: Arc::clone(&limit.name), scope: limit.scope, tokens }
        };
        self.all.iter().map(available).collect()
    }
}

impl Limit {
    fn new<M: Machine>(
        scope: LimitScope,
        limit: RateLimit,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, LimitError> {
        let known = |name: &Arc<str>| M::DEFINITION.triggers.iter().any(|trigger| trigger.name == &**name);
        if let Some(unknown) = limit.counted().unwrap_or_default().iter().find(|name| !known(name)) {
            let (limit, trigger) = (Arc::clone(limit.called()), Arc::clone(unknown));
            return Err(LimitError::UnknownTrigger { limit, trigger, machine: M::DEFINITION.machine });
        }
        let (name, shared, clock) = (Arc::clone(limit.called()), limit.is_shared(), Arc::clone(clock));
        let buckets = match scope {
            LimitScope::Machine => Buckets::One(Box::new(Limiter::new(limit, clock)?)),
            LimitScope::Tenant | LimitScope::Instance => {
                Buckets::Each(Box::new(KeyedLimiter::new(limit, clock)?))
            }
        };
        Ok(Self { name, scope, shared, buckets })
    }

    async fn acquire(&self, stream: &StreamId, trigger: &str) -> Result<Pass, Exceeded> {
        match &self.buckets {
            Buckets::One(limiter) => limiter.acquire(trigger).await,
            Buckets::Each(limiter) => limiter.acquire(self.key(stream), trigger).await,
        }
    }

    fn key<'a>(&self, stream: &'a StreamId) -> Key<'a> {
        match self.scope {
            LimitScope::Machine => Key::MACHINE,
            LimitScope::Tenant => Key::tenant(&stream.tenant),
            LimitScope::Instance => Key::instance(&stream.tenant, &stream.instance),
        }
    }
}

/// A `limit` line of the block.
fn declared<M: Machine>(limit: &LimitDef<'_>) -> RateLimit {
    let rate = RateLimit::new(limit.count, Duration::from_nanos(limit.period_ns)).burst(limit.burst);
    if limit.triggers.is_empty() {
        return rate;
    }
    let names = limit.triggers.iter().filter_map(|id| M::DEFINITION.trigger(*id));
    rate.triggers(names.map(|trigger| trigger.name))
}
