//! How much each tenant may have and do: instances, records, and bytes in a second.
//!
//! What a tenant has is counted at the store, and between two counts what this host has recorded is added. Hosts ask each
//! other nothing; a host counts anew from time to time. What a host asks itself, timers and answers of effects, is counted and
//! never refused.

use crate::clock::Clock;
use crate::error::{BuildError, FireError, LoadError};
use crate::limit::{Key, KeyedLimiter, LimitError, RateLimit};
use crate::store::{RecordedStep, Store, StoreError, StreamId};
use crate::tenant::{self, Usage};
use lru::LruCache;
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Tenants whose counts are remembered; of another it is counted anew.
const TENANTS_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("more than nothing");

/// How long a count stands: until other hosts' records are seen.
pub const QUOTA_COUNT_AGE_MAX: Duration = Duration::from_secs(30);

/// How much one tenant may have and do; see [`HostBuilder::quota`](super::HostBuilder::quota). What is not said is not bounded.
#[derive(Clone, Debug, Default)]
#[must_use = "a quota does nothing until a host has it"]
pub struct Quota {
    instances_max: Option<u64>,
    records_max: Option<u64>,
    bytes: Option<(u32, u32)>,
}

/// Which quota.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QuotaKind {
    /// Instances that have a record and were not deleted.
    Instances,
    /// Records that were ever appended.
    Records,
    /// Payload bytes of what was recorded, as a bucket that fills by time.
    BytesPerSecond,
}

/// A tenant has used what it may. Nothing was recorded.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("tenant `{tenant}` has used {used} of {max} {quota}{}", .retry_after.map(|after| format!(": try again in {after:?}")).unwrap_or_default())]
#[non_exhaustive]
pub struct QuotaExceeded {
    /// Whose quota.
    pub tenant: Arc<str>,
    /// Which one.
    pub quota: QuotaKind,
    /// Instances, records, or bytes that are out of the bucket.
    pub used: u64,
    /// Most instances or records, or the bytes that a full bucket holds.
    pub max: u64,
    /// When there will be room, if time makes it.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for QuotaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Instances => "instances",
            Self::Records => "records",
            Self::BytesPerSecond => "bytes",
        })
    }
}

impl Quota {
    /// Nothing is bounded so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Most instances that have a record and were not deleted, of all machines. One more does not begin.
    pub fn instances_max(mut self, instances: u64) -> Self {
        self.instances_max = Some(instances);
        self
    }

    /// Most records, of all machines: of a tenant that has as many no trigger is taken any more, but deletions.
    pub fn records_max(mut self, records: u64) -> Self {
        self.records_max = Some(records);
        self
    }

    /// Payload bytes of records in each second, and as many as `burst` at once after a pause. What a trigger costs is known
    /// behind it: it is taken while a byte is left, and the next waits until what it took over has come in.
    pub fn bytes_per_second(mut self, bytes: u32, burst: u32) -> Self {
        self.bytes = Some((bytes, burst));
        self
    }
}

#[derive(Debug)]
struct Rule {
    quota: Quota,
    bytes: Option<KeyedLimiter>,
}

impl Rule {
    fn new(quota: Quota, clock: &Arc<dyn Clock>) -> Result<Self, LimitError> {
        let limit = |(bytes, burst): (u32, u32)| {
            let rate = RateLimit::new(bytes, Duration::from_secs(1)).burst(burst).name("bytes per second");
            KeyedLimiter::new(rate, Arc::clone(clock))
        };
        let bytes = quota.bytes.map(limit).transpose()?;
        Ok(Self { quota, bytes })
    }

    fn counts(&self) -> bool {
        self.quota.instances_max.is_some() || self.quota.records_max.is_some()
    }
}

/// What is known of a tenant.
#[derive(Debug, Default)]
struct Count {
    known: Mutex<Known>,
    /// Whose turn it is to count.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    usage: Usage,
    /// When it was counted, on the monotonic clock.
    at: Option<Duration>,
    /// Instances whose first record is under way.
    beginning: u64,
    /// What was recorded since counting began last: the count may have missed it.
    since: Usage,
}

