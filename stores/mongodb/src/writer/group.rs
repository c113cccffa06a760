//! Carries out a group of appends: as one transaction, tried again as long as that may help, and cut in two when
//! something in it fails for good.
//!
//! It does not decide what waits together; see [`super`].

use super::plan::{Plan, Wish, needs};
use super::transaction::{Failed, Progress, Transaction, clear};
use crate::error::again;
use crate::link::Link;
use crate::statistics::Counts;
use backon::{BackoffBuilder, ExponentialBuilder};
use mongodb::ClientSession;
use statewright::store::{Outcome, StoreError, Unit};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::time::Duration;
use tokio::time::Instant;

/// What groups are carried out with.
pub(super) struct Desk {
    pub(super) link: Link,
    pub(super) counts: std::sync::Arc<Counts>,
    pub(super) wake: crate::wake::Wake,
}

impl Desk {
    /// One outcome for each wish.
    pub(super) async fn carry_out(&self, wishes: &mut [Wish], unit: Unit) -> Vec<Outcome> {
        let deadline = Instant::now() + self.link.timeout;
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(wishes.len());
        let mut parts = Vec::<Range<usize>>::new();
        parts.push(0..wishes.len());
        // The part on top is always the next in order.
        while let Some(part) = parts.pop() {
            let Some(group) = wishes.get_mut(part.clone()) else { continue };
            match self.until(group, unit, deadline).await {
                Ok(told) => outcomes.extend(told),
                Err(Failed::Other(error)) if unit == Unit::Each && part.len() > 1 => {
                    tracing::warn!(store = %self.link.name, appends = part.len(), %error, "a group failed and is cut in two");
                    self.counts.bisections.add(1);
                    let middle = part.start + part.len() / 2;
                    parts.extend([middle..part.end, part.start..middle]);
                }
                Err(failed) => outcomes.extend(part.map(|_| failed.outcome())),
            }
        }
        self.count(&outcomes);
        outcomes
    }

    /// Tries again what was not carried out, until it is, it cannot be, or the time is over.
    async fn until(
        &self,
        wishes: &mut [Wish],
        unit: Unit,
        deadline: Instant,
    ) -> Result<Vec<Outcome>, Failed> {
        let mut delays = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(2))
            .with_max_delay(Duration::from_millis(100))
            .without_max_times()
            .with_jitter()
            .build();
        let mut session = self.session(deadline).await?;
        let mut lost = None;
        let failed = loop {
            let failure = match self.once(&mut session, (&mut *wishes, unit), deadline).await {
                Ok(outcomes) => return Ok(outcomes),
                Err(Failed::Lost(error)) => {
                    self.counts.lost_commits.add(1);
                    wishes.iter_mut().for_each(Wish::lose);
                    lost = Some(again(&error));
                    error
                }
                Err(Failed::Transient(error)) => error,
                Err(Failed::Other(error)) => break lost.map_or(Failed::Other(error), Failed::Lost),
            };
            let delay = delays.next().unwrap_or_default();
            if Instant::now() + delay >= deadline {
                break lost.map_or(Failed::Transient(failure), Failed::Lost);
            }
            self.counts.retries.add(1);
            tokio::time::sleep(delay).await;
        };
        if !matches!(failed, Failed::Other(_)) {
            // Nobody is kept waiting for that; the writer goes on in another session.
            tokio::spawn(clear(self.link.clone(), session));
        }
        Err(failed)
    }

    async fn session(&self, deadline: Instant) -> Result<ClientSession, Failed> {
        let session = tokio::time::timeout_at(deadline, self.link.session()).await;
        let session = session.map_err(|_| Failed::Transient(self.link.late("begin a session")))?;
        session.map_err(|error| Failed::Transient(self.link.failed("begin a session", &error)))
    }

    async fn once(
        &self,
        session: &mut ClientSession,
        (wishes, unit): (&mut [Wish], Unit),
        deadline: Instant,
    ) -> Result<Vec<Outcome>, Failed> {
        let mut progress = Progress::default();
        let transact = self.transact(session, (wishes, unit), &mut progress);
        match tokio::time::timeout_at(deadline, transact).await {
            Ok(done) => done,
            Err(_) if progress.committing => Err(Failed::Lost(self.link.late("commit"))),
            Err(_) => Err(Failed::Transient(self.link.late("append"))),
        }
    }

    async fn transact(
        &self,
        session: &mut ClientSession,
        (wishes, unit): (&mut [Wish], Unit),
        progress: &mut Progress,
    ) -> Result<Vec<Outcome>, Failed> {
        let raised = needs(wishes);
        let mut transaction = Transaction::begin(&self.link, session).await?;
        let counters = transaction.raise(&raised).await?;
        let ends = transaction.ends(wishes).await?;
        let doubtful = wishes.iter().filter_map(Wish::doubtful).collect();
        let there: HashMap<_, _> =
            transaction.rows(doubtful).await?.into_iter().map(|row| (row.key.clone(), row)).collect();
        let plan = Plan::of(wishes, unit, ends, &there);
        let surplus = plan.place(wishes, &raised, &counters);
        if !surplus.is_empty() {
            transaction.add(&surplus).await?;
        }
        transaction.insert(&plan, wishes).await?;
        // Also when there is nothing to insert: what was found must be there for good before it is told.
        progress.committing = true;
        transaction.commit().await?;
        self.counts.transactions.add(1);
        self.tell(&counters, &surplus);
        Ok(plan.outcomes(wishes))
    }

    fn tell(&self, counters: &BTreeMap<i32, i64>, surplus: &BTreeMap<i32, i64>) {
        for (shard, position) in counters {
            self.wake.reached(*shard, position + surplus.get(shard).unwrap_or(&0));
        }
    }

    fn count(&self, outcomes: &[Outcome]) {
        let count = |which: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| which(outcome)).count();
        self.counts.appends.add(count(|outcome| matches!(outcome, Outcome::Appended(_))));
        self.counts.conflicts.add(count(|outcome| matches!(outcome, Outcome::Conflict(_) | Outcome::Gone)));
    }
}

impl Failed {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Lost(error) => Outcome::Unknown(again(error)),
            Self::Transient(error) | Self::Other(error) => Outcome::Refused(again(error)),
        }
    }
}

/// A wish that waited too long to be begun.
pub(super) fn overdue(link: &Link) -> StoreError {
    link.late("begin an append that waited for others")
}
