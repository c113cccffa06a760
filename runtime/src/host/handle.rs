//! What a caller holds: an instance of the host, a command to it, a tenant.

use super::batch::{Batch, BatchOptions, BatchRequest, Wish};
use super::request::{Ask, Reply, Request, Waiting};
use super::{Available, Fired, Host, fleet};
use crate::error::FireError;
use crate::history::{History, MachineHistory, Transition};
use crate::instance::Instance;
use crate::machine::{Machine, MachineTrigger};
use crate::observe::Span;
use crate::repository::{Loaded, Origin, Repository};
use crate::store::{Revision, StoreError, StreamId};
use crate::subscription::{Start, Subscribe};
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// The instances of one tenant.
#[derive(Debug)]
pub struct Tenant<M: Machine> {
    pub(super) host: Host<M>,
    pub(super) tenant: Arc<str>,
}

impl<M: Machine> Tenant<M> {
    pub(super) fn new(host: Host<M>, tenant: &str) -> Self {
        Self { host, tenant: tenant.into() }
    }

    /// An instance of this tenant.
    pub fn instance(&self, id: &str) -> Handle<M> {
        self.host.handle(&self.tenant, id)
    }

    /// Many triggers at many instances of this tenant; see [`Host::batch`]. A request without a tenant is this tenant's, one
    /// that names another fails.
    pub fn batch(&self, options: BatchOptions) -> Batch<M> {
        Batch::new(self.host.clone(), options, Some((&*self.tenant).into()))
    }

    /// What its instances have been through.
    pub fn history(&self) -> MachineHistory<M> {
        MachineHistory::new(self.host.0.repository.clone(), Some(&self.tenant))
    }

    /// The records of its instances, as they come; those of no other tenant.
    pub fn subscribe(&self, start: Start) -> Subscribe<Transition<M>> {
        Subscribe::machine_of(&self.host.0.repository, Some(&self.tenant), start)
    }
}

/// One durable instance.
pub struct Handle<M: Machine> {
    host: Host<M>,
    stream: StreamId,
}

impl<M: Machine> Handle<M> {
    pub(super) fn new(host: Host<M>, stream: StreamId) -> Self {
        Self { host, stream }
    }

    pub(super) fn host(&self) -> &Host<M> {
        &self.host
    }

    pub(super) fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// Fires a trigger, under a command id made by the host.
    ///
    /// # Errors
    /// See [`Command::fire`].
    pub async fn fire(&self, trigger: M::Trigger) -> Result<Fired<M>, FireError> {
        self.made_command().fire(trigger).await
    }

    /// Begins the instance without a trigger. An instance that has begun is left as it is.
    ///
    /// # Errors
    /// See [`Command::fire`].
    pub async fn start(&self) -> Result<Fired<M>, FireError> {
        self.made_command().send(Ask::Start, "").await
    }

    /// Ends the instance's stream: its id is never used again, and every later call answers `Deleted`.
    ///
    /// # Errors
    /// See [`Command::fire`].
    pub async fn delete(&self) -> Result<Revision, FireError> {
        self.made_command().send(Ask::Delete, "").await.map(|fired| fired.revision)
    }

    /// A command of the caller's: the same id is recorded once, whatever happens.
    pub fn command(&self, id: &str) -> Command<M> {
        self.new_command(id.into())
    }

    /// The state, as of now.
    ///
    /// # Errors
    /// See [`view`](Self::view).
    pub async fn state(&self) -> Result<M::State, FireError> {
        self.view(|instance, _| instance.state()).await
    }

    /// The number of the last record; 0 for an instance that has not begun.
    ///
    /// # Errors
    /// See [`view`](Self::view).
    pub async fn revision(&self) -> Result<Revision, FireError> {
        self.view(|_, revision| revision).await
    }

