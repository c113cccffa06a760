//! Works one instance's queue off: group by group, one append each, answers behind it.

mod known;
mod lost;

pub(super) use known::{answer_again, recorded};
pub(super) use lost::Lost;

use super::cache::Slot;
use super::convoy::Trip;
use super::request::{Ask, Request};
use super::round::{Ground, Round, Spoiled, Verdict, decide};
use super::shadow::Observed;
use super::{Fired, Inner, hold, quotas, snapshots};
use crate::error::{FireError, LoadError};
use crate::instance::Step;
use crate::machine::{Machine, is_personal};
use crate::observe::{Span, append_outcome, load_outcome};
use crate::personal::{self, KeysError, PersonalError, Seals};
use crate::repository::Loaded;
use crate::store::{Append, Outcome, Revision, StoreError, StreamId, Unit};
use crate::tenant;
use backon::{BackoffBuilder, ExponentialBuilder};
use jiff::Timestamp;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Timers of one instance that run before others have their turn.
const TURNS_MAX: usize = 64;

/// Runs until the queue is empty.
pub(super) async fn run<M: Machine>(inner: &Arc<Inner<M>>, stream: &StreamId, slot: &Slot<M>) {
    let mut live = slot.lock().live.take();
    loop {
        let group: Vec<_> = {
            let mut work = slot.lock();
            if work.queue.is_empty() {
                // What was forgotten meanwhile does not stay in memory.
                work.live = live.filter(|live| inner.repository.is_current(live));
                // Most instances are idle most of the time: none keeps room for requests that are gone.
                work.queue = VecDeque::new();
                work.running = false;
                return;
            }
            work.next_group(inner.options.group_max)
        };
        live = match hold::asked(group) {
            Ok(hold) => hold::lend(inner, stream, (hold, live)).await,
            Err(group) => {
                inner.observer.group(stream, group.iter().map(|request| request.queued));
                let span = Span::group(stream, group.iter().map(|request| &request.span));
                span.around(Group::new(inner, stream, group).settle(live)).await
            }
        };
    }
}

pub(super) struct Group<'a, M: Machine> {
    inner: &'a Arc<Inner<M>>,
    pub(super) stream: &'a StreamId,
    pub(super) pending: Vec<Request<M>>,
    /// Of the convoy that the group is, if it is one.
    trip: Option<Arc<Trip<M>>>,
    tries: u32,
    lost: Option<Lost<M>>,
    /// What seals the personal data of its steps.
    seals: Seals,
    /// It was read again because a subject was forgotten.
    reread: bool,
    /// When its last round was decided.
    now: Timestamp,
}

/// What to do with the live copy after a round.
#[allow(clippy::large_enum_variant, reason = "a box for each round costs more than the move")]
pub(super) enum Next<M: Machine> {
    /// Everything is answered.
    Done(Option<Loaded<M>>),
    /// Some are answered; go on with the others.
    On(Loaded<M>),
    /// Read again and decide again.
    Again,
}

impl<'a, M: Machine> Group<'a, M> {
    pub(super) fn new(inner: &'a Arc<Inner<M>>, stream: &'a StreamId, pending: Vec<Request<M>>) -> Self {
        let trip = pending.first().and_then(Request::trip).map(Arc::clone);
        let now = inner.repository.clock.now();
        Self {
            inner,
            stream,
            pending,
            trip,
            tries: 0,
            lost: None,
            seals: Seals::default(),
            reread: false,
            now,
        }
    }

    /// Answers every request of the group, but those that a batch took back. Returns the live copy, if it is still good.
    async fn settle(mut self, mut live: Option<Loaded<M>>) -> Option<Loaded<M>> {
        if is_personal::<M>()
            && let Err(error) = self.look_for_forgotten(&mut live).await
        {
            self.fail_all(&error);
            return None;
        }
        loop {
            if self.trip.as_ref().is_some_and(|trip| trip.gate().is_over()) {
                return live;
            }
            let fresh = live.is_none();
            let loaded = match live.take() {
                Some(loaded) => Ok(loaded),
                None => load(self.inner, self.stream).await,
            };
            let next = match loaded {
                Ok(loaded) if self.has_landed(&loaded) => self.landed(loaded).await,
                Ok(loaded) if self.lost.is_some() && self.tries > self.inner.options.conflict_retries => {
                    self.give_up(self.tries);
                    Next::Done(Some(loaded))
                }
                Ok(loaded) => self.round(loaded, fresh).await,
                Err(error) => {
                    self.fail_all(&error);
                    Next::Done(None)
                }
            };
            match next {
                Next::Done(live) => return live,
                Next::On(loaded) => live = Some(loaded),
                Next::Again => live = None,
            }
        }
    }

