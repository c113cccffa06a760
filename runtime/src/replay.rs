//! Recorded instances held against the code of today: would it still read them, and decide as it did?
//!
//! A trigger's payload is not recorded. So a step is decided again where its trigger has none, on the data of that
//! moment and at its recorded time; so are timers. Of a trigger with a payload it is asked whether some run of today's
//! graph leads from the recorded state to the recorded one, guards and patterns taken as possible. Effects, payloads of
//! events and timers that are set are not compared. Nothing is recorded, no effect is run.

mod finding;
mod report;
mod side_by_side;
mod trial;
mod walk;

pub use finding::{Decided, Finding, Today, Verdict};
pub use report::Report;

use crate::clock::FakeClock;
use crate::cx::Ids;
use crate::machine::Machine;
use crate::repository::Repository;
use crate::store::{Store, StoreError, StreamId};
use jiff::Timestamp;
use side_by_side::SideBySide;
use std::fmt;
use std::sync::Arc;
use tokio::runtime::Handle;
use uuid::Uuid;
use walk::Walk;

/// Instances that are replayed side by side.
const SIDE_BY_SIDE_MAX: usize = 16;

/// Which instances are looked at. The same ones at every run: a hash of the address chooses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Sample {
    /// Every instance.
    #[default]
    All,
    /// About one in this many; 0 and 1 mean every one.
    OneIn(u64),
}

/// Replays the instances of one machine on a store.
#[must_use = "a check does nothing until it is run"]
pub struct ReplayCheck<M: Machine> {
    repository: Arc<Repository<M>>,
    sample: Sample,
    tenant: Option<Box<str>>,
    wanted: Box<dyn Fn(&StreamId) -> bool + Send + Sync>,
}

impl<M: Machine> ReplayCheck<M> {
    /// Every instance on a store.
    pub fn new(store: impl Store) -> Self {
        let mut repository =
            Repository::with(Arc::new(store), Arc::new(FakeClock::default()), Arc::new(Still));
        // Command ids decide nothing here.
        repository.command_window = 0;
        let repository = Arc::new(repository);
        Self { repository, sample: Sample::All, tenant: None, wanted: Box::new(|_| true) }
    }

    /// Some instances, or all.
    pub fn sample(mut self, sample: Sample) -> Self {
        self.sample = sample;
        self
    }

    /// The instances of one tenant; empty: those without.
    pub fn tenant(mut self, tenant: &str) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Instances with such addresses, of those that the sample and the tenant leave.
    pub fn instances(mut self, wanted: impl Fn(&StreamId) -> bool + Send + Sync + 'static) -> Self {
        self.wanted = Box::new(wanted);
        self
    }

    /// Checks instance by instance, by shard and address. `on_progress` sees the report as it grows, once for each
    /// instance.
    ///
    /// # Errors
    /// The store does not deliver. What an instance holds is a finding, never an error.
    pub async fn run(&self, mut on_progress: impl FnMut(&Report)) -> Result<Report, StoreError> {
        let mut report = Report::new(M::DEFINITION);
        let mut findings = self.findings();
        while let Some(finding) = findings.next().await? {
            report.add(finding);
            on_progress(&report);
        }
        Ok(report)
    }

    /// The same as findings that are handed out as they are made, one for each instance.
    pub fn findings(&self) -> Findings<'_, M> {
        Findings { check: self, walk: Walk::new(self.repository.store()), trials: SideBySide::default() }
    }

    fn wants(&self, stream: &StreamId) -> bool {
        *stream.machine == *M::DEFINITION.machine
            && self.tenant.as_ref().is_none_or(|tenant| **tenant == *stream.tenant)
            && self.sample.holds(stream)
            && (self.wanted)(stream)
    }
}

impl Sample {
    fn holds(self, stream: &StreamId) -> bool {
        match self {
            Self::All => true,
            Self::OneIn(n) => stream.sampling_hash().is_multiple_of(n.max(1)),
        }
    }
}

/// Findings in the making; see [`ReplayCheck::findings`].
pub struct Findings<'a, M: Machine> {
    check: &'a ReplayCheck<M>,
    walk: Walk<'a>,
    trials: SideBySide<Result<Option<Finding>, StoreError>>,
}

impl<M: Machine> Findings<'_, M> {
    /// The next one; `None` behind the last. Instances that were deleted have none.
    ///
    /// # Errors
    /// See [`ReplayCheck::run`].
    pub async fn next(&mut self) -> Result<Option<Finding>, StoreError> {
        // Without a runtime they are looked at one after the other.
        let runtime = Handle::try_current().ok();
        loop {
            while self.trials.len() < SIDE_BY_SIDE_MAX
                && let Some(stream) = self.walk.next(|stream| self.check.wants(stream)).await?
            {
                let trial = trial::run(Arc::clone(&self.check.repository), stream);
                match &runtime {
                    Some(runtime) => self.trials.begin(runtime, trial),
                    None => match trial.await? {
                        None => {}
                        found => return Ok(found),
                    },
                }
            }
            match self.trials.next().await {
                Some(Ok(None)) => {}
                Some(ended) => return ended,
                None => return Ok(None),
            }
        }
    }
}

impl<M: Machine> fmt::Debug for ReplayCheck<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayCheck")
            .field("machine", &M::DEFINITION.machine)
            .field("sample", &self.sample)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

impl<M: Machine> fmt::Debug for Findings<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Findings").field(self.check).finish()
    }
}

/// The same id for the same time, so that a check says the same each time.
struct Still;

impl Ids for Still {
    fn new_id(&self, now: Timestamp) -> Uuid {
        let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
    }
}
