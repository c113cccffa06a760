//! A limiter with a bucket for each key: bounded, and full buckets leave.
//!
//! A bucket that is full and that nobody waits for is as good as none, so dropping it lifts nothing.

use super::bucket::{Bucket, Pass};
use super::core::Core;
use super::queue::{self, Queue, Spot};
use super::tally::{Passed, Stand};
use super::time::ticks;
use super::{Exceeded, LimitError, LimitStats, RateLimit};
use crate::clock::Clock;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Locks: a look at a bucket holds one of them for a moment.
const PARTS: usize = 16;

/// Buckets of a part that are not looked through for full ones.
const SWEEP_MIN: usize = 256;

/// The least time between two searches of a part for full buckets while there is no room.
const SWEEP_PAUSE: Duration = Duration::from_millis(100);

/// Whose bucket.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key<'a> {
    pub(super) tenant: &'a str,
    pub(super) instance: &'a str,
}

impl<'a> Key<'a> {
    /// Everybody's.
    pub const MACHINE: Self = Self { tenant: "", instance: "" };

    /// That of all instances of a tenant.
    pub fn tenant(tenant: &'a str) -> Self {
        Self { tenant, instance: "" }
    }

    /// That of one instance; the tenant is empty where there are none.
    pub fn instance(tenant: &'a str, instance: &'a str) -> Self {
        Self { tenant, instance }
    }
}

/// A bucket for each key, every one under the same limit.
#[derive(Debug)]
pub struct KeyedLimiter {
    core: Core,
    parts: [Mutex<Part>; PARTS],
    hasher: DefaultHashBuilder,
    /// Buckets in all parts.
    keys: AtomicUsize,
}

#[derive(Debug)]
struct Part {
    kept: HashTable<Kept>,
    /// Looked through for full buckets when it has grown to this.
    sweep_at: usize,
    /// Before this moment looking through it again is of no use.
    not_before: u64,
    /// What passed at once, counted under the part's lock.
    passed: Passed,
}

#[derive(Debug)]
struct Kept {
    /// Tenant and instance.
    text: Box<str>,
    /// Length of the tenant's part.
    tenant: usize,
    bucket: Bucket,
    queue: Queue,
}

impl Kept {
    fn new(key: Key<'_>) -> Self {
        let text = [key.tenant, key.instance].concat().into_boxed_str();
        Self { text, tenant: key.tenant.len(), bucket: Bucket::default(), queue: Queue::default() }
    }

    fn key(&self) -> Key<'_> {
        let (tenant, instance) = self.text.split_at_checked(self.tenant).unwrap_or_default();
        Key { tenant, instance }
    }

    fn is_idle(&self, now: u64) -> bool {
        self.bucket.full_at() <= now && self.queue.len() == 0
    }
}

impl KeyedLimiter {
    /// A limiter whose buckets are all full.
    ///
    /// # Errors
    /// The limit means nothing: see [`LimitError`].
    pub fn new(limit: RateLimit, clock: Arc<dyn Clock>) -> Result<Self, LimitError> {
        let part = || {
            Mutex::new(Part {
                kept: HashTable::new(),
                sweep_at: SWEEP_MIN,
                not_before: 0,
                passed: Passed::default(),
            })
        };
        Ok(Self {
            core: Core::new(limit, clock)?,
            parts: std::array::from_fn(|_| part()),
            hasher: DefaultHashBuilder::default(),
            keys: AtomicUsize::new(0),
        })
    }

    /// Takes the tokens of a trigger, if they are there and nobody waits for them.
    ///
    /// # Errors
    /// They are not, or there is no room for another bucket; when it is worth another try.
    pub fn try_acquire(&self, key: Key<'_>, trigger: &str) -> Result<Pass, Exceeded> {
        if !self.core.limit.counts(trigger) {
            return Ok(Pass::FREE);
        }
        if let Some(pass) = self.take_at_once(key) {
            return Ok(pass);
        }
        let taken = self.with(key, |bucket, queue| {
            let now = self.core.time.now().bucket;
            let free = queue.len() == 0;
            let taken = if free { bucket.take(&self.core.rule, now).ok() } else { None };
            taken.ok_or_else(|| self.core.exceeded(bucket, queue.len()))
        });
        let taken = taken.unwrap_or_else(|ticks| Err(self.core.crowded(ticks)));
        self.core.settle(taken, (key, trigger))
    }

