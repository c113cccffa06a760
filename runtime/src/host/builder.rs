//! How a host is made.

use super::effects::{self, Bound, EffectOptions, Handlers, Means, Ways};
use super::erased::Erased;
use super::health::Pulse;
use super::limits::Limits;
use super::quarantine::Quarantine;
use super::quotas::{Quota, Quotas};
use super::shadow::{self, Judge, Second, Shadow};
use super::{Cache, Fleet, Host, Inner, Options, Tenancy, Unreadable, fleet, snapshots, timers};
use crate::clock::{Clock, SystemClock};
use crate::cx::{Ids, RandomIds};
use crate::definition::LimitScope;
use crate::effect::HandledBy;
use crate::error::BuildError;
use crate::limit::RateLimit;
use crate::machine::{Machine, MachineEffect as _, MachineEvent as _, is_personal};
use crate::observe::Observer;
use crate::personal::KeyRing;
use crate::repository::Repository;
use crate::store::Store;
use crate::timers::Missed;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};

/// Cells that wait to be written; a snapshot that finds no room is left out, the next one comes.
const SNAPSHOTS_MAX: usize = 1_024;

/// Builds a [`Host`], or a [`TenantHost`](super::TenantHost).
#[must_use = "a builder does nothing until it is built"]
pub struct HostBuilder<M: Machine, B = Host<M>> {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    options: Options,
    command_window: usize,
    handlers: Option<Arc<dyn Handlers<M>>>,
    effect_options: Vec<(Box<str>, EffectOptions)>,
    effects_elsewhere: bool,
    shadow: Option<MakeJudge<M>>,
    limits: Vec<(LimitScope, RateLimit)>,
    quota: Option<Quota>,
    quotas: BTreeMap<Arc<str>, Quota>,
    tenancy: Tenancy,
    /// What it builds has no way in but by a tenant.
    only_tenants: bool,
    host: PhantomData<fn() -> B>,
    personal_key: Option<KeyRing>,
}

/// Makes a shadow over the host's store, clock and ids.
type MakeJudge<M> = Box<dyn FnOnce(&Repository<M>) -> Box<dyn Judge<M>> + Send>;