    /// Looks at the instance in its turn, behind the triggers that were fired before.
    ///
    /// # Errors
    /// The instance cannot be loaded, or its queue is full.
    pub async fn view<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Instance<M>, Revision) -> T + Send + 'static,
    ) -> Result<T, FireError> {
        self.look(|loaded| look(&loaded.instance, loaded.revision())).await
    }

    /// The same with what the repository knows of it.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Loaded<M>) -> T + Send + 'static,
    ) -> Result<T, FireError> {
        let (sender, receiver) = oneshot::channel();
        let view = Box::new(move |loaded: Result<&Loaded<M>, FireError>| {
            // Nobody may be waiting any more.
            let _ = sender.send(loaded.map(look));
        });
        let mut request = Request::new(Ask::View(view), Origin::default());
        request.permit = Some(permit(&self.host)?);
        self.host.enqueue(&self.stream, request)?;
        receiver.await.unwrap_or(Err(FireError::Closed))
    }

    /// Whether a command has a record, as far as command ids are remembered. Like an answer of an effect it is never `Busy`.
    pub(super) async fn has_recorded(&self, command: String) -> Result<bool, FireError> {
        let (sender, receiver) = oneshot::channel();
        let view = Box::new(move |loaded: Result<&Loaded<M>, FireError>| {
            // Nobody may be waiting any more.
            let _ = sender.send(loaded.map(|loaded| loaded.fold.seen(&command).is_some()));
        });
        let mut request = Request::new(Ask::View(view), Origin::default());
        request.reserved = true;
        self.host.enqueue(&self.stream, request)?;
        receiver.await.unwrap_or(Err(FireError::Closed))
    }

    /// What each limit of the host leaves to this instance now.
    pub fn available(&self) -> Vec<Available> {
        self.host.0.limits.available(&self.stream)
    }

    /// The id of the host that has this instance's shard: it runs the shard's timers, or without any its effects, and is the
    /// best place for its triggers; every host takes them. `None`: nobody has it just now, or the machine has neither.
    ///
    /// # Errors
    /// What the store says.
    pub async fn owner(&self) -> Result<Option<Arc<str>>, StoreError> {
        fleet::owner(&self.host.0, &self.stream).await
    }

    /// What it has been through. It is read from the store, not from the host's copy, and waits in no queue.
    pub fn history(&self) -> History<M> {
        self.host.0.repository.history(&self.stream)
    }

    /// Its records, as they come.
    pub fn subscribe(&self, start: Start<Revision>) -> Subscribe<Transition<M>> {
        Subscribe::stream_of(&self.host.0.repository, &self.stream, start)
    }

    fn made_command(&self) -> Command<M> {
        self.new_command(new_command_id(&self.host.0.repository))
    }

    fn new_command(&self, id: Arc<str>) -> Command<M> {
        let origin = Origin { command: id, ..Origin::default() };
        Command {
            host: self.host.clone(),
            stream: self.stream.clone(),
            request: Request::new(Ask::Start, origin),
        }
    }
}

/// A command id of the host's own.
pub(super) fn new_command_id<M: Machine>(repository: &Repository<M>) -> Arc<str> {
    let id = repository.ids.new_id(repository.clock.now());
    Arc::from(&*id.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()))
}

/// Room for one more request in the host.
fn permit<M: Machine>(host: &Host<M>) -> Result<OwnedSemaphorePermit, FireError> {
    permits(host, 1)
}

/// Room for this many more requests in the host.
pub(super) fn permits<M: Machine>(host: &Host<M>, requests: u32) -> Result<OwnedSemaphorePermit, FireError> {
    let permits = Arc::clone(&host.0.in_flight).try_acquire_many_owned(requests);
    permits.map_err(|_| FireError::Busy { queue: "host", retry_after: Duration::from_millis(10) })
}

impl<M: Machine> Clone for Handle<M> {
    fn clone(&self) -> Self {
        Self { host: self.host.clone(), stream: self.stream.clone() }
    }
}

impl<M: Machine> fmt::Debug for Handle<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.stream).finish()
    }
}

/// A trigger with an id of the caller's and what belongs to it.
#[must_use = "a command does nothing until it is fired"]
pub struct Command<M: Machine> {
    host: Host<M>,
    stream: StreamId,
    request: Request<M>,
}

impl<M: Machine> Command<M> {
    /// Only if the instance is at this revision; 0 means that it has not begun.
    pub fn expect(mut self, revision: Revision) -> Self {
        self.request.expect = Some(revision);
        self
    }

