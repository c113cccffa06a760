//! Runs many instances of one machine over a store: a queue for each instance, one append for what waits in it,
//! answers after the commit.
//!
//! The host decides nothing: generated code does. It knows no database.

pub(crate) mod agenda;
mod batch;
mod builder;
mod cache;
mod convoy;
mod count;
mod duty;
mod effects;
mod erased;
pub(crate) mod fleet;
#[cfg(feature = "metrics")]
mod gauges;
mod handle;
mod health;
mod hold;
mod instances;
mod joint;
mod limits;
mod personal;
mod quarantine;
mod quotas;
mod request;
mod round;
mod runner;
mod shadow;
mod snapshots;
mod tenancy;
mod tenant;
mod tenants;
mod timers;

pub use batch::{
    Batch, BatchCounts, BatchItem, BatchOptions, BatchOutcome, BatchReport, BatchRequest, BatchStream, Bound,
    Canceller, OnFailure, Retry, Skip,
};
pub use builder::HostBuilder;
pub use cache::Eviction;
pub(crate) use effects::effects_checkpoint;
pub use effects::{DeadLetter, DeadLetterError, DeadLetters, EffectOptions};
pub use handle::{Command, Handle, Tenant};
pub use health::{Health, Reason};
pub use instances::{Found, InstanceFilter, Instances, SnapshotError};
pub use limits::{Available, LimitReport};
pub use quarantine::{Quarantined, Unreadable};
pub use quotas::{QUOTA_COUNT_AGE_MAX, Quota, QuotaExceeded, QuotaKind};
pub use shadow::{Answer, Divergence, ShadowReport};
pub use tenancy::{TENANT_BYTES_MAX, Tenancy, TenancyError};
pub use tenants::{Operator, TenantHost};

use crate::error::{FireError, LoadError};
use crate::history::{MachineHistory, Transition};
use crate::machine::Machine;
use crate::observe::Observer;
use crate::repository::Repository;
use crate::store::{Revision, Store, StreamId};
use crate::subscription::{Start, Subscribe};
use crate::timers::Missed;
use cache::Cache;
use count::Count;
pub(crate) use duty::Ending;
use erased::Erased;
use fleet::Fleet;
use health::Pulse;
use limits::Limits;
use quarantine::Quarantine;
use quotas::Quotas;
use request::Request;
pub(crate) use round::Turned;
use shadow::Shadow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};

/// Many instances of one machine, durable. Clones are the same host.
pub struct Host<M: Machine>(Arc<Inner<M>>);

/// An accepted trigger.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fired<M: Machine> {
    /// The record; for a trigger that was ignored, the revision at which it was.
    pub revision: Revision,
    /// The state left.
    pub from: M::State,
    /// The state entered.
    pub to: M::State,
    /// What happened.
    pub events: Vec<M::Event>,
    /// The command id was known: this is the answer of the first time, and nothing was recorded now.
    pub duplicate: bool,
    /// The trigger was accepted, nothing happened and nothing was recorded.
    pub ignored: bool,
}

/// Bounds and times of a host; see the methods of [`HostBuilder`].
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) cache_max: usize,
    pub(crate) queue_max: usize,
    pub(crate) group_max: usize,
    pub(crate) in_flight_max: usize,
    pub(crate) loads_max: usize,
    pub(crate) conflict_retries: u32,
    pub(crate) snapshot_every: u64,
    pub(crate) history_every: u64,
    pub(crate) effects_max: usize,
    pub(crate) effect_attempts: u32,
    pub(crate) effect_timeout: Duration,
    pub(crate) grace: Duration,
    pub(crate) lease: Duration,
    pub(crate) missed: Missed,
    pub(crate) late_after: Duration,
    pub(crate) shadow_queue_max: usize,
    pub(crate) unreadable: Unreadable,
    /// Tenants that metrics tell apart; `None`: no tenant is told.
    #[cfg(feature = "metrics")]
    pub(crate) tenants_max: Option<usize>,
}

pub(crate) struct Inner<M: Machine> {
    pub(crate) repository: Repository<M>,
    pub(crate) options: Options,
    pub(crate) tenancy: Tenancy,
    pub(crate) cache: Cache<M>,
    pub(crate) fleet: Fleet,
    pub(crate) limits: Limits,
    pub(crate) in_flight: Arc<Semaphore>,
    pub(crate) loads: Semaphore,
    pub(crate) quarantine: Quarantine,
    pub(crate) erased: Erased,
    pub(crate) observer: Arc<Observer>,
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) quotas: Quotas,
    pub(crate) snapshots: mpsc::Sender<snapshots::Offer>,
    pub(crate) shadow: Option<Arc<Shadow<M>>>,
    /// Queues that are being worked off.
    pub(crate) running: Arc<Count>,
    pub(crate) closing: watch::Sender<bool>,
    /// Background tasks that must end before the host has.
    pub(crate) background: Arc<Count>,
}

impl<M: Machine> Host<M> {
    /// A host over a store.
    pub fn builder(store: impl Store) -> HostBuilder<M> {
        HostBuilder::new(Arc::new(store))
    }

    /// An instance without a tenant. It need not exist: it begins with its first accepted trigger.
    pub fn instance(&self, id: &str) -> Handle<M> {
        self.handle("", id)
    }