    /// A copy from before a subject was forgotten is dropped.
    async fn look_for_forgotten(&mut self, live: &mut Option<Loaded<M>>) -> Result<(), Arc<LoadError>> {
        let fail = |source| Arc::new(LoadError::Store { stream: self.stream.clone(), source });
        let epoch = self.inner.repository.personal_epoch().await.map_err(fail)?;
        live.take_if(|live| live.epoch != epoch);
        self.open().await
    }

    /// What seals the personal data of its steps is at hand.
    pub(super) async fn open(&mut self) -> Result<(), Arc<LoadError>> {
        let seals = self.inner.repository.seals_of_data(self.stream, []).await;
        let fail = |source| Arc::new(LoadError::Store { stream: self.stream.clone(), source });
        self.seals = seals.map_err(fail)?;
        Ok(())
    }

    /// Whether what was decided is to be thrown away: a key was missing.
    pub(super) fn lacks_keys(&self) -> bool {
        self.seals.lacks_keys()
    }

    /// Makes the keys that were missing.
    pub(super) async fn provide(&mut self) -> Result<(), FireError> {
        let stream = self.stream.clone();
        personal::provide(&mut self.seals).await.map_err(|error| match error {
            KeysError::Store(source) => FireError::Load(Arc::new(LoadError::Store { stream, source })),
            KeysError::Personal(source) => FireError::Personal { stream, source },
        })
    }

    /// Makes the keys that a round was missing, and has it decided again.
    async fn make_keys(&mut self) -> Next<M> {
        match personal::provide(&mut self.seals).await {
            Ok(()) => Next::Again,
            Err(KeysError::Store(source)) => {
                self.fail_all(&Arc::new(LoadError::Store { stream: self.stream.clone(), source }));
                Next::Done(None)
            }
            Err(KeysError::Personal(source)) => {
                for request in self.pending.drain(..) {
                    let (stream, source) = (self.stream.clone(), source.clone());
                    request.answer(Err(FireError::Personal { stream, source }));
                }
                Next::Done(None)
            }
        }
    }

    async fn round(&mut self, mut live: Loaded<M>, fresh: bool) -> Next<M> {
        let decided = self.decide(&mut live);
        if self.seals.lacks_keys() {
            return self.make_keys().await;
        }
        let round = match decided {
            Ok(round) => round,
            // The copy may be older than what was forgotten: once more, on what is recorded.
            Err(Spoiled { error, .. })
                if is_forgotten(&error) && !std::mem::replace(&mut self.reread, true) =>
            {
                return Next::Again;
            }
            Err(Spoiled { place, error }) => {
                if self.trip.as_ref().is_some_and(|trip| trip.stops()) {
                    self.pending.truncate(place + 1);
                }
                if let Some(lost) = self.lost.as_mut().filter(|lost| place < lost.verdicts.len()) {
                    lost.verdicts.remove(place);
                }
                self.pending.remove(place).answer(Err(*error));
                return if self.pending.is_empty() { Next::Done(None) } else { Next::Again };
            }
        };
        if round.steps.is_empty() {
            return self.without_steps(live, round, fresh).await;
        }
        self.record(live, round).await
    }

    /// What every request comes to on the copy, in place. Nothing of it is recorded.
    pub(super) fn decide(&mut self, live: &mut Loaded<M>) -> Result<Round<M>, Spoiled> {
        let repository = &self.inner.repository;
        let limits = repository.store.limits();
        self.now = repository.clock.now();
        let mut ground = Ground {
            stream: self.stream,
            live,
            now: self.now,
            step_bytes_max: limits.step_bytes_max,
            turns_max: TURNS_MAX.min(1 + limits.steps_max.saturating_sub(self.pending.len())),
            missed: self.inner.options.missed,
            stops: self.trip.as_ref().is_some_and(|trip| trip.stops()),
            turns: Vec::new(),
        };
        self.seals.enter(|| decide(&mut ground, &self.pending))
    }

    /// Refusals and views stand on the copy alone, so it must be the newest.
    async fn without_steps(&mut self, live: Loaded<M>, round: Round<M>, fresh: bool) -> Next<M> {
        if !fresh {
            let head = self.inner.repository.store.head(self.stream).await;
            self.inner.pulse.store(head.as_ref().err());
            match head {
                Ok(head) if head.revision == live.fold.head.revision => {}
                Ok(_) => {
                    self.inner.observer.again(self.stream, "stale");
                    return Next::Again;
                }
                Err(source) => {
                    self.fail_all(&Arc::new(LoadError::Store { stream: self.stream.clone(), source }));
                    return Next::Done(None);
                }
            }
        }
        let again = self.answer(&live, round.verdicts, live.revision());
        answer_again(self.inner, self.stream, again).await;
        self.go_on(live)
    }