    /// The time of the step, for imports and replays of real data. Within a stream time never runs backwards: an
    /// earlier one becomes that of the last record.
    pub fn at(mut self, at: Timestamp) -> Self {
        self.request.at = Some(at);
        self
    }

    /// What belongs together.
    pub fn correlation(mut self, id: &str) -> Self {
        self.request.origin.correlation = Some(id.into());
        self
    }

    /// What led to it.
    pub fn causation(mut self, id: &str) -> Self {
        self.request.origin.causation = Some(id.into());
        self
    }

    /// Who asks: guards and actions see it as `cx.actor()`.
    pub fn actor(mut self, name: &str) -> Self {
        self.request.origin.actor = Some(name.into());
        self
    }

    /// Something of the caller's, carried in the record.
    pub fn metadata(mut self, key: &str, value: &str) -> Self {
        self.request.origin.metadata.insert(key.to_owned(), value.to_owned());
        self
    }

    /// A refusal is recorded too, and a repeat of the id answers with the same refusal.
    pub fn record_rejection(mut self) -> Self {
        self.request.record_rejection = true;
        self
    }

    /// Fires the trigger. The answer comes after the commit. A call that is cancelled may still be recorded; asking
    /// again with the same id tells.
    ///
    /// # Errors
    /// The trigger was rejected, the expected revision is another one, a queue is full, the instance cannot be
    /// loaded, or the store does not take the step.
    pub async fn fire(self, trigger: M::Trigger) -> Result<Fired<M>, FireError> {
        let name = trigger.name();
        self.send(Ask::Fire(trigger), name).await
    }

    /// The command as one request of a batch.
    pub fn for_batch(self, trigger: M::Trigger) -> BatchRequest<M> {
        let Request { mut origin, expect, at, record_rejection, .. } = self.request;
        origin.trigger = trigger.name();
        BatchRequest::of(&self.stream, Wish { trigger, origin, expect, at, record_rejection })
    }

    pub(super) fn reserved(mut self) -> Self {
        self.request.reserved = true;
        self
    }

    async fn send(self, ask: Ask<M>, trigger: &'static str) -> Reply<M> {
        let Self { host, stream, mut request } = self;
        let called = ask.called(trigger);
        request.ask = ask;
        request.origin.trigger = trigger;
        request.span = Span::fire(&stream, called, &request.origin);
        let asked = host.0.observer.asked(&stream, called, request.span.clone());
        let reply = asked.span().around(Self::ask_within_limits(&host, &stream, request)).await;
        asked.answered(&reply);
        reply
    }

    async fn ask_within_limits(host: &Host<M>, stream: &StreamId, request: Request<M>) -> Reply<M> {
        if matches!(request.ask, Ask::Start) {
            host.0.quotas.admit(stream).await?;
        }
        if !host.is_limited() || request.reserved || !matches!(request.ask, Ask::Fire(_)) {
            return Self::ask(host, stream, request).await;
        }
        let passes = host.admit(stream, request.origin.trigger).await?;
        let keeps_rejection = request.record_rejection;
        let reply = Self::ask(host, stream, request).await;
        if !may_be_recorded(&reply, keeps_rejection) {
            host.0.limits.refund(stream, passes);
        }
        reply
    }

    async fn ask(host: &Host<M>, stream: &StreamId, mut request: Request<M>) -> Reply<M> {
        let (sender, receiver) = oneshot::channel();
        if !request.reserved {
            request.permit = Some(permit(host)?);
        }
        request.waiting = Some(Waiting::Caller(sender));
        host.enqueue(stream, request)?;
        receiver.await.unwrap_or(Err(FireError::Closed))
    }
}

/// Whether there is, or may be, a record of a trigger that was not there before.
pub(super) fn may_be_recorded<M: Machine>(reply: &Reply<M>, keeps_rejection: bool) -> bool {
    match reply {
        Ok(fired) => !fired.duplicate && !fired.ignored,
        Err(FireError::Rejected(_)) => keeps_rejection,
        Err(FireError::Unknown { .. }) => true,
        Err(_) => false,
    }
}

impl<M: Machine> fmt::Debug for Command<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("stream", &self.stream)
            .field("origin", &self.request.origin)
            .finish_non_exhaustive()
    }
}
