//! Loads instances from a store and saves their steps: what lies under the host, and serves those who drive
//! instances themselves.
//!
//! Loading runs no hook, fires nothing and evaluates no guard.

mod encode;
mod kept;
mod sealing;
mod snapshot;

pub use encode::Origin;
use encode::apply_changes;
pub(crate) use encode::{encode_rejection, encode_step};
pub(crate) use kept::address_prefix as history_prefix;
pub(crate) use sealing::data_now;
pub(crate) use snapshot::{Snapshot, address_prefix as snapshot_prefix};

use crate::clock::{Clock, SystemClock};
use crate::cx::{Cx, Ids, RandomIds};
use crate::error::{LoadError, NewerHost};
use crate::event::{DecodeError, Stored, UpcastContext};
use crate::fold::Fold;
use crate::history::History;
use crate::instance::{Instance, Step};
use crate::machine::{Machine, MachineEvent, UnknownState, active, is_personal};
use crate::personal::{KeyRing, Keys};
use crate::store::{Append, Kind, Outcome, Record, Revision, Store, StoreError, StreamId, Unit};
use crate::timers::Ledger;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Records that are read at once.
const PAGE_MAX: usize = 1_000;

/// Instances of one machine on a store.
pub struct Repository<M> {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) command_window: usize,
    pub(crate) keys: Option<Arc<Keys>>,
    machine: PhantomData<fn() -> M>,
}

/// An instance as of a revision.
pub struct Loaded<M: Machine> {
    /// State and data.
    pub instance: Instance<M>,
    pub(crate) fold: Fold,
    /// What was known of forgotten subjects when it was loaded.
    pub(crate) epoch: u64,
    timers_dropped: u32,
}

impl<M: Machine> Repository<M> {
    /// On the system's clock, with random ids, remembering 1,000 command ids of each instance.
    pub fn new(store: impl Store) -> Self {
        Self::with(Arc::new(store), Arc::new(SystemClock), Arc::new(RandomIds))
    }

    /// The same with clock and ids of the caller's.
    pub fn with(store: Arc<dyn Store>, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self { store, clock, ids, command_window: 1_000, keys: None, machine: PhantomData }
    }

    /// With the master keys of personal data. A machine that has none needs no key.
    #[must_use]
    pub fn personal_key(mut self, ring: KeyRing) -> Self {
        self.keys = Some(Arc::new(Keys::new(ring, Arc::clone(&self.store), Arc::clone(&self.clock))));
        self
    }

    /// What one of them has been through.
    pub fn history(&self, stream: &StreamId) -> History<M> {
        // Nobody fires at the past: command ids are not asked for there.
        History::new(Self { command_window: 0, ..self.clone() }, stream.clone())
    }

    /// The store below.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Address of an instance of this machine.
    pub fn stream(&self, tenant: &str, instance: &str) -> StreamId {
        StreamId::new(tenant, M::DEFINITION.machine, instance)
    }

    /// Loads an instance: the newest snapshot that fits, and the records behind it. An instance without records has
    /// not begun, and stands at revision 0.
    ///
    /// # Errors
    /// The store did not deliver, or a record cannot be read by this program.
    pub async fn load(&self, stream: &StreamId) -> Result<Loaded<M>, LoadError> {
        let fail = |source| LoadError::Store { stream: stream.clone(), source };
        let epoch = self.personal_epoch().await.map_err(fail)?;
        let mut loaded = self.newest_snapshot(stream).await.map_err(fail)?;
        if loaded.fold.head.revision > Revision(0) {
            // A snapshot is a cache. One that is ahead of the log is not this log's.
            let head = self.store.head(stream).await.map_err(fail)?;
            if head.revision < loaded.fold.head.revision {
                loaded = self.fresh(stream);
            }
        }
        self.catch_up(stream, &mut loaded).await?;
        loaded.epoch = epoch;
        Ok(loaded)
    }

    /// Reads what was recorded since. On an error the instance is to be loaded again.
    ///
    /// # Errors
    /// See [`load`](Self::load).
    pub async fn catch_up(&self, stream: &StreamId, loaded: &mut Loaded<M>) -> Result<(), LoadError> {
        let mut place = UpcastContext::new(&stream.tenant, &stream.machine, &stream.instance);
        loop {
            let after = loaded.fold.head.revision;
            let read = self.store.read(stream, after, PAGE_MAX).await;
            let (records, head) =
                read.map_err(|source| LoadError::Store { stream: stream.clone(), source })?;
            let mut seals = self.seals_of(stream, &records).await?;
            seals.enter(|| {
                records.iter().try_for_each(|record| {
                    place.move_to(record.revision.0, record.step.at);
                    loaded.apply(record, &mut place)
                })
            })?;
            if loaded.fold.head.revision >= head.revision || records.is_empty() {
                loaded.fold.head = head;
                return Ok(());
            }
        }
    }

