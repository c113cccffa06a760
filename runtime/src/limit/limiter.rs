//! A limiter with one bucket.

use super::bucket::{Bucket, Pass};
use super::core::Core;
use super::keyed::Key;
use super::queue::{self, Queue, Spot};
use super::tally::Stand;
use super::{Exceeded, LimitError, LimitStats, RateLimit};
use crate::clock::Clock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// One bucket for all. Whoever passes at once takes no lock.
#[derive(Debug)]
pub struct Limiter {
    core: Core,
    bucket: Bucket,
    /// Length of the queue, to be read without its lock.
    waiting: AtomicUsize,
    /// Its lock is also the one under which tokens are given back.
    queue: Mutex<Queue>,
}

impl Limiter {
    /// A limiter whose bucket is full.
    ///
    /// # Errors
    /// The limit means nothing: see [`LimitError`].
    pub fn new(limit: RateLimit, clock: Arc<dyn Clock>) -> Result<Self, LimitError> {
        let core = Core::new(limit, clock)?;
        Ok(Self { core, bucket: Bucket::default(), waiting: AtomicUsize::new(0), queue: Mutex::default() })
    }

    /// Takes the tokens of a trigger, if they are there and nobody waits for them.
    ///
    /// # Errors
    /// They are not; when they will be.
    pub fn try_acquire(&self, trigger: &str) -> Result<Pass, Exceeded> {
        if !self.core.limit.counts(trigger) {
            return Ok(Pass::FREE);
        }
        if let Some(pass) = self.take_at_once() {
            return Ok(pass);
        }
        let exceeded = self.locked(|bucket, queue| self.core.exceeded(bucket, queue.len()));
        Err(self.core.refuse(exceeded, (Key::MACHINE, trigger)))
    }

    /// Takes the tokens of a trigger, and waits for them in the order of coming for at most
    /// [`wait`](RateLimit::wait). Cancel safe: a place in the queue that is given up is that of the next.
    ///
    /// # Errors
    /// They will not be there in time; when they will be. It does not wait then.
    pub async fn acquire(&self, trigger: &str) -> Result<Pass, Exceeded> {
        if !self.core.limit.counts(trigger) {
            return Ok(Pass::FREE);
        }
        if let Some(pass) = self.take_at_once() {
            return Ok(pass);
        }
        let taken = queue::acquire(&self.core, self).await;
        self.core.settle(taken, (Key::MACHINE, trigger))
    }

    /// Gives tokens back that were taken for something that did not happen: as many as would be there now had they not
    /// been taken, so never above the burst.
    pub fn refund(&self, pass: Pass) {
        let Some(receipt) = pass.0 else { return };
        self.core.tally.refund();
        self.locked(|bucket, queue| {
            bucket.give_back(&receipt, &self.core.rule, || self.core.time.now().bucket);
            queue.wake_first();
        });
    }

    /// Whole tokens that are there now.
    pub fn available(&self) -> u32 {
        self.bucket.available(&self.core.rule, self.core.time.now().bucket)
    }

    /// Fills the bucket. What was taken before is not given back any more.
    pub fn reset(&self) {
        self.locked(|bucket, queue| {
            bucket.fill(|| self.core.time.now().bucket);
            queue.wake_first();
        });
    }

    /// This many hosts share the rate, at least one. Nothing changes for a limit that is not
    /// [`shared`](RateLimit::shared); what is in the bucket stays in it.
    pub fn set_hosts(&self, hosts: u32) {
        if self.core.time.set_hosts(hosts) {
            self.locked(|_, queue| queue.wake_first());
        }
    }

    /// How it stands now.
    pub fn stats(&self) -> LimitStats {
        let now = self.core.time.now();
        let stand = Stand {
            available: self.bucket.available(&self.core.rule, now.bucket),
            waiting: self.waiting.load(Ordering::Acquire) as u64,
            keys: 1,
            bytes: size_of::<Self>() as u64,
            ..Stand::default()
        };
        self.core.stats(now.clock, stand)
    }

    fn take_at_once(&self) -> Option<Pass> {
        if self.waiting.load(Ordering::Acquire) > 0 {
            return None;
        }
        let now = self.core.time.now();
        let receipt = self.bucket.take(&self.core.rule, now.bucket).ok()?;
        self.core.tally.allow(now.clock);
        Some(Pass(Some(receipt)))
    }

    fn locked<T>(&self, act: impl FnOnce(&Bucket, &mut Queue) -> T) -> T {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let done = act(&self.bucket, &mut queue);
        self.waiting.store(queue.len(), Ordering::Release);
        done
    }
}

impl Spot for Limiter {
    fn with<T>(&self, act: impl FnOnce(&Bucket, &mut Queue) -> T) -> Result<T, u64> {
        Ok(self.locked(act))
    }
}