    /// Takes the tokens of a trigger, and waits for them in the order of coming for at most
    /// [`wait`](RateLimit::wait). Cancel safe: a place in the queue that is given up is that of the next.
    ///
    /// # Errors
    /// They will not be there in time, or there is no room for another bucket. It does not wait then.
    pub async fn acquire(&self, key: Key<'_>, trigger: &str) -> Result<Pass, Exceeded> {
        if !self.core.limit.counts(trigger) {
            return Ok(Pass::FREE);
        }
        if let Some(pass) = self.take_at_once(key) {
            return Ok(pass);
        }
        let taken = queue::acquire(&self.core, &KeySpot { limiter: self, key }).await;
        self.core.settle(taken, (key, trigger))
    }

    /// Gives tokens back that were taken under this key for something that did not happen: as many as would be there now
    /// had they not been taken, so never above the burst.
    pub fn refund(&self, key: Key<'_>, pass: Pass) {
        let Some(receipt) = pass.0 else { return };
        self.core.tally.refund();
        // A bucket that has left was full.
        self.find(key, |kept| {
            kept.bucket.give_back(&receipt, &self.core.rule, || self.core.time.now().bucket);
            kept.queue.wake_first();
        });
    }

    /// Whole tokens that are there now for a key.
    pub fn available(&self, key: Key<'_>) -> u32 {
        let available = |kept: &mut Kept| kept.bucket.available(&self.core.rule, self.core.time.now().bucket);
        self.find(key, available).unwrap_or(self.core.limit.burst)
    }

    /// Fills the bucket of a key. What was taken before is not given back any more.
    pub fn reset(&self, key: Key<'_>) {
        self.find(key, |kept| {
            kept.bucket.fill(|| self.core.time.now().bucket);
            kept.queue.wake_first();
        });
    }

    /// Takes tokens of what has happened already, whether they are there or not.
    pub(crate) fn charge(&self, key: Key<'_>, tokens: u64) {
        let charge = |bucket: &Bucket| bucket.charge(&self.core.rule, self.core.time.now().bucket, tokens);
        if let Err(ticks) = self.with(key, |bucket, _| charge(bucket)) {
            // Nobody is refused for what is done: it is told, and the next has to find a place.
            let _ = self.core.crowded(ticks);
        }
    }

    /// Why not even one token is there, and when one will be.
    pub(crate) fn owed(&self, key: Key<'_>) -> Option<Exceeded> {
        let owed = |kept: &mut Kept| {
            let is_empty = kept.bucket.available(&self.core.rule, self.core.time.now().bucket) == 0;
            is_empty.then(|| self.core.exceeded(&kept.bucket, 0))
        };
        self.find(key, owed).flatten()
    }

    /// Drops the buckets of a tenant and of its instances, full or not; those stay for which somebody waits.
    pub fn forget_tenant(&self, tenant: &str) {
        for part in &self.parts {
            let mut part = lock(part);
            let before = part.kept.len();
            part.kept.retain(|kept| kept.key().tenant != tenant || kept.queue.len() > 0);
            self.keys.fetch_sub(before.saturating_sub(part.kept.len()), Ordering::AcqRel);
        }
    }

    /// This many hosts share the rate, at least one. Nothing changes for a limit that is not
    /// [`shared`](RateLimit::shared); what is in the buckets stays in them.
    pub fn set_hosts(&self, hosts: u32) {
        if self.core.time.set_hosts(hosts) {
            for part in &self.parts {
                lock(part).kept.iter().for_each(|kept| kept.queue.wake_first());
            }
        }
    }

    /// How it stands now. Buckets that are full leave; it looks at every bucket.
    pub fn stats(&self) -> LimitStats {
        let mut stand = Stand { available: self.core.limit.burst, ..Stand::default() };
        for part in &self.parts {
            let mut part = lock(part);
            let now = self.core.time.now().bucket;
            self.sweep(&mut part, now);
            for kept in &part.kept {
                stand.available = stand.available.min(kept.bucket.available(&self.core.rule, now));
                stand.waiting += kept.queue.len() as u64;
                stand.bytes += kept.text.len() as u64;
            }
            stand.passed.add(&part.passed);
            stand.keys += part.kept.len() as u64;
            stand.bytes += part.kept.allocation_size() as u64;
        }
        self.core.stats(self.core.time.now().clock, stand)
    }