impl Known {
    fn add(&mut self, instances: u64, records: u64) {
        for usage in [&mut self.usage, &mut self.since] {
            usage.instances = usage.instances.saturating_add(instances);
            usage.records = usage.records.saturating_add(records);
        }
    }

    fn end_one(&mut self) {
        for usage in [&mut self.usage, &mut self.since] {
            usage.instances = usage.instances.saturating_sub(1);
        }
    }
}

impl Count {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The quotas of a host.
pub(crate) struct Quotas {
    /// Of a tenant that has none of its own.
    all: Option<Rule>,
    own: BTreeMap<Arc<str>, Rule>,
    counts: Mutex<LruCache<Arc<str>, Arc<Count>>>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

/// Room for an instance that begins; given back unless it has begun.
pub(super) struct Begun<'a> {
    quotas: &'a Quotas,
    tenant: &'a str,
    /// Nobody counts otherwise.
    is_counted: bool,
    is_kept: bool,
}

impl Begun<'_> {
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if self.is_counted {
            self.quotas.change(self.tenant, |known| {
                known.beginning = known.beginning.saturating_sub(1);
                known.add(u64::from(self.is_kept), 0);
            });
        }
    }
}

impl Quotas {
    pub(super) fn new(
        all: Option<Quota>,
        own: BTreeMap<Arc<str>, Quota>,
        (store, clock): (&Arc<dyn Store>, &Arc<dyn Clock>),
    ) -> Result<Self, BuildError> {
        for tenant in own.keys() {
            super::Tenancy::Required.admit(tenant).map_err(BuildError::Quota)?;
        }
        let rule = |quota| Rule::new(quota, clock);
        let own = own.into_iter().map(|(tenant, quota)| Ok((tenant, rule(quota)?)));
        Ok(Self {
            all: all.map(rule).transpose()?,
            own: own.collect::<Result<_, LimitError>>()?,
            counts: Mutex::new(LruCache::new(TENANTS_MAX)),
            store: Arc::clone(store),
            clock: Arc::clone(clock),
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_none() && self.own.is_empty()
    }

    /// Whether one more trigger of a tenant may be asked.
    pub(super) async fn admit(&self, stream: &StreamId) -> Result<(), FireError> {
        let tenant = &stream.tenant;
        let Some(rule) = self.rule(tenant) else { return Ok(()) };
        if let Some(exceeded) = rule.bytes.as_ref().and_then(|bytes| bytes.owed(Key::tenant(tenant))) {
            let max = rule.quota.bytes.map_or(0, |(_, burst)| u64::from(burst));
            let (used, retry_after) = (max - u64::from(exceeded.available), Some(exceeded.retry_after));
            let (tenant, quota) = (Arc::clone(tenant), QuotaKind::BytesPerSecond);
            return Err(QuotaExceeded { tenant, quota, used, max, retry_after }.into());
        }
        if !rule.counts() {
            return Ok(());
        }
        let usage = self.usage(tenant).await.map_err(|source| unread(stream, source))?;
        match rule.quota.records_max {
            Some(max) if usage.records >= max => {
                Err(exceeded(tenant, QuotaKind::Records, (usage.records, max)).into())
            }
            _ => Ok(()),
        }
    }

    /// Room for one more instance. Nobody's has it always.
    pub(super) async fn begin<'a>(&'a self, stream: &'a StreamId) -> Result<Begun<'a>, FireError> {
        let tenant = &stream.tenant;
        let max = self.rule(tenant).and_then(|rule| rule.quota.instances_max);
        let begun = |is_counted| Begun { quotas: self, tenant, is_counted, is_kept: false };
        let Some(max) = max else { return Ok(begun(false)) };
        self.usage(tenant).await.map_err(|source| unread(stream, source))?;
        let count = self.count(tenant);
        let mut known = count.lock();
        let used = known.usage.instances.saturating_add(known.beginning);
        if used >= max {
            return Err(exceeded(tenant, QuotaKind::Instances, (used, max)).into());
        }
        known.beginning += 1;
        Ok(begun(true))
    }

    /// Steps of a tenant are recorded; the last may be the end of its instance.
    pub(super) fn recorded(&self, tenant: &str, (steps, bytes): (u64, u64), is_end: bool) {
        let Some(rule) = self.rule(tenant) else { return };
        if let Some(limiter) = &rule.bytes {
            limiter.charge(Key::tenant(tenant), bytes);
        }
        if rule.counts() {
            self.change(tenant, |known| {
                known.add(0, steps);
                if is_end {
                    known.end_one();
                }
            });
        }
    }

    /// Nothing is remembered of a tenant any more.
    pub(super) fn forget(&self, tenant: &str) {
        self.lock().pop(tenant);
        for rule in self.all.iter().chain(self.own.get(tenant)) {
            if let Some(limiter) = &rule.bytes {
                limiter.forget_tenant(tenant);
            }
        }
    }

    fn rule(&self, tenant: &str) -> Option<&Rule> {
        if tenant.is_empty() {
            return None;
        }
        self.own.get(tenant).or(self.all.as_ref())
    }

    /// What a tenant has. One caller counts when it is time, and others go on with what is known.
    async fn usage(&self, tenant: &Arc<str>) -> Result<Usage, StoreError> {
        let count = self.count(tenant);
        let known = *count.lock();
        let Some(at) = known.at else {
            let _turn = count.turn.lock().await;
            let known = *count.lock();
            return if known.at.is_some() { Ok(known.usage) } else { self.count_anew(&count, tenant).await };
        };
        if self.clock.monotonic().saturating_sub(at) < QUOTA_COUNT_AGE_MAX {
            return Ok(known.usage);
        }
        let Ok(_turn) = count.turn.try_lock() else { return Ok(known.usage) };
        self.count_anew(&count, tenant).await
    }

    async fn count_anew(&self, count: &Count, tenant: &Arc<str>) -> Result<Usage, StoreError> {
        let at = Some(self.clock.monotonic());
        count.lock().since = Usage::default();
        let counted = tenant::count(&self.store, tenant).await?;
        let mut known = count.lock();
        (known.at, known.usage) = (at, counted);
        // Rather counted twice, until it is counted anew, than not at all.
        known.usage.instances = known.usage.instances.saturating_add(known.since.instances);
        known.usage.records = known.usage.records.saturating_add(known.since.records);
        Ok(known.usage)
    }

    fn change(&self, tenant: &str, change: impl FnOnce(&mut Known)) {
        // Of one that is not remembered it is counted when it is asked for.
        let count = self.lock().get(tenant).cloned();
        if let Some(count) = count {
            change(&mut count.lock());
        }
    }

    fn count(&self, tenant: &Arc<str>) -> Arc<Count> {
        Arc::clone(self.lock().get_or_insert(Arc::clone(tenant), Arc::default))
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<Arc<str>, Arc<Count>>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unread(stream: &StreamId, source: StoreError) -> FireError {
    FireError::Load(Arc::new(LoadError::Store { stream: stream.clone(), source }))
}

fn exceeded(tenant: &Arc<str>, quota: QuotaKind, (used, max): (u64, u64)) -> QuotaExceeded {
    QuotaExceeded { tenant: Arc::clone(tenant), quota, used, max, retry_after: None }
}

/// How many steps, and how many bytes they are.
pub(super) fn weight(steps: &[RecordedStep]) -> (u64, u64) {
    (steps.len() as u64, steps.iter().map(|step| step.bytes() as u64).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::FakeClock;
    use crate::store::MemoryStore;

    /// A count sees no instance whose first record is under way.
    #[tokio::test]
    async fn what_is_about_to_begin_has_its_room_when_it_is_counted_anew() {
        let clock = FakeClock::default();
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let quota = Some(Quota::new().instances_max(1));
        let quotas = Quotas::new(quota, BTreeMap::new(), (&store, &shared)).expect("it means something");
        let [first, second] = ["a", "b"].map(|id| StreamId::new("acme", "Door", id));
        let begun = quotas.begin(&first).await.expect("there is room");
        clock.advance(QUOTA_COUNT_AGE_MAX);
        assert!(quotas.begin(&second).await.is_err(), "the room is that of the first");
        drop(begun);
        let begun = quotas.begin(&second).await.expect("the first did not begin");
        clock.advance(QUOTA_COUNT_AGE_MAX);
        assert!(quotas.begin(&first).await.is_err());
        begun.keep();
        assert!(quotas.begin(&first).await.is_err(), "it has begun");
    }
}
