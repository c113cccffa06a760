//! Decides every trigger a second time, with the code of another machine, and counts where the two part.
//!
//! It works behind the callers' backs, on copies read from the log, and never records. What finds no room in its queue
//! is dropped and counted: a shadow slows nobody down.

use super::Inner;
use super::request::{Ask, Request};
use super::round::Verdict;
use crate::error::LoadError;
use crate::event::UpcastContext;
use crate::machine::{Machine, MachineEvent, MachineTrigger};
use crate::personal::compared;
use crate::repository::{Loaded, Repository, decode_events, named_state};
use crate::store::{Record, Revision, StreamId};
use futures_core::future::BoxFuture;
use jiff::Timestamp;
use serde::Serialize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// Divergences that a report keeps; the others are counted.
const DIVERGENCES_MAX: usize = 100;

/// How a shadow's decisions stand to those of its host.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct ShadowReport {
    /// The same answer, state and events.
    pub agreed: u64,
    /// Something else.
    pub diverged: u64,
    /// The shadow has no such trigger, or the function that makes it panicked.
    pub unmapped: u64,
    /// The shadow cannot read the records, or the store did not deliver them.
    pub unreadable: u64,
    /// There was no room in the queue.
    pub dropped: u64,
    /// The first that diverged, at most 100.
    pub divergences: Vec<Divergence>,
}

/// A trigger that the shadow decides otherwise.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Divergence {
    /// Which instance.
    pub stream: StreamId,
    /// The revision at which it was decided.
    pub revision: Revision,
    /// The trigger's name, as the host knows it.
    pub trigger: &'static str,
    /// What came of it.
    pub host: Answer,
    /// What the shadow makes of it.
    pub shadow: Answer,
}

/// What comes of a trigger, in the words of the shadow's machine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is accepted.
    Accepted {
        /// The state entered.
        to: String,
        /// Name and payload of each event, in order, in their newest versions.
        events: Vec<(String, String)>,
    },
    /// It is accepted, and nothing happens.
    Ignored,
    /// It is rejected.
    Rejected,
    /// The machine's code panics.
    Panicked,
}

impl ShadowReport {
    /// Triggers that could not be compared.
    pub fn unknown(&self) -> u64 {
        self.unmapped + self.unreadable + self.dropped
    }

    fn count(&mut self, compared: Compared) {
        match compared {
            Compared::Agreed => self.agreed += 1,
            Compared::Unmapped => self.unmapped += 1,
            Compared::Unreadable => self.unreadable += 1,
            Compared::Diverged(divergence) => {
                self.diverged += 1;
                if self.divergences.len() < DIVERGENCES_MAX {
                    self.divergences.push(*divergence);
                }
            }
        }
    }
}

/// A trigger that was answered, as the shadow hears of it.
pub(super) struct Observed<M: Machine> {
    stream: StreamId,
    /// The revision at which it was decided.
    before: Revision,
    trigger: M::Trigger,
    /// The time of a step that was not recorded.
    at: Timestamp,
    actor: Option<Arc<str>>,
    outcome: Outcome,
}

enum Outcome {
    /// The next record says what came of it.
    Recorded,
    Ignored,
    Rejected,
}

impl<M: Machine> Observed<M> {
    /// `None`: it is nothing that a shadow decides.
    pub(super) fn of(
        request: &Request<M>,
        verdict: &Verdict<M>,
        place: (&StreamId, Revision, Timestamp),
    ) -> Option<Self> {
        let Ask::Fire(trigger) = &request.ask else { return None };
        let outcome = match verdict {
            Verdict::Fired(..) => Outcome::Recorded,
            Verdict::Ignored(_) => Outcome::Ignored,
            Verdict::Rejected(_) => Outcome::Rejected,
            Verdict::Duplicate(_)
            | Verdict::Conflict(_)
            | Verdict::Deleted(_)
            | Verdict::Woken(_)
            | Verdict::View => {
                return None;
            }
        };
        let (stream, before, now) = place;
        Some(Self {
            stream: stream.clone(),
            before,
            trigger: trigger.clone(),
            at: request.at.unwrap_or(now),
            actor: request.origin.actor.clone(),
            outcome,
        })
    }
}

/// The host's end of a shadow.
pub(crate) struct Shadow<M: Machine> {
    /// Taken out when the host ends.
    queue: Mutex<Option<mpsc::Sender<Observed<M>>>>,
    report: Mutex<ShadowReport>,
}

impl<M: Machine> Shadow<M> {
    /// With the other end of its queue.
    pub(super) fn new(queue_max: usize) -> (Arc<Self>, mpsc::Receiver<Observed<M>>) {
        let (sender, receiver) = mpsc::channel(queue_max);
        (Arc::new(Self { queue: Mutex::new(Some(sender)), report: Mutex::default() }), receiver)
    }

    pub(super) fn observe(&self, observed: Observed<M>) {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if queue.is_none_or(|queue| queue.try_send(observed).is_err()) {
            self.report().dropped += 1;
        }
    }