    /// The instance as of a revision, from its records alone.
    pub(crate) async fn load_at(&self, stream: &StreamId, end: Revision) -> Result<Loaded<M>, LoadError> {
        let mut loaded = self.fresh(stream);
        self.advance(stream, &mut loaded, end).await?;
        Ok(loaded)
    }

    /// Reads on up to a revision. On an error the instance is to be thrown away.
    pub(crate) async fn advance(
        &self,
        stream: &StreamId,
        loaded: &mut Loaded<M>,
        end: Revision,
    ) -> Result<(), LoadError> {
        while loaded.revision() < end {
            let after = loaded.revision();
            let missing = usize::try_from(end.0 - after.0).unwrap_or(usize::MAX);
            let read = self.store.read(stream, after, missing.min(PAGE_MAX)).await;
            let (records, head) =
                read.map_err(|source| LoadError::Store { stream: stream.clone(), source })?;
            if records.is_empty() {
                let (expected, found) = (after.plus(1), head.revision);
                return Err(LoadError::Gap { stream: stream.clone(), expected, found });
            }
            let mut seals = self.seals_of(stream, &records).await?;
            seals.enter(|| {
                records.iter().try_for_each(|record| {
                    let mut place = UpcastContext::new(&stream.tenant, &stream.machine, &stream.instance)
                        .at(record.revision.0, record.step.at);
                    loaded.apply(record, &mut place)
                })
            })?;
        }
        Ok(())
    }

    /// One record.
    pub(crate) async fn record(&self, stream: &StreamId, revision: Revision) -> Result<Record, LoadError> {
        let before = Revision(revision.0.saturating_sub(1));
        let read = self.store.read(stream, before, 1).await;
        let (records, _) = read.map_err(|source| LoadError::Store { stream: stream.clone(), source })?;
        let missing = || LoadError::Gap { stream: stream.clone(), expected: revision, found: Revision(0) };
        records.into_iter().next().ok_or_else(missing)
    }

    /// Records consecutive steps of one instance behind the revision at which it was loaded: all or none. The
    /// instance has moved on with its [`fire`](Instance::fire); on anything but [`Outcome::Appended`] it is to be
    /// loaded again.
    ///
    /// # Errors
    /// An event or effect cannot be written as JSON; nothing was recorded.
    pub async fn save(
        &self,
        stream: &StreamId,
        loaded: &mut Loaded<M>,
        steps: Vec<(Step<M>, Origin)>,
    ) -> Result<Outcome, serde_json::Error> {
        let after = loaded.fold.head;
        let steps = match self.encode(loaded.instance.cx().clone(), steps).await? {
            Ok(steps) => steps,
            Err(source) => return Ok(Outcome::Refused(source)),
        };
        let noted: Vec<_> = steps.iter().map(|step| (Arc::clone(&step.command), step.at)).collect();
        let append = Append { stream: stream.clone(), after, steps };
        let mut outcomes = self.store.append(vec![append], Unit::Each).await;
        let outcome =
            outcomes.pop().unwrap_or(Outcome::Refused(StoreError::Empty { stream: stream.clone() }));
        if let Outcome::Appended(head) = outcome {
            for (place, (command, at)) in (1..).zip(noted) {
                loaded.fold.note(&command, after.revision.plus(place), at);
            }
            loaded.fold.head = head;
        }
        Ok(outcome)
    }

    pub(crate) fn fresh(&self, stream: &StreamId) -> Loaded<M> {
        Loaded::new(Instance::with(self.cx(stream)), Fold::new(self.command_window))
    }

    pub(crate) fn cx(&self, stream: &StreamId) -> Cx {
        Cx::new(stream.clone(), Arc::clone(&self.clock), Arc::clone(&self.ids))
    }
}

impl<M: Machine> Loaded<M> {
    pub(crate) fn new(instance: Instance<M>, fold: Fold) -> Self {
        Self { instance, fold, epoch: 0, timers_dropped: 0 }
    }

    /// Timers of the records read that were dropped, because the machine has their arms no more.
    pub fn timers_dropped(&self) -> u32 {
        self.timers_dropped
    }

    /// The number of its last record; 0 when it has none.
    pub fn revision(&self) -> Revision {
        self.fold.head.revision
    }

    /// The record that has a command id, among the last that are remembered.
    pub fn seen(&self, command: &str) -> Option<Revision> {
        self.fold.seen(command)
    }

