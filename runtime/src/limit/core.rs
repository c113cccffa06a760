//! What limiters with one bucket and with many have in common: the limit, its time, its counts.

use super::bucket::{Bucket, Pass, Receipt, Rule};
use super::keyed::Key;
use super::tally::{LimitStats, Stand, Tally};
use super::time::{TICKS_PER_NANO, Time};
use super::{Exceeded, LimitError, RateLimit, Refusal};
use crate::clock::Clock;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Core {
    pub(super) limit: RateLimit,
    pub(super) rule: Rule,
    pub(super) time: Time,
    pub(super) tally: Tally,
}

impl Core {
    pub(super) fn new(limit: RateLimit, clock: Arc<dyn Clock>) -> Result<Self, LimitError> {
        let rule = Rule::new(&limit)?;
        let time = Time::new(clock, limit.shared);
        let tally = Tally::new(time.now().clock);
        Ok(Self { limit, rule, time, tally })
    }

    pub(super) fn clock_now(&self) -> Duration {
        Duration::from_nanos(self.time.now().clock / TICKS_PER_NANO)
    }

    /// `ahead`: how many wait already.
    pub(super) fn exceeded(&self, bucket: &Bucket, ahead: usize) -> Exceeded {
        let now = self.time.now().bucket;
        let due = bucket.due(&self.rule, now, ahead.saturating_add(1));
        self.exceeded_by(bucket.available(&self.rule, now), due)
    }

    /// There is no room for another bucket.
    pub(super) fn crowded(&self, ticks: u64) -> Exceeded {
        self.tally.crowd();
        tracing::warn!(
            limit = &*self.limit.name,
            "no bucket is full and there is no room for another: raise `keys_max`"
        );
        self.exceeded_by(0, ticks)
    }

    fn exceeded_by(&self, available: u32, ticks: u64) -> Exceeded {
        Exceeded {
            limit: Arc::clone(&self.limit.name),
            available,
            required: self.limit.cost,
            retry_after: self.time.lasts(ticks),
        }
    }

    /// Counts what came of a trigger, and tells who wants to know.
    pub(super) fn settle(
        &self,
        taken: Result<Receipt, Exceeded>,
        who: (Key<'_>, &str),
    ) -> Result<Pass, Exceeded> {
        match taken {
            Ok(receipt) => {
                self.tally.allow(self.time.now().clock);
                Ok(Pass(Some(receipt)))
            }
            Err(exceeded) => Err(self.refuse(exceeded, who)),
        }
    }

    pub(super) fn refuse(&self, exceeded: Exceeded, who: (Key<'_>, &str)) -> Exceeded {
        self.tally.reject();
        if self.limit.on_exceeded.is_there() {
            let (key, trigger) = who;
            let (tenant, instance) = (key.tenant.into(), key.instance.into());
            let refusal = Refusal { trigger: trigger.into(), tenant, instance, exceeded: exceeded.clone() };
            self.limit.on_exceeded.tell(&refusal, "on_exceeded");
        }
        exceeded
    }

    pub(super) fn stats(&self, now: u64, stand: Stand) -> LimitStats {
        let stats = self.tally.stats(now, (self.limit.burst, self.limit.cost), stand);
        LimitStats { hosts: self.time.hosts(), ..stats }
    }
}
