//! Works one instance's queue off: group by group, one append each, answers behind it.

use super::cache::Slot;
use super::request::{Ask, Request};
use super::round::{Ground, Round, Spoiled, Verdict, decide};
use super::shadow::Observed;
use super::{Fired, Inner, snapshots};
use crate::error::{FireError, LoadError};
use crate::event::UpcastContext;
use crate::instance::Step;
use crate::machine::Machine;
use crate::repository::{Loaded, Origin, decode_events, named_state};
use crate::store::{Append, Kind, Outcome, Revision, StoreError, StreamId, Unit};
use backon::{BackoffBuilder, ExponentialBuilder};
use jiff::Timestamp;
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
                work.live = live;
                work.running = false;
                return;
            }
            let count = work.queue.len().min(inner.options.group_max);
            work.queue.drain(..count).collect()
        };
        let now = inner.repository.clock.now();
        live = Group { inner, stream, pending: group, tries: 0, now }.settle(live).await;
    }
}

struct Group<'a, M: Machine> {
    inner: &'a Arc<Inner<M>>,
    stream: &'a StreamId,
    pending: Vec<Request<M>>,
    tries: u32,
    /// When its last round was decided.
    now: Timestamp,
}

/// What to do with the live copy after a round.
#[allow(clippy::large_enum_variant, reason = "a box for each round costs more than the move")]
enum Next<M: Machine> {
    /// Everything is answered.
    Done(Option<Loaded<M>>),
    /// Read again and decide again.
    Again,
}

