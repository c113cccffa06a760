//! Records as they come: everything that was recorded, then what is recorded next, over a whole store, one machine, one
//! tenant or one instance.
//!
//! A subscription asks for its next record when it wants it: one that is slow falls behind, and no writer waits for it. It
//! records nothing and keeps at most one page of records. What a record means is the subscriber's.

mod checkpoint;
mod consumer;
mod error;
mod item;
mod keeper;
mod lane;
mod position;
mod reader;

pub(crate) use checkpoint::is_of;
pub use consumer::{Consumer, Named};
pub use error::SubscriptionError;
pub use item::Item;
pub use lane::PAGE_MAX;
pub use position::{NoPosition, Position};

use crate::clock::{Clock, SystemClock};
use crate::cx::{Ids, RandomIds};
use crate::history::Transition;
use crate::machine::Machine;
use crate::personal::Opener;
use crate::repository::Repository;
use crate::store::{Cursor, Record, Revision, Shard, Store, StoreError, StreamId};
use lane::Lane;
use reader::{Reader, Turn};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// Where a subscription begins.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Start<P = Position> {
    /// With the first record there is.
    #[default]
    Beginning,
    /// With what is recorded from now on.
    Now,
    /// Behind a place where another one has stood.
    Behind(P),
}

impl<P> Start<P> {
    fn map<Q>(self, behind: impl FnOnce(P) -> Q) -> Start<Q> {
        match self {
            Self::Beginning => Start::Beginning,
            Self::Now => Start::Now,
            Self::Behind(place) => Start::Behind(behind(place)),
        }
    }
}

/// What a subscription says.
#[derive(Clone, PartialEq, Debug)]
pub enum Message<T> {
    /// The next record. Records of one instance come in the order of their revisions.
    Record(T),
    /// Everything that was recorded when the subscription began, or when it had fallen behind, has been handed out.
    CaughtUp,
    /// It had caught up, and more than a page of a shard waits now: records are written faster than they are taken.
    FellBehind,
}

impl<T> Message<T> {
    /// The record, if that is what it is.
    pub fn into_record(self) -> Option<T> {
        match self {
            Self::Record(item) => Some(item),
            Self::CaughtUp | Self::FellBehind => None,
        }
    }

    /// Whether it is [`CaughtUp`](Self::CaughtUp).
    pub fn is_caught_up(&self) -> bool {
        matches!(self, Self::CaughtUp)
    }
}

/// Whose records.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Whose {
    pub(crate) machine: Option<Arc<str>>,
    pub(crate) tenant: Option<Arc<str>>,
    /// One stream alone; it is read by revision.
    pub(crate) stream: Option<StreamId>,
}

/// What is read, and from where.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    /// What opens personal data.
    opener: Opener,
    pub(crate) whose: Whose,
}

/// A subscription before it begins: what is to be handed out. `T` is [`Record`], as it is stored, or [`Transition`], read by
/// a machine.
#[must_use = "a subscription begins when it is opened"]
pub struct Subscribe<T> {
    source: Source,
    start: Start,
    events: Option<Vec<Box<str>>>,
    items: PhantomData<fn() -> T>,
}

impl Subscribe<Record> {
    /// Everything in a store: all machines, all tenants, as it is stored.
    pub fn to(store: impl Store, start: Start) -> Self {
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(RandomIds));
        // Nobody opens what is handed out as it is stored.
        let (opener, whose) = (Opener::default(), Whose::default());
        Self::new(Source { store: Arc::new(store), clock, ids, opener, whose }, start)
    }

    /// Records of this machine alone.
    pub fn machine(mut self, name: &str) -> Self {
        self.source.whose.machine = Some(name.into());
        self
    }

    /// Records of this tenant alone; of those without one if it is empty.
    pub fn tenant(mut self, name: &str) -> Self {
        self.source.whose.tenant = Some(name.into());
        self
    }

    /// What tells the time to a named subscription. The system's clock unless said otherwise.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.source.clock = Arc::new(clock);
        self
    }
}

impl<M: Machine> Subscribe<Transition<M>> {
    /// All instances of a machine, or those of one tenant.
    pub(crate) fn machine_of(repository: &Repository<M>, tenant: Option<&str>, start: Start) -> Self {
        let machine = Some(M::DEFINITION.machine.into());
        let whose = Whose { machine, tenant: tenant.map(Arc::from), stream: None };
        Self::new(Source::of(repository, whose), start)
    }

    /// One instance.
    pub(crate) fn stream_of(repository: &Repository<M>, stream: &StreamId, start: Start<Revision>) -> Self {
        let shard = repository.store.shard(stream);
        let start = start.map(|revision| Position::of([(shard, Cursor::of(revision.0))]));
        let whose = Whose { stream: Some(stream.clone()), ..Whose::default() };
        Self::new(Source::of(repository, whose), start)
    }
}

impl<T: Item> Subscribe<T> {
    fn new(source: Source, start: Start) -> Self {
        Self { source, start, events: None, items: PhantomData }
    }