    /// The common case: there is a bucket, there are tokens in it, and nobody waits for them. One look, one reading of the
    /// clock.
    fn take_at_once(&self, key: Key<'_>) -> Option<Pass> {
        let hash = self.hasher.hash_one(key);
        let mut part = lock(self.part(hash));
        let Part { kept, passed, .. } = &mut *part;
        let kept = kept.find_mut(hash, |kept| kept.key() == key).filter(|kept| kept.queue.len() == 0)?;
        let now = self.core.time.now();
        let receipt = kept.bucket.take_alone(&self.core.rule, now.bucket).ok()?;
        passed.count(now.clock);
        Some(Pass(Some(receipt)))
    }

    /// The part of a key, locked, with a bucket for it.
    fn enter(&self, hash: u64, key: Key<'_>) -> Result<MutexGuard<'_, Part>, u64> {
        let is_key = |kept: &Kept| kept.key() == key;
        let mut part = lock(self.part(hash));
        if part.kept.find(hash, is_key).is_some() {
            return Ok(part);
        }
        if part.kept.len() >= part.sweep_at {
            self.sweep(&mut part, self.core.time.now().bucket);
        }
        if !self.reserve() {
            drop(part);
            self.make_room()?;
            part = lock(self.part(hash));
            if part.kept.find(hash, is_key).is_some() {
                self.keys.fetch_sub(1, Ordering::AcqRel);
                return Ok(part);
            }
        }
        part.kept.insert_unique(hash, Kept::new(key), |kept| self.hasher.hash_one(kept.key()));
        Ok(part)
    }

    /// Room for one more bucket, if there is any.
    fn reserve(&self) -> bool {
        let (order, max) = (Ordering::AcqRel, self.core.limit.keys_max);
        self.keys.fetch_update(order, Ordering::Acquire, |keys| (keys < max).then(|| keys + 1)).is_ok()
    }

    /// Looks for full buckets, part by part, until there is room for one more, which is then reserved.
    fn make_room(&self) -> Result<(), u64> {
        let mut soonest = u64::MAX;
        for part in &self.parts {
            let mut part = lock(part);
            let now = self.core.time.now().bucket;
            if now >= part.not_before {
                self.sweep(&mut part, now);
            }
            if self.reserve() {
                return Ok(());
            }
            soonest = soonest.min(part.not_before.saturating_sub(now));
        }
        Err(soonest)
    }

    /// Drops full buckets, and memory that is not needed any more.
    fn sweep(&self, part: &mut Part, now: u64) {
        let (before, mut soonest) = (part.kept.len(), u64::MAX);
        part.kept.retain(|kept| {
            soonest = soonest.min(if kept.is_idle(now) { u64::MAX } else { kept.bucket.full_at() });
            !kept.is_idle(now)
        });
        let left = part.kept.len();
        self.keys.fetch_sub(before.saturating_sub(left), Ordering::AcqRel);
        part.sweep_at = left.saturating_mul(2).max(SWEEP_MIN);
        let pause = now.saturating_add(ticks(SWEEP_PAUSE));
        part.not_before = if left == 0 { pause } else { pause.max(soonest) };
        if left < part.kept.capacity() / 2 {
            part.kept.shrink_to(left, |kept| self.hasher.hash_one(kept.key()));
        }
    }

    fn part(&self, hash: u64) -> &Mutex<Part> {
        // The lower bits choose the place within a part.
        let place = usize::try_from(hash >> 48).unwrap_or_default() % PARTS;
        &self.parts[place]
    }

    /// Does something with the bucket of a key, and makes one if there is none.
    fn with<T>(&self, key: Key<'_>, act: impl FnOnce(&Bucket, &mut Queue) -> T) -> Result<T, u64> {
        let hash = self.hasher.hash_one(key);
        let mut part = self.enter(hash, key)?;
        let kept = part.kept.find_mut(hash, |kept| kept.key() == key).ok_or(0_u64)?;
        Ok(act(&kept.bucket, &mut kept.queue))
    }

    /// Does something with the bucket of a key, if there is one; without one it is full.
    fn find<T>(&self, key: Key<'_>, act: impl FnOnce(&mut Kept) -> T) -> Option<T> {
        let hash = self.hasher.hash_one(key);
        lock(self.part(hash)).kept.find_mut(hash, |kept| kept.key() == key).map(act)
    }
}

fn lock(part: &Mutex<Part>) -> MutexGuard<'_, Part> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

struct KeySpot<'a> {
    limiter: &'a KeyedLimiter,
    key: Key<'a>,
}

impl Spot for KeySpot<'_> {
    fn with<T>(&self, act: impl FnOnce(&Bucket, &mut Queue) -> T) -> Result<T, u64> {
        self.limiter.with(self.key, act)
    }
}