impl<M: Machine, B> HostBuilder<M, B> {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        let options = Options {
            cache_max: 10_000,
            queue_max: 1_024,
            group_max: 64,
            in_flight_max: 65_536,
            loads_max: 64,
            conflict_retries: 8,
            snapshot_every: 100,
            history_every: 0,
            effects_max: 64,
            effect_attempts: 8,
            effect_timeout: Duration::from_secs(30),
            grace: Duration::from_secs(10),
            lease: Duration::from_secs(10),
            missed: Missed::FireOnce,
            late_after: Duration::from_mins(1),
            shadow_queue_max: 1_024,
            unreadable: Unreadable::Stop,
            #[cfg(feature = "metrics")]
            tenants_max: None,
        };
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(RandomIds));
        let (handlers, shadow) = (None, None);
        Self {
            store,
            clock,
            ids,
            options,
            command_window: 1_000,
            handlers,
            effect_options: Vec::new(),
            effects_elsewhere: false,
            shadow,
            limits: Vec::new(),
            quota: None,
            quotas: BTreeMap::new(),
            tenancy: Tenancy::default(),
            only_tenants: false,
            host: PhantomData,
            personal_key: None,
        }
    }

    pub(super) fn requiring_tenants(mut self) -> Self {
        (self.tenancy, self.only_tenants) = (Tenancy::Required, true);
        self
    }

    /// Whether instances belong to tenants: [`Tenancy::Optional`] unless said otherwise. [`Tenancy::Required`] is that of a
    /// host that begins with [`TenantHost::builder`](super::TenantHost::builder), and of no other.
    pub fn tenancy(mut self, tenancy: Tenancy) -> Self {
        self.tenancy = tenancy;
        self
    }

    /// The master keys that wrap the keys of personal data. A machine without personal data needs none.
    pub fn personal_key(mut self, ring: KeyRing) -> Self {
        self.personal_key = Some(ring);
        self
    }

    /// Who does the machine's effects.
    pub fn effects<H: Send + Sync + 'static>(mut self, handlers: H) -> Self
    where
        M: HandledBy<H>,
    {
        self.handlers = Some(Arc::new(Bound(handlers)));
        self
    }

    /// Effects are recorded, and another host on the same store does them.
    pub fn effects_elsewhere(mut self) -> Self {
        self.effects_elsewhere = true;
        self
    }

    /// Decides every trigger a second time with the code of another machine, on copies read from the same records, and
    /// counts where the two part: see [`Host::shadow_report`]. Nothing of it is recorded, no effect of it is run, and no
    /// caller waits for it. `map` makes the other machine's trigger; `None` for one that it does not have.
    ///
    /// Each trigger costs the shadow a replay of its instance. An event that holds an id of [`Cx::new_id`](crate::Cx::new_id)
    /// is never the same twice.
    pub fn shadow<N: Machine>(
        mut self,
        map: impl Fn(&M::Trigger) -> Option<N::Trigger> + Send + Sync + 'static,
    ) -> Self {
        self.shadow = Some(Box::new(|of| {
            let (store, clock, ids) = (Arc::clone(&of.store), Arc::clone(&of.clock), Arc::clone(&of.ids));
            let mut repository = Repository::<N>::with(store, clock, ids);
            // Command ids decide nothing here.
            repository.command_window = 0;
            repository.keys.clone_from(&of.keys);
            Box::new(Second { repository, map })
        }));
        self
    }

    /// Triggers that may wait for the shadow, 1,024 unless said otherwise; one more is dropped and counted.
    pub fn shadow_queue_max(mut self, triggers: usize) -> Self {
        self.options.shadow_queue_max = triggers;
        self
    }

    /// Limits the triggers of callers, besides what the machine's block says. Several limits hold together: a trigger takes
    /// its tokens from each that counts it, and none when one refuses.
    pub fn limit(mut self, scope: LimitScope, limit: RateLimit) -> Self {
        self.limits.push((scope, limit));
        self
    }

    /// How much each tenant may have and do that has no quota of its own. Said again, the last counts.
    pub fn quota(mut self, quota: Quota) -> Self {
        self.quota = Some(quota);
        self
    }

    /// How much one tenant may have and do, in place of what all may.
    pub fn quota_of(mut self, tenant: &str, quota: Quota) -> Self {
        self.quotas.insert(tenant.into(), quota);
        self
    }

    /// What tells the time. The system's clock unless said otherwise.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// What makes ids. UUIDs of version 7 unless said otherwise.
    pub fn ids(mut self, ids: impl Ids) -> Self {
        self.ids = Arc::new(ids);
        self
    }

    /// Idle instances kept in memory, 10,000 unless said otherwise; the least recently used leaves first.
    pub fn cache_max(mut self, instances: usize) -> Self {
        self.options.cache_max = instances;
        self
    }

    /// Requests that may wait for one instance, 1,024 unless said otherwise; one more is answered `Busy`.
    pub fn queue_max(mut self, requests: usize) -> Self {
        self.options.queue_max = requests;
        self
    }

    /// Requests of one instance that become one append, 64 unless said otherwise.
    pub fn group_max(mut self, requests: usize) -> Self {
        self.options.group_max = requests;
        self
    }

    /// Requests in the whole host, 65,536 unless said otherwise; one more is answered `Busy`.
    pub fn in_flight_max(mut self, requests: usize) -> Self {
        self.options.in_flight_max = requests;
        self
    }

    /// Instances that are loaded at once, 64 unless said otherwise; others wait.
    pub fn loads_max(mut self, loads: usize) -> Self {
        self.options.loads_max = loads;
        self
    }

    /// How often a group is decided anew because another host was faster, 8 unless said otherwise.
    pub fn conflict_retries(mut self, retries: u32) -> Self {
        self.options.conflict_retries = retries;
        self
    }

    /// Records before the first snapshot of an instance, 100 unless said otherwise. The distances double until they are
    /// as long as the command window, which every snapshot holds.
    pub fn snapshot_every(mut self, records: u64) -> Self {
        self.options.snapshot_every = records;
        self
    }

    /// A history snapshot is written about every this many records of an instance, and kept for good: what
    /// [`History::data_at`](crate::history::History::data_at) begins with. 0, and so unless said otherwise: none is. Each is
    /// a cell with the instance's data.
    pub fn history_every(mut self, records: u64) -> Self {
        self.options.history_every = records;
        self
    }

    /// Command ids remembered of each instance, 1,000 unless said otherwise.
    pub fn command_window(mut self, commands: usize) -> Self {
        self.command_window = commands;
        self
    }

    /// Effects that run at once, 64 unless said otherwise.
    pub fn effects_max(mut self, effects: usize) -> Self {
        self.options.effects_max = effects;
        self
    }

    /// How often an effect is tried before it becomes a dead letter, 8 unless said otherwise.
    pub fn effect_attempts(mut self, attempts: u32) -> Self {
        self.options.effect_attempts = attempts;
        self
    }

    /// How long the handler of an effect may take, 30 s unless said otherwise. One that takes longer is dropped where it
    /// waits, and has failed in a way that may pass.
    pub fn effect_timeout(mut self, time: Duration) -> Self {
        self.options.effect_timeout = time;
        self
    }

    /// What holds for the effects of this name in place of what holds for all; said twice, the last one holds.
    pub fn effect(mut self, name: &str, options: EffectOptions) -> Self {
        self.effect_options.push((name.into(), options));
        self
    }

    /// What becomes of an instance whose records cannot be read, [`Unreadable::Stop`] unless said otherwise. Either way it
    /// is not served, and every other is.
    pub fn unreadable(mut self, policy: Unreadable) -> Self {
        self.options.unreadable = policy;
        self
    }

    /// How long [`Host::shutdown`] waits for running effects, 10 s unless said otherwise.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.options.grace = grace;
        self
    }

    /// Metrics of steps, loads and appends tell the tenant, for the `tenants_max` tenants that come first; all others share
    /// the label `(others)`. No tenant is told unless said otherwise: a collector keeps a series for every value of a label,
    /// and tenants come and go.
    #[cfg(feature = "metrics")]
    pub fn metrics_by_tenant(mut self, tenants_max: usize) -> Self {
        self.options.tenants_max = Some(tenants_max);
        self
    }

    /// What is done about turns of a repeating timer that nobody ran in time, [`Missed::FireOnce`] unless said otherwise.
    pub fn missed(mut self, policy: Missed) -> Self {
        self.options.missed = policy;
        self
    }

    /// How long a shard stays with a host that does not say that it lives, 10 s unless said otherwise; it says so every
    /// three tenths of that. Timers and effects of a host that died are late by at most twice that. All hosts of a machine
    /// are to agree on it.
    pub fn lease(mut self, time: Duration) -> Self {
        self.options.lease = time;
        self
    }

    /// How late timers or effects may be before [`Host::health`] says so, a minute unless said otherwise.
    pub fn late_after(mut self, time: Duration) -> Self {
        self.options.late_after = time;
        self
    }

    /// Starts the host. It reads from the log which effects are still to be done.
    ///
    /// # Errors
    /// The machine has effects that nobody does, or not one that there are options for, a bound is zero, the tenancy is
    /// another host's, or there is no tokio runtime.
    pub async fn build(self) -> Result<B, BuildError>
    where
        B: From<Host<M>>,
    {
        self.build_host().await.map(B::from)
    }

    async fn build_host(self) -> Result<Host<M>, BuildError> {
        self.check()?;
        tokio::runtime::Handle::try_current().map_err(BuildError::NoRuntime)?;
        let common = (self.options.effect_timeout, self.options.effect_attempts);
        let ways = Ways::new::<M>(common, self.effect_options)?;
        let Self {
            store,
            clock,
            ids,
            mut options,
            command_window,
            handlers,
            shadow,
            limits,
            tenancy,
            quota,
            quotas,
            ..
        } = self;
        let observer = Arc::new(Observer::new(M::DEFINITION.machine, &clock, &options));
        let limits = Limits::new::<M>(limits, &clock, &observer)?;
        let personal_key = self.personal_key;
        let quotas = Quotas::new(quota, quotas, (&store, &clock))?;
        options.group_max = options.group_max.min(store.limits().steps_max);
        let (sender, receiver) = mpsc::channel(SNAPSHOTS_MAX);
        let mut repository = Repository::with(store, clock, ids);
        repository.command_window = command_window;
        if let Some(ring) = personal_key {
            repository = repository.personal_key(ring);
        }
        if let Some(keys) = repository.keys.as_ref().filter(|_| is_personal::<M>()) {
            keys.refresh().await?;
        }
        let judge = shadow.map(|make| (make(&repository), Shadow::new(options.shadow_queue_max)));
        let pulse = Arc::new(Pulse::new(&repository.clock));
        let id = repository.ids.new_id(repository.clock.now()).to_string();
        let inner = Arc::new(Inner {
            repository,
            fleet: Fleet { id: id.into() },
            limits,
            shadow: judge.as_ref().map(|(_, (shadow, _))| Arc::clone(shadow)),
            cache: Cache::new(options.cache_max),
            in_flight: Arc::new(Semaphore::new(options.in_flight_max.min(Semaphore::MAX_PERMITS))),
            loads: Semaphore::new(options.loads_max.min(Semaphore::MAX_PERMITS)),
            quarantine: Quarantine::new(options.unreadable),
            erased: Erased::default(),
            observer,
            pulse,
            quotas,
            options,
            tenancy,
            snapshots: sender,
            running: Arc::default(),
            closing: watch::Sender::new(false),
            background: Arc::default(),
        });
        snapshots::start(&inner, receiver);
        #[cfg(feature = "metrics")]
        super::gauges::start(&inner);
        if let Some((judge, ends)) = judge {
            shadow::start(&inner, judge, ends);
        }
        let host = Host(inner);
        start_duties(&host, handlers, ways).await;
        Ok(host)
    }

    fn check(&self) -> Result<(), BuildError> {
        let machine = M::DEFINITION.machine;
        if !M::DEFINITION.effects.is_empty() && self.handlers.is_none() && !self.effects_elsewhere {
            return Err(BuildError::NoHandlers { machine });
        }
        if self.only_tenants != (self.tenancy == Tenancy::Required) {
            return Err(BuildError::Tenancy { tenancy: self.tenancy });
        }
        if let (Some((name, field)), None) = (M::Event::PERSONAL.or(M::Effect::PERSONAL), &self.personal_key)
        {
            return Err(BuildError::NoPersonalKey { machine, name, field });
        }
        let options = &self.options;
        let bounds = [
            ("cache_max", options.cache_max),
            ("queue_max", options.queue_max),
            ("group_max", options.group_max),
            ("in_flight_max", options.in_flight_max),
            ("loads_max", options.loads_max),
            ("effects_max", options.effects_max),
            ("shadow_queue_max", options.shadow_queue_max),
            ("effect_attempts", options.effect_attempts as usize),
            ("snapshot_every", usize::from(options.snapshot_every > 0)),
            ("effect_timeout", usize::from(!options.effect_timeout.is_zero())),
            ("lease", usize::from(!options.lease.is_zero())),
        ];
        match bounds.into_iter().find(|(_, bound)| *bound == 0) {
            Some((option, _)) => Err(BuildError::Zero { option }),
            None => Ok(()),
        }
    }
}

/// Begins with what the host does by itself, in the shards that it has.
async fn start_duties<M: Machine>(host: &Host<M>, handlers: Option<Arc<dyn Handlers<M>>>, ways: Ways) {
    let mut duties = Vec::new();
    if M::DEFINITION.has_timers() {
        duties.push(timers::duty(host));
    }
    if let Some(handlers) = handlers.filter(|_| !M::DEFINITION.effects.is_empty()) {
        duties.push(effects::duty(host, Means::new(handlers, ways, host.0.options.effects_max)));
    }
    if !duties.is_empty() || host.0.limits.are_shared() {
        fleet::start(&host.0, duties).await;
    }
}

impl<M: Machine, B> fmt::Debug for HostBuilder<M, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostBuilder")
            .field("machine", &M::DEFINITION.machine)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