    /// Begins there instead.
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// Only records with at least one event of these names, in whatever version; they come with all their events. For a
    /// machine, names are asked for after records are read: an event that is retired counts under its own name and under
    /// those of the events made of it. Said twice, the names of both calls count.
    pub fn events<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.events.get_or_insert_default().extend(names.into_iter().map(Box::from));
        self
    }

    /// Begins. Nothing of it is written down; to go on after a restart, keep [`Subscription::position`].
    ///
    /// # Errors
    /// The machine has no event of a name, the position is of another store, or the store does not deliver.
    pub async fn open(self) -> Result<Subscription<T>, SubscriptionError> {
        let filter = self.filter()?;
        let lanes = self.source.lanes(&self.start).await?;
        let reader = Reader::new(self.source.store, lanes, self.source.opener);
        Ok(Subscription { reader, filter })
    }

    /// Gives it a name: what is done is written down in the store, and consumers of the same name share its shards.
    pub fn named(self, name: &str) -> Named<T> {
        Named::new(self, name)
    }

    fn filter(&self) -> Result<Filter<T>, SubscriptionError> {
        for name in self.events.iter().flatten() {
            T::check_event(name)?;
        }
        Ok(Filter { whose: self.source.whose.clone(), events: self.events.clone(), items: PhantomData })
    }
}

impl Source {
    fn of<M: Machine>(repository: &Repository<M>, whose: Whose) -> Self {
        let (clock, ids) = (Arc::clone(&repository.clock), Arc::clone(&repository.ids));
        Self { store: Arc::clone(&repository.store), clock, ids, opener: repository.opener(), whose }
    }

    /// The shards that are read.
    fn shards(&self) -> Vec<Shard> {
        match &self.whose.stream {
            Some(stream) => vec![self.store.shard(stream)],
            None => (0..self.store.limits().shards).map(Shard).collect(),
        }
    }

    async fn lanes(&self, start: &Start) -> Result<Vec<Lane>, SubscriptionError> {
        let mut lanes = Vec::new();
        for shard in self.shards() {
            lanes.push(self.lane(shard, self.cursor(shard, start).await?));
        }
        Ok(lanes)
    }

    fn lane(&self, shard: Shard, at: Cursor) -> Lane {
        Lane::new(shard, self.whose.stream.clone(), at)
    }

    async fn cursor(&self, shard: Shard, start: &Start) -> Result<Cursor, SubscriptionError> {
        let fail = |source: StoreError| SubscriptionError::Store { source };
        match (start, &self.whose.stream) {
            (Start::Beginning, _) => Ok(Cursor::default()),
            (Start::Now, None) => self.store.end(shard).await.map_err(fail),
            (Start::Now, Some(stream)) => {
                self.store.head(stream).await.map(|head| Cursor::of(head.revision.0)).map_err(fail)
            }
            (Start::Behind(position), _) => {
                let missing = || SubscriptionError::ForeignPosition { shard };
                position.cursor(shard).cloned().ok_or_else(missing)
            }
        }
    }
}

/// Which records are handed out.
struct Filter<T> {
    whose: Whose,
    events: Option<Vec<Box<str>>>,
    items: PhantomData<fn() -> T>,
}

impl<T: Item> Filter<T> {
    /// The record as it is handed out; `None`: it is not. One that cannot be read fails whatever its events are.
    fn pass(&self, record: Record) -> Result<Option<T>, SubscriptionError> {
        if !self.whose.holds(&record.stream) {
            return Ok(None);
        }
        let unreadable = |source| SubscriptionError::Unreadable { source: Box::new(source) };
        let item = T::read(record).map_err(unreadable)?;
        let wanted = |names: &Vec<Box<str>>| names.iter().any(|name| item.has_event(name));
        Ok(self.events.as_ref().is_none_or(wanted).then_some(item))
    }
}

impl Whose {
    fn holds(&self, stream: &StreamId) -> bool {
        self.machine.as_ref().is_none_or(|machine| *machine == stream.machine)
            && self.tenant.as_ref().is_none_or(|tenant| *tenant == stream.tenant)
            && self.stream.as_ref().is_none_or(|own| own == stream)
    }
}

/// A subscription at work. It is asked for its next message; in between nothing happens.
pub struct Subscription<T> {
    reader: Reader,
    filter: Filter<T>,
}

impl<T: Item> Subscription<T> {
    /// The next message; waits for it. Cancel safe.
    ///
    /// # Errors
    /// The store does not deliver: asking again tries again. A record cannot be read: it is not passed over, and asking
    /// again fails again.
    pub async fn next(&mut self) -> Result<Message<T>, SubscriptionError> {
        loop {
            match self.reader.turn().await? {
                Turn::CaughtUp => return Ok(Message::CaughtUp),
                Turn::FellBehind => return Ok(Message::FellBehind),
                Turn::Record => {}
            }
            let read = |record| self.filter.pass(record);
            if let Some((Some(item), _)) = self.reader.take(read)? {
                return Ok(Message::Record(item));
            }
        }
    }

    /// Where it stands: behind the last record that was handed out. [`Start::Behind`] goes on there, over the same records.
    pub fn position(&self) -> Position {
        Position::of(self.reader.lanes().map(|lane| (lane.shard, lane.at.clone())))
    }

    /// Whether [`next`](Self::next) may have something to hand out without asking the store.
    pub fn is_buffered(&self) -> bool {
        self.reader.is_buffered()
    }
}

impl<T> Clone for Subscribe<T> {
    fn clone(&self) -> Self {
        let (source, start, events) = (self.source.clone(), self.start.clone(), self.events.clone());
        Self { source, start, events, items: PhantomData }
    }
}

impl<T> fmt::Debug for Subscribe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribe")
            .field("whose", &self.source.whose)
            .field("start", &self.start)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Subscription<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("whose", &self.filter.whose).finish_non_exhaustive()
    }
}