impl<M: Machine> Group<'_, M> {
    /// Answers every request of the group. Returns the live copy, if it is still good.
    async fn settle(mut self, mut live: Option<Loaded<M>>) -> Option<Loaded<M>> {
        loop {
            let fresh = live.is_none();
            let loaded = match live.take() {
                Some(loaded) => Ok(loaded),
                None => load(self.inner, self.stream).await,
            };
            let next = match loaded {
                Ok(loaded) => self.round(loaded, fresh).await,
                Err(error) => {
                    self.fail_all(&error);
                    Next::Done(None)
                }
            };
            match next {
                Next::Done(live) => return live,
                Next::Again => live = None,
            }
        }
    }

    async fn round(&mut self, mut live: Loaded<M>, fresh: bool) -> Next<M> {
        let repository = &self.inner.repository;
        let limits = repository.store.limits();
        self.now = repository.clock.now();
        let mut ground = Ground {
            stream: self.stream,
            live: &mut live,
            now: self.now,
            step_bytes_max: limits.step_bytes_max,
            turns_max: TURNS_MAX.min(1 + limits.steps_max.saturating_sub(self.pending.len())),
            missed: self.inner.options.missed,
        };
        let round = match decide(&mut ground, &self.pending) {
            Ok(round) => round,
            Err(Spoiled { place, error }) => {
                self.pending.remove(place).answer(Err(*error));
                return if self.pending.is_empty() { Next::Done(None) } else { Next::Again };
            }
        };
        if round.steps.is_empty() {
            return self.without_steps(live, round, fresh).await;
        }
        self.record(live, round).await
    }

    /// Refusals and views stand on the copy alone, so it must be the newest.
    async fn without_steps(&mut self, live: Loaded<M>, round: Round<M>, fresh: bool) -> Next<M> {
        if !fresh {
            match self.inner.repository.store.head(self.stream).await {
                Ok(head) if head.revision == live.fold.head.revision => {}
                Ok(_) => return Next::Again,
                Err(source) => {
                    self.fail_all(&Arc::new(LoadError::Store { stream: self.stream.clone(), source }));
                    return Next::Done(None);
                }
            }
        }
        let again = self.answer(&live, round.verdicts, live.revision());
        answer_again(self.inner, self.stream, again).await;
        Next::Done(Some(live))
    }

    async fn record(&mut self, mut live: Loaded<M>, round: Round<M>) -> Next<M> {
        let Round { verdicts, steps } = round;
        let after = live.fold.head;
        let append = Append { stream: self.stream.clone(), after, steps };
        let outcome = self.inner.repository.store.append(vec![append], Unit::Each).await.pop();
        match outcome {
            Some(Outcome::Appended(head)) => {
                live.fold.head = head;
                let deleted = matches!(verdicts.last(), Some(Verdict::Deleted(_)));
                let again = self.answer(&live, verdicts, after.revision);
                answer_again(self.inner, self.stream, again).await;
                if deleted {
                    return Next::Done(None);
                }
                snapshots::offer(self.inner, self.stream, &live, after.revision);
                Next::Done(Some(live))
            }
            Some(Outcome::Conflict(_)) => self.again(None).await,
            Some(Outcome::Unknown(error)) => {
                self.pending.iter_mut().for_each(|request| request.tried = true);
                self.again(Some(error)).await
            }
            Some(Outcome::Gone) => {
                self.fail_all(&Arc::new(LoadError::Deleted { stream: self.stream.clone() }));
                Next::Done(None)
            }
            Some(Outcome::Refused(error)) => self.refused(error),
            None => self.refused(StoreError::Empty { stream: self.stream.clone() }),
        }
    }

    /// Another host was faster, or the answer was lost: the copy is thrown away, and after a moment all is read and
    /// decided again.
    async fn again(&mut self, lost: Option<StoreError>) -> Next<M> {
        self.tries += 1;
        if self.tries > self.inner.options.conflict_retries {
            let (stream, tries, lost) = (self.stream.clone(), self.tries, lost.map(Arc::new));
            for request in self.pending.drain(..) {
                let stream = stream.clone();
                request.answer(Err(match &lost {
                    Some(source) => FireError::Unknown { stream, source: Arc::clone(source) },
                    None => FireError::Contended { stream, tries },
                }));
            }
            return Next::Done(None);
        }
        tracing::debug!(stream = %self.stream, tries = self.tries, lost = lost.is_some(), "decides again");
        self.inner.repository.clock.sleep(self.pause()).await;
        Next::Again
    }

    fn pause(&self) -> Duration {
        let times = ExponentialBuilder::new()
            .with_min_delay(Duration::from_micros(200))
            .with_max_delay(Duration::from_millis(100));
        let mut delays = times.with_jitter().without_max_times().build();
        delays.nth(usize::try_from(self.tries).unwrap_or(usize::MAX)).unwrap_or_default()
    }

    fn refused(&mut self, error: StoreError) -> Next<M> {
        let source = Arc::new(error);
        for request in self.pending.drain(..) {
            request
                .answer(Err(FireError::Store { stream: self.stream.clone(), source: Arc::clone(&source) }));
        }
        Next::Done(None)
    }

    fn fail_all(&mut self, error: &Arc<LoadError>) {
        for request in self.pending.drain(..) {
            request.answer(Err(FireError::Load(Arc::clone(error))));
        }
    }

    /// Answers what is recorded behind `at`. Requests behind a deletion were not decided: the stream is gone. Left over are the
    /// requests whose command id has a record already.
    fn answer(
        &mut self,
        live: &Loaded<M>,
        verdicts: Vec<Verdict<M>>,
        mut at: Revision,
    ) -> Vec<(Request<M>, Revision)> {
        let mut verdicts = verdicts.into_iter();
        let mut again = Vec::new();
        for request in self.pending.drain(..) {
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
                    request.answer(Ok(fired(revision, Step::nowhere(live.instance.state()))));
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

fn fired<M: Machine>(revision: Revision, step: Step<M>) -> Fired<M> {
    let Step { from, to, events, ignored, .. } = step;
    Fired { revision, from, to, events, duplicate: false, ignored }
}

async fn load<M: Machine>(inner: &Inner<M>, stream: &StreamId) -> Result<Loaded<M>, Arc<LoadError>> {
    let now = || inner.repository.clock.now();
    if let Some(error) = inner.quarantine.holds(stream, now()) {
        return Err(error);
    }
    // The semaphore is never closed.
    let _turn = inner.loads.acquire().await;
    let loaded = inner.repository.load(stream).await.map_err(Arc::new);
    match &loaded {
        Ok(_) => inner.quarantine.release(stream),
        Err(error) => inner.quarantine.put(stream, error, now()),
    }
    loaded
}

/// Answers requests whose command id has a record already, from that record.
async fn answer_again<M: Machine>(inner: &Inner<M>, stream: &StreamId, again: Vec<(Request<M>, Revision)>) {
    for (request, revision) in again {
        let reply = recorded(inner, stream, (&request.origin, revision)).await;
        let own = request.tried;
        request.answer(reply.map(|fired| Fired { duplicate: !own, ..fired }));
    }
}

/// The answer of the first time.
async fn recorded<M: Machine>(
    inner: &Inner<M>,
    stream: &StreamId,
    asked: (&Origin, Revision),
) -> Result<Fired<M>, FireError> {
    let (origin, revision) = asked;
    let load = |error| FireError::Load(Arc::new(error));
    let record = inner.repository.record(stream, revision).await.map_err(load)?;
    let step = &record.step;
    if *step.trigger != *origin.trigger {
        let (recorded, asked) = (step.trigger.to_string(), origin.trigger.to_owned());
        let (stream, command) = (stream.clone(), Arc::clone(&step.command));
        return Err(FireError::CommandIdReused { stream, command, revision, recorded, asked });
    }
    if let (Kind::Rejection, Some(rejection)) = (step.kind, &step.body.rejection) {
        let rejection =
            rejection.decode().map_err(|source| FireError::Encode { stream: stream.clone(), source })?;
        return Err(FireError::Rejected(rejection));
    }
    let mut place =
        UpcastContext::new(&stream.tenant, &stream.machine, &stream.instance).at(revision.0, step.at);
    let events = decode_events::<M>(&record, &mut place).map_err(load)?;
    let from = named_state::<M>(&record, &step.from).map_err(load)?;
    let to = named_state::<M>(&record, &step.to).map_err(load)?;
    Ok(Fired { revision, from, to, events, duplicate: true, ignored: false })
}