    /// Behind a round. Only one of a convoy that stops leaves something over.
    fn go_on(&mut self, live: Loaded<M>) -> Next<M> {
        self.lost = None;
        if let Some(trip) = self.trip.as_ref().filter(|trip| trip.stops()) {
            trip.gate().reopen();
            if !self.pending.is_empty() && !trip.has_stopped() {
                return Next::On(live);
            }
        }
        Next::Done(Some(live))
    }

    async fn append(&mut self, append: Append) -> Option<Outcome> {
        let (began, steps) = (self.inner.observer.start(), append.steps.len());
        let span = Span::append(steps);
        let outcome = match &self.trip {
            Some(trip) => span.around(trip.joint().append(append, trip.gate())).await,
            None => span.around(self.inner.repository.store.append(vec![append], Unit::Each)).await.pop(),
        };
        span.outcome(append_outcome(outcome.as_ref()));
        self.inner.observer.append(self.stream, began, (steps, outcome.as_ref()));
        self.inner.pulse.store(match &outcome {
            Some(Outcome::Refused(error) | Outcome::Unknown(error)) => Some(error),
            _ => None,
        });
        outcome
    }

    async fn record(&mut self, mut live: Loaded<M>, round: Round<M>) -> Next<M> {
        let Round { verdicts, steps, turns } = round;
        let after = live.fold.head;
        // The end of its stream stops an instance of an erased tenant. One that begins has none.
        let begins = after.revision == Revision(0);
        if begins && let Err(error) = self.inner.refuse_erased(self.stream).await {
            self.fail_all(&Arc::new(error));
            return Next::Done(None);
        }
        let deleted = matches!(verdicts.last(), Some(Verdict::Deleted(_)));
        let (quotas, stream) = (&self.inner.quotas, self.stream);
        let room = if begins && !deleted { Some(quotas.begin(stream).await) } else { None };
        let begun = match room.transpose() {
            Ok(begun) => begun,
            Err(error) => return self.refuse_first(error),
        };
        let weight = quotas::weight(&steps);
        let first = steps.first().map(|step| Arc::clone(&step.command)).unwrap_or_default();
        let append = Append { stream: self.stream.clone(), after, steps };
        match self.append(append).await {
            Some(Outcome::Appended(_)) if begins && self.came_late().await => Next::Done(None),
            Some(Outcome::Appended(head)) => {
                live.fold.head = head;
                self.inner.observer.timers(&turns);
                if let Some(begun) = begun {
                    begun.keep();
                }
                self.inner.quotas.recorded(&self.stream.tenant, weight, deleted && !begins);
                let again = self.answer(&live, verdicts, after.revision);
                answer_again(self.inner, self.stream, again).await;
                if deleted {
                    snapshots::discard(self.inner, self.stream).await;
                    return Next::Done(None);
                }
                let live = snapshots::offer(self.inner, self.stream, live, after.revision).await;
                self.go_on(live)
            }
            Some(Outcome::Conflict(_)) => self.again().await,
            Some(Outcome::Unknown(error)) => {
                self.lose(Lost { after: after.revision, first, verdicts, error: Arc::new(error) });
                self.again().await
            }
            Some(Outcome::Gone) => {
                self.fail_all(&Arc::new(LoadError::Deleted { stream: self.stream.clone() }));
                Next::Done(None)
            }
            Some(Outcome::Refused(error)) => self.refused(error),
            None if self.trip.is_some() => Next::Done(None),
            None => self.refused(StoreError::Empty { stream: self.stream.clone() }),
        }
    }

    /// The instance does not begin.
    fn refuse_first(&mut self, error: FireError) -> Next<M> {
        match error {
            FireError::QuotaExceeded(exceeded) => self.fail(|| exceeded.clone().into()),
            FireError::Load(error) => self.fail_all(&error),
            // Nothing else comes of looking for room.
            _ => self.fail(|| FireError::Closed),
        }
        Next::Done(None)
    }

    /// Whether the tenant was erased while the instance began. Who erases it may be past this instance, so it is ended here.
    pub(super) async fn came_late(&mut self) -> bool {
        if !matches!(self.inner.refuse_erased(self.stream).await, Err(LoadError::TenantErased { .. })) {
            return false;
        }
        let ended = tenant::end(&*self.inner.repository.store, self.stream, self.now).await;
        if let Err(error) = ended {
            tracing::error!(stream = %self.stream, %error, "it began while its tenant was erased: erase the tenant again");
        }
        self.lost = None;
        self.fail_all(&Arc::new(LoadError::TenantErased { stream: self.stream.clone() }));
        true
    }