    pub(super) fn report(&self) -> MutexGuard<'_, ShadowReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What waits is still compared, and then the shadow ends.
    pub(super) fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// Compares until the host has closed the queue or is gone.
pub(super) fn start<M: Machine>(
    inner: &Inner<M>,
    judge: Box<dyn Judge<M>>,
    ends: (Arc<Shadow<M>>, mpsc::Receiver<Observed<M>>),
) {
    let (shadow, mut queue) = ends;
    let shadow = Arc::downgrade(&shadow);
    let background = Arc::clone(&inner.background);
    background.enter();
    let task = inner.pulse.task("shadow");
    tokio::spawn(async move {
        while let Some(observed) = queue.recv().await {
            let compared = judge.compare(observed).await;
            let Some(shadow) = shadow.upgrade() else { break };
            shadow.report().count(compared);
        }
        // Whoever waits for the end may open the store again: nothing may hold it any more.
        drop((judge, queue));
        task.done();
        background.leave();
    });
}

pub(super) enum Compared {
    Agreed,
    Diverged(Box<Divergence>),
    Unmapped,
    Unreadable,
}

/// The shadow's machine, its type forgotten.
pub(super) trait Judge<M: Machine>: Send + Sync {
    fn compare(&self, observed: Observed<M>) -> BoxFuture<'_, Compared>;
}

/// Decides with another machine what a function makes of the host's triggers.
pub(super) struct Second<N: Machine, F> {
    pub(super) repository: Repository<N>,
    pub(super) map: F,
}

impl<M: Machine, N: Machine, F> Judge<M> for Second<N, F>
where
    F: Fn(&M::Trigger) -> Option<N::Trigger> + Send + Sync,
{
    fn compare(&self, observed: Observed<M>) -> BoxFuture<'_, Compared> {
        Box::pin(async move {
            let name = observed.trigger.name();
            let mapped = catch_unwind(AssertUnwindSafe(|| (self.map)(&observed.trigger)));
            let Ok(Some(trigger)) = mapped else { return Compared::Unmapped };
            let answers = self.answers(&observed, trigger).await;
            let Observed { stream, before: revision, .. } = observed;
            match answers {
                Ok((host, shadow)) if host == shadow => Compared::Agreed,
                Ok((host, shadow)) => {
                    Compared::Diverged(Box::new(Divergence { stream, revision, trigger: name, host, shadow }))
                }
                Err(error) => {
                    tracing::debug!(%stream, %error, "the shadow cannot read it");
                    Compared::Unreadable
                }
            }
        })
    }
}

impl<N: Machine, F> Second<N, F> {
    /// What came of a trigger, and what comes of it here.
    async fn answers<M: Machine>(
        &self,
        observed: &Observed<M>,
        trigger: N::Trigger,
    ) -> Result<(Answer, Answer), LoadError> {
        let Observed { stream, before, at, actor, outcome, .. } = observed;
        let loaded = self.repository.load_at(stream, *before).await?;
        Ok(match outcome {
            Outcome::Recorded => {
                let record = self.repository.record(stream, before.plus(1)).await?;
                let mut seals = self.repository.seals_of(stream, [&record]).await?;
                let host = seals.enter(|| recorded::<N>(&record))?;
                (host, decide(loaded, trigger, (record.step.at, actor.clone())))
            }
            Outcome::Ignored => (Answer::Ignored, decide(loaded, trigger, (*at, actor.clone()))),
            Outcome::Rejected => (Answer::Rejected, decide(loaded, trigger, (*at, actor.clone()))),
        })
    }
}

/// A recorded step, lifted to what the machine knows now.
fn recorded<N: Machine>(record: &Record) -> Result<Answer, LoadError> {
    let StreamId { tenant, machine, instance } = &record.stream;
    let mut place = UpcastContext::new(tenant, machine, instance).at(record.revision.0, record.step.at);
    let events = decode_events::<N>(record, &mut place)?;
    Ok(accepted::<N>(named_state::<N>(record, &record.step.to)?, &events))
}

/// Decides on a copy that nobody else has.
fn decide<N: Machine>(
    mut loaded: Loaded<N>,
    trigger: N::Trigger,
    when: (Timestamp, Option<Arc<str>>),
) -> Answer {
    let (at, actor) = when;
    let at = at.max(loaded.fold.at);
    let instance = &mut loaded.instance;
    instance.cx_mut().prepare(Some(at), actor);
    match catch_unwind(AssertUnwindSafe(|| instance.decide(trigger))) {
        Ok(Ok(step)) if step.ignored => Answer::Ignored,
        Ok(Ok(step)) => accepted::<N>(step.to, &step.events),
        Ok(Err(_)) => Answer::Rejected,
        Err(_) => Answer::Panicked,
    }
}

fn accepted<N: Machine>(to: N::State, events: &[N::Event]) -> Answer {
    let event = |event: &N::Event| {
        let payload = compared(|| event.payload());
        let payload = payload.map_or_else(|error| error.to_string(), |json| json.get().to_owned());
        (event.name().to_owned(), payload)
    };
    Answer::Accepted { to: to.to_string(), events: events.iter().map(event).collect() }
}