    /// The instances of a tenant.
    ///
    /// # Errors
    /// The host has no tenants, or none has such an id.
    pub fn tenant(&self, tenant: &str) -> Result<Tenant<M>, TenancyError> {
        self.0.tenancy.admit(tenant)?;
        Ok(Tenant::new(self.clone(), tenant))
    }

    /// Many triggers at many instances, fired as one batch.
    pub fn batch(&self, options: BatchOptions) -> Batch<M> {
        Batch::new(self.clone(), options, None)
    }

    /// What the instances without a tenant have been through. Over all tenants: [`Operator::history`].
    pub fn history(&self) -> MachineHistory<M> {
        MachineHistory::new(self.0.repository.clone(), Some(""))
    }

    /// What spans tenants: not to be handed to any of them.
    pub fn operator(&self) -> Operator<M> {
        Operator::new(self.clone())
    }

    /// The records of the instances without a tenant, as they come; those of all are the operator's
    /// ([`Operator::subscribe`]).
    pub fn subscribe(&self, start: Start) -> Subscribe<Transition<M>> {
        Subscribe::machine_of(&self.0.repository, Some(""), start)
    }

    /// The repository under the host, for reading.
    pub fn repository(&self) -> &Repository<M> {
        &self.0.repository
    }

    /// This host, among all that ever were.
    pub fn id(&self) -> &str {
        &self.0.fleet.id
    }

    /// Every limit as it stands: those of the block in their order, then those of
    /// [`HostBuilder::limit`]. It looks at every bucket.
    pub fn limits(&self) -> Vec<LimitReport> {
        self.0.limits.report()
    }

    /// Effects that failed for good: listed, done again or put away.
    pub fn dead_letters(&self) -> DeadLetters<M> {
        DeadLetters::new(self.clone())
    }

    /// Instances that cannot be read and are put aside, at most 1,024; none unless the host was built with
    /// [`Unreadable::Quarantine`].
    pub fn quarantined(&self) -> Vec<Quarantined> {
        self.0.quarantine.list()
    }

    /// Instances that are kept in memory now.
    pub fn cached(&self) -> usize {
        self.0.cache.len()
    }

    /// How the shadow's decisions stand to this host's until now; `None` for a host without one.
    pub fn shadow_report(&self) -> Option<ShadowReport> {
        self.0.shadow.as_ref().map(|shadow| shadow.report().clone())
    }

    /// Takes no more triggers, answers those that wait, lets running effects and the shadow finish for `grace` and
    /// writes what is pending. Nothing acknowledged depends on it: a host that is killed loses nothing either.
    pub async fn shutdown(&self) {
        self.0.closing.send_replace(true);
        self.0.running.quiet().await;
        if let Some(shadow) = &self.0.shadow {
            shadow.close();
        }
        let grace = self.0.repository.clock.sleep(self.0.options.grace);
        tokio::select! {
            () = self.0.background.quiet() => self.0.running.quiet().await,
            () = grace => tracing::warn!(machine = M::DEFINITION.machine, "effects or the shadow were still at work when the grace ended"),
        }
    }

    pub(crate) fn handle(&self, tenant: &str, id: &str) -> Handle<M> {
        Handle::new(self.clone(), self.0.repository.stream(tenant, id))
    }

    /// Whether an instance may be asked at all. What the host asks itself is asked of instances that there are.
    fn admit_tenant(&self, stream: &StreamId, reserved: bool) -> Result<(), FireError> {
        if !reserved {
            self.0.tenancy.admit_any(&stream.tenant)?;
        }
        if self.0.erased.holds(&stream.tenant) {
            return Err(FireError::Load(Arc::new(LoadError::TenantErased { stream: stream.clone() })));
        }
        Ok(())
    }

    pub(crate) fn enqueue(&self, stream: &StreamId, request: Request<M>) -> Result<(), FireError> {
        let reserved = request.reserved;
        self.enqueue_all(stream, [request], reserved)
    }

    /// All or none. What is reserved is taken while the host shuts down and however long the queue is.
    fn enqueue_all(
        &self,
        stream: &StreamId,
        requests: impl IntoIterator<Item = Request<M>, IntoIter: ExactSizeIterator>,
        reserved: bool,
    ) -> Result<(), FireError> {
        if *self.0.closing.borrow() && !reserved {
            return Err(FireError::Closed);
        }
        self.admit_tenant(stream, reserved)?;
        let inner = &self.0;
        let queue_max = if reserved { usize::MAX } else { inner.options.queue_max };
        let queued = inner.observer.start();
        let requests = requests.into_iter().map(|request| Request { queued, ..request });
        if let Some(slot) = inner.cache.enqueue(stream, requests, queue_max)? {
            inner.running.enter();
            let (inner, stream) = (Arc::clone(inner), stream.clone());
            tokio::spawn(async move {
                runner::run(&inner, &stream, &slot).await;
                let running = Arc::clone(&inner.running);
                // Whoever waits for quiet may open the store again: nothing may hold it any more.
                drop((inner, slot));
                running.leave();
            });
        }
        Ok(())
    }
}

impl<M: Machine> Clone for Host<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: Machine> fmt::Debug for Host<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("machine", &M::DEFINITION.machine)
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}