    /// Takes a record over. On an error it is to be thrown away: half of the record may be in it.
    pub(crate) fn apply(&mut self, record: &Record, place: &mut UpcastContext) -> Result<(), LoadError> {
        let (stream, step) = (&record.stream, &record.step);
        let expected = self.fold.head.revision.plus(1);
        if record.revision != expected {
            return Err(LoadError::Gap { stream: stream.clone(), expected, found: record.revision });
        }
        match step.kind {
            Kind::Step => {
                let events = decode_events::<M>(record, place)?;
                let unknown = |state: String| unknown_state::<M>(record, state);
                let to = named_state::<M>(record, &step.to)?;
                let instance = &mut self.instance;
                catch_unwind(AssertUnwindSafe(|| instance.replay(&events, to)))
                    .map_err(|_| panicked(record))?;
                let (timers, histories) = (&step.body.timers, &step.body.histories);
                let dropped = apply_changes::<M>(self.instance.ledger_mut(), timers, histories);
                self.timers_dropped += dropped.map_err(unknown)?;
                end_timers::<M>(self.instance.ledger_mut(), to);
            }
            Kind::Rejection => {}
            Kind::Deleted | Kind::Erased => return Err(LoadError::Deleted { stream: stream.clone() }),
        }
        self.fold.head.revision = record.revision;
        self.fold.note(&step.command, record.revision, step.at);
        Ok(())
    }
}

/// Clears timers whose states are not active: a host that did not know them has left their states without a word.
fn end_timers<M: Machine>(ledger: &mut Ledger, to: M::State) {
    if ledger.timers.is_empty() {
        return;
    }
    let active = active::<M>(to);
    ledger.timers.clear(|timer| M::DEFINITION.source(timer).is_some_and(|node| !active.contains(node)));
}

/// A recorded state, its names migrated.
pub(crate) fn read_state<M: Machine>(text: &str) -> Result<M::State, UnknownState> {
    if M::DEFINITION.migrations.is_empty() {
        return text.parse();
    }
    let names: Vec<_> = text.split('+').map(|name| M::DEFINITION.migrated(name)).collect();
    names.join("+").parse()
}

/// A state that a record names.
pub(crate) fn named_state<M: Machine>(record: &Record, text: &str) -> Result<M::State, LoadError> {
    read_state::<M>(text).map_err(|_| unknown_state::<M>(record, text.to_owned()))
}

fn unknown_state<M: Machine>(record: &Record, state: String) -> LoadError {
    let (stream, revision) = (record.stream.clone(), record.revision);
    LoadError::UnknownState { stream, revision, state, newer: newer_host::<M>(record) }
}

/// The machine's own code panicked on the way through a record.
fn panicked(record: &Record) -> LoadError {
    LoadError::Panicked { stream: record.stream.clone(), revision: record.revision }
}

/// Who wrote a record, if that is a newer host.
fn newer_host<M: Machine>(record: &Record) -> Option<NewerHost> {
    let (there, here) = (record.step.body.envelope.machine_version, M::DEFINITION.version);
    (there > here).then_some(NewerHost { there, here })
}

/// The events of a record, in their newest versions. One that is listed no more may become none or many; what is
/// recorded keeps its place.
pub(crate) fn decode_events<M: Machine>(
    record: &Record,
    place: &mut UpcastContext,
) -> Result<Vec<M::Event>, LoadError> {
    // Upcasts are code of the machine's.
    match catch_unwind(AssertUnwindSafe(|| decode_each::<M>(record, place))) {
        Ok(Ok(events)) => Ok(events),
        Ok(Err(source)) => {
            let (stream, newer) = (record.stream.clone(), newer_host::<M>(record));
            Err(LoadError::Decode { stream, newer, source: Box::new(source) })
        }
        Err(_) => Err(panicked(record)),
    }
}

fn decode_each<M: Machine>(record: &Record, place: &mut UpcastContext) -> Result<Vec<M::Event>, DecodeError> {
    let recorded = &record.step.body.events;
    place.set_metadata(&record.step.body.envelope.metadata);
    let mut events = Vec::with_capacity(recorded.len());
    for (position, event) in (0..).zip(recorded) {
        place.set_event(position, event.version);
        let stored = Stored { name: &event.name, version: event.version, payload: event.payload.get() };
        if is_personal::<M>() {
            sealing::decode::<M>(&record.stream, &stored, place, &mut events)?;
        } else {
            M::Event::decode(&stored, place, &mut events)?;
        }
    }
    Ok(events)
}

/// On the same store.
impl<M> Clone for Repository<M> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
            command_window: self.command_window,
            keys: self.keys.clone(),
            machine: PhantomData,
        }
    }
}

impl<M: Machine> fmt::Debug for Loaded<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("instance", &self.instance)
            .field("revision", &self.revision())
            .finish_non_exhaustive()
    }
}