    /// Another host was faster, or the answer was lost: the copy is thrown away, and after a moment all is read and
    /// decided again. What was lost is looked for even when the tries are used up.
    async fn again(&mut self) -> Next<M> {
        self.tries += 1;
        if self.tries > self.inner.options.conflict_retries && self.lost.is_none() {
            self.give_up(self.tries);
            return Next::Done(None);
        }
        if let Some(trip) = self.trip.as_ref().filter(|_| self.lost.is_none()) {
            trip.gate().reopen();
        }
        self.inner.observer.again(self.stream, if self.lost.is_some() { "lost" } else { "conflict" });
        tracing::debug!(stream = %self.stream, tries = self.tries, lost = self.lost.is_some(), "decides again");
        self.inner.repository.clock.sleep(pause(self.tries)).await;
        Next::Again
    }

    /// Answers what is recorded behind `at`. Requests behind a deletion were not decided: the stream is gone. Left over are the
    /// requests whose command id has a record already.
    pub(super) fn answer(
        &mut self,
        live: &Loaded<M>,
        verdicts: Vec<Verdict<M>>,
        mut at: Revision,
    ) -> Vec<(Request<M>, Revision)> {
        let mut verdicts = verdicts.into_iter();
        let mut again = Vec::new();
        let stops = self.trip.as_ref().is_some_and(|trip| trip.stops());
        let count = if stops { verdicts.len() } else { self.pending.len() };
        for request in self.pending.drain(..count) {
            let verdict = match verdicts.next() {
                Some(verdict) => verdict,
                None => Verdict::Conflict(FireError::Load(Arc::new(LoadError::Deleted {
                    stream: self.stream.clone(),
                }))),
            };
            let place = (self.stream, at, self.now);
            let shadow = self.inner.shadow.as_ref();
            let observed = shadow.and_then(|shadow| Some((shadow, Observed::of(&request, &verdict, place)?)));
            at = verdict.moves(&request, at);
            match verdict {
                Verdict::Fired(revision, step) => request.answer(Ok(fired(revision, step))),
                Verdict::Ignored(step) => request.answer(Ok(fired(live.revision(), step))),
                Verdict::Rejected(rejection) => request.answer(Err(rejection.into())),
                Verdict::Conflict(error) => request.answer(Err(error)),
                Verdict::Duplicate(revision) => again.push((request, revision)),
                Verdict::Deleted(revision) => {
                    let fired = fired(revision, Step::nowhere(live.instance.state()));
                    request.answer(Ok(Fired { ignored: false, ..fired }));
                }
                Verdict::Woken(woken) => {
                    if let Ask::Wake(waiting) = request.ask {
                        // Nobody may be waiting any more.
                        let _ = waiting.send(Ok(woken));
                    }
                }
                Verdict::View => {
                    if let Ask::View(view) = request.ask {
                        view(Ok(live));
                    }
                }
            }
            if let Some((shadow, observed)) = observed {
                shadow.observe(observed);
            }
        }
        again
    }
}

/// Before it is tried again, so many times.
pub(super) fn pause(tries: u32) -> Duration {
    let times = ExponentialBuilder::new()
        .with_min_delay(Duration::from_micros(200))
        .with_max_delay(Duration::from_millis(100));
    let mut delays = times.with_jitter().without_max_times().build();
    delays.nth(usize::try_from(tries).unwrap_or(usize::MAX)).unwrap_or_default()
}

fn is_forgotten(error: &FireError) -> bool {
    matches!(error, FireError::Personal { source: PersonalError::Forgotten, .. })
}

fn fired<M: Machine>(revision: Revision, step: Step<M>) -> Fired<M> {
    let Step { from, to, events, ignored, .. } = step;
    Fired { revision, from, to, events, duplicate: false, ignored }
}

pub(super) async fn load<M: Machine>(
    inner: &Inner<M>,
    stream: &StreamId,
) -> Result<Loaded<M>, Arc<LoadError>> {
    let now = || inner.repository.clock.now();
    if let Some(error) = inner.quarantine.holds(stream, now()) {
        return Err(error);
    }
    let (began, span) = (inner.observer.start(), Span::load());
    // The semaphore is never closed.
    let _turn = inner.loads.acquire().await;
    let loaded = match inner.refuse_erased(stream).await {
        Ok(()) => span.around(inner.repository.load(stream)).await.map_err(Arc::new),
        Err(error) => Err(Arc::new(error)),
    };
    let error = loaded.as_ref().err().map(|error| &**error);
    span.outcome(load_outcome(error));
    if let Ok(loaded) = &loaded {
        span.revision(loaded.revision());
    }
    inner.observer.load(stream, began, error);
    inner.pulse.store(match error {
        Some(LoadError::Store { source, .. }) => Some(source),
        _ => None,
    });
    match &loaded {
        Ok(_) => inner.quarantine.release(stream),
        Err(error) => inner.quarantine.put(stream, error, now()),
    }
    loaded
}
