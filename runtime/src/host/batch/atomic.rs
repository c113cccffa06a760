//! A batch that stands or falls as one: every instance is held in its turn, all requests are decided on the held copies, and
//! what is accepted is one append of the store's.
//!
//! Holds are taken in the order of addresses, so that two batches never wait for each other.

use super::tokens::Tokens;
use crate::error::{FireError, LoadError};
use crate::host::convoy::Gate;
use crate::host::hold::{Held, hold};
use crate::host::quotas::{self, Begun};
use crate::host::request::Request;
use crate::host::round::{Round, Spoiled, Verdict};
use crate::host::runner::{Group, Lost, Next, answer_again, load, pause, recorded};
use crate::host::{Host, snapshots};
use crate::machine::Machine;
use crate::observe::Began;
use crate::repository::Origin;
use crate::store::{Append, Atomic, Head, Outcome, Revision, StoreError, StreamId, Unit};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Requests of an atomic batch, by instance, each instance's in their order.
pub(super) type Parts<M> = BTreeMap<StreamId, Vec<Request<M>>>;

/// One instance of the batch.
struct Part<'a, M: Machine> {
    group: Group<'a, M>,
    held: Held<M>,
    round: Round<M>,
}

/// The request that the batch fell with.
struct Culprit {
    part: usize,
    place: usize,
    error: FireError,
}

struct Whole<'a, M: Machine> {
    host: &'a Host<M>,
    gate: &'a Gate,
    parts: Vec<Part<'a, M>>,
    tokens: Tokens<M>,
    tries: u32,
}

/// What came of one append.
enum Fate {
    Recorded(Vec<(usize, Head)>),
    /// Read again and decide again.
    Again,
    /// Called back before it was handed over.
    Left,
    Fell(Culprit),
}

/// What the store can write as one, if that is not enough.
pub(super) fn too_wide<'a, M: Machine>(
    host: &Host<M>,
    streams: impl Iterator<Item = &'a StreamId>,
) -> Option<Atomic> {
    let store = &host.0.repository.store;
    let streams: BTreeSet<_> = streams.collect();
    let can = store.limits().atomic;
    let is_enough = match can {
        Atomic::Store => true,
        Atomic::Shard => streams.iter().map(|stream| store.shard(stream)).collect::<BTreeSet<_>>().len() <= 1,
        Atomic::Instance => streams.len() <= 1,
    };
    (!is_enough).then_some(can)
}

/// Answers every request when the batch is recorded; otherwise the one that it fell with, and no other.
pub(super) async fn fire<M: Machine>(host: Host<M>, gate: Arc<Gate>, parts: Parts<M>, tokens: Tokens<M>) {
    let parts: Vec<_> = parts.into_iter().collect();
    let streams: Vec<_> = parts.iter().map(|(stream, _)| stream.clone()).collect();
    let mut whole = Whole { host: &host, gate: &gate, parts: Vec::new(), tokens, tries: 0 };
    for (stream, (_, mut requests)) in streams.iter().zip(parts) {
        match hold(&host, stream).await {
            Ok(held) => {
                let mut group = Group::new(&host.0, stream, requests);
                if let Err(error) = group.open().await {
                    if let Some(request) = group.pending.pop() {
                        request.answer(Err(FireError::Load(error)));
                    }
                    return;
                }
                whole.parts.push(Part { group, held, round: Round::default() });
            }
            Err(error) => {
                if !requests.is_empty() {
                    requests.swap_remove(0).answer(Err(error));
                }
                return;
            }
        }
    }
    whole.settle().await;
}

impl<'a, M: Machine> Whole<'a, M> {
    /// Room for the instances that begin, in the quotas of their tenants.
    async fn begin(&mut self, numbers: &[usize]) -> Result<Vec<Begun<'a>>, Culprit> {
        let (host, mut begun) = (self.host, Vec::new());
        for part in numbers.iter().copied() {
            let Some(Part { group, held, .. }) = self.parts.get_mut(part) else { continue };
            if held.live.fold.head.revision == Revision(0) {
                let room = host.0.quotas.begin(group.stream).await;
                begun.push(room.map_err(|error| Culprit { part, place: 0, error })?);
            }
        }
        Ok(begun)
    }

    /// What is recorded counts for the quotas of the tenants.
    fn count(&self, weights: &[(usize, (u64, u64))]) {
        for (number, weight) in weights {
            if let Some(part) = self.parts.get(*number) {
                self.host.0.quotas.recorded(&part.group.stream.tenant, *weight, false);
            }
        }
    }
}

impl<M: Machine> Whole<'_, M> {
    async fn settle(mut self) {
        loop {
            let fate = match self.decide().await {
                Ok(()) => self.append().await,
                Err(culprit) => Fate::Fell(culprit),
            };
            let again = match fate {
                Fate::Recorded(heads) => return self.answer(heads).await,
                Fate::Fell(culprit) => Err(culprit),
                Fate::Left => return,
                Fate::Again => self.read_again().await,
            };
            match again {
                Ok(true) => return self.landed().await,
                Ok(false) if self.tries <= self.host.0.options.conflict_retries => {}
                Ok(false) => return self.give_up(),
                Err(Culprit { part, place, error }) => {
                    let pending = self.parts.get_mut(part).map(|part| &mut part.group.pending);
                    if let Some(pending) = pending.filter(|pending| place < pending.len()) {
                        pending.swap_remove(place).answer(Err(error));
                    }
                    return;
                }
            }
        }
    }

    /// Every request on its held copy. The first that is not accepted ends it.
    async fn decide(&mut self) -> Result<(), Culprit> {
        for number in 0..self.parts.len() {
            let Some(part) = self.parts.get_mut(number) else { continue };
            let fell = |place, error| Culprit { part: number, place, error };
            let before = part.held.live.revision();
            let mut decided = part.group.decide(&mut part.held.live);
            while part.group.lacks_keys() {
                part.group.provide().await.map_err(|error| fell(0, error))?;
                let loaded = load(&self.host.0, part.group.stream).await;
                part.held.live = loaded.map_err(|error| fell(0, FireError::Load(error)))?;
                decided = part.group.decide(&mut part.held.live);
            }
            part.round = decided.map_err(|Spoiled { place, error }| fell(place, *error))?;
            for place in 0..part.group.pending.len() {
                let known = part.known(place, before).map_err(|error| fell(place, error))?;
                if let Some((origin, revision)) = known {
                    let told = recorded(&self.host.0, part.group.stream, (&origin, revision)).await;
                    told.map_err(|error| fell(place, error))?;
                }
            }
        }
        Ok(())
    }

    /// An instance that begins has no end of a stream to stop it when its tenant was erased.
    async fn refuse_erased(&mut self) -> Result<(), Culprit> {
        for part in 0..self.parts.len() {
            let Some(Part { group, held, .. }) = self.parts.get_mut(part) else { continue };
            if held.live.revision() == Revision(0) {
                let refused = self.host.0.refuse_erased(group.stream).await;
                refused.map_err(|error| Culprit {
                    part,
                    place: 0,
                    error: FireError::Load(Arc::new(error)),
                })?;
            }
        }
        Ok(())
    }

    async fn append(&mut self) -> Fate {
        let with_steps = |part: &(usize, &mut Part<'_, M>)| !part.1.round.steps.is_empty();
        let (mut numbers, mut appends) = (Vec::new(), Vec::new());
        for (number, part) in self.parts.iter_mut().enumerate().filter(with_steps) {
            let (stream, after) = (part.group.stream.clone(), part.held.live.fold.head);
            numbers.push(number);
            appends.push(Append { stream, after, steps: std::mem::take(&mut part.round.steps) });
        }
        if appends.is_empty() {
            return Fate::Recorded(Vec::new());
        }
        if let Err(culprit) = self.refuse_erased().await {
            return Fate::Fell(culprit);
        }
        let begun = match self.begin(&numbers).await {
            Ok(begun) => begun,
            Err(culprit) => return Fate::Fell(culprit),
        };
        let weights: Vec<_> = appends.iter().map(|append| quotas::weight(&append.steps)).collect();
        // Each instance has its own head: what is found of the batch is its own record behind any of them.
        if !self.gate.enter(Revision(0)) {
            return Fate::Left;
        }
        self.tokens.are_spent(true);
        let firsts: Vec<_> = appends.iter().map(first_command).collect();
        let unit = if appends.len() == 1 { Unit::Each } else { Unit::Batch };
        let counts: Vec<_> = appends.iter().map(|append| append.steps.len()).collect();
        let handed_over = self.host.0.observer.start();
        let outcomes = self.host.0.repository.store.append(appends, unit).await;
        self.tell(handed_over, numbers.iter().zip(counts).zip(&outcomes));
        let weights: Vec<_> = numbers.iter().copied().zip(weights).collect();
        let fate = self.fate((numbers, firsts), outcomes);
        if matches!(fate, Fate::Recorded(_)) {
            begun.into_iter().for_each(Begun::keep);
            self.count(&weights);
        }
        let is_open = self.parts.iter().any(|part| part.group.is_lost());
        if !matches!(fate, Fate::Recorded(_)) && !is_open {
            self.tokens.are_spent(false);
            self.gate.reopen();
        }
        fate
    }

    fn tell<'a>(&self, began: Began, appends: impl Iterator<Item = ((&'a usize, usize), &'a Outcome)>) {
        for ((number, steps), outcome) in appends {
            if let Some(part) = self.parts.get(*number) {
                self.host.0.observer.append(part.group.stream, began, (steps, Some(outcome)));
            }
        }
    }

    fn fate(
        &mut self,
        (numbers, firsts): (Vec<usize>, Vec<(Revision, Arc<str>)>),
        outcomes: Vec<Outcome>,
    ) -> Fate {
        let (mut heads, mut fate, mut fallen) = (Vec::new(), None, None);
        // An answer that is missing is none.
        let missing = std::iter::repeat_with(|| Outcome::Refused(StoreError::Batch));
        let outcomes = outcomes.into_iter().chain(missing);
        for ((number, (after, first)), outcome) in numbers.into_iter().zip(firsts).zip(outcomes) {
            let Some(part) = self.parts.get_mut(number) else { continue };
            let stream = || part.group.stream.clone();
            let fell =
                |error| Fate::Fell(Culprit { part: number, place: 0, error: part.group.lost_or(error) });
            match outcome {
                Outcome::Appended(head) => heads.push((number, head)),
                Outcome::Conflict(_) => fate = Some(Fate::Again),
                Outcome::Gone => {
                    return fell(FireError::Load(Arc::new(LoadError::Deleted { stream: stream() })));
                }
                Outcome::Refused(source) => {
                    let is_cause = !matches!(source, StoreError::Batch);
                    let fell = fell(FireError::Store { stream: stream(), source: Arc::new(source) });
                    if is_cause {
                        return fell;
                    }
                    // Of the others one says why.
                    fallen.get_or_insert(fell);
                }
                Outcome::Unknown(error) => {
                    let verdicts = std::mem::take(&mut part.round.verdicts);
                    part.group.lose(Lost { after, first, verdicts, error: Arc::new(error) });
                    fate = Some(Fate::Again);
                }
            }
        }
        fate.or(fallen).unwrap_or(Fate::Recorded(heads))
    }

    /// Whether an append whose answer was lost is recorded after all.
    async fn read_again(&mut self) -> Result<bool, Culprit> {
        self.tries += 1;
        self.host.0.repository.clock.sleep(pause(self.tries)).await;
        for (number, part) in self.parts.iter_mut().enumerate() {
            let loaded = load(&self.host.0, part.group.stream).await;
            part.held.live = loaded.map_err(|error| {
                let error = part.group.lost_or(FireError::Load(error));
                Culprit { part: number, place: 0, error }
            })?;
        }
        let mut lost = self.parts.iter().filter(|part| part.group.is_lost()).peekable();
        Ok(lost.peek().is_some() && lost.all(|part| part.group.has_landed(&part.held.live)))
    }

    async fn answer(mut self, heads: Vec<(usize, Head)>) {
        for (number, head) in heads {
            if let Some(part) = self.parts.get_mut(number) {
                part.held.live.fold.head = head;
            }
        }
        let mut refunds = Vec::new();
        for Part { mut group, held: Held { live, back }, round } in self.parts {
            let all = group.pending.len();
            let idle = idle_seats(&group.pending, &round.verdicts);
            let before = Revision(live.revision().0.saturating_sub((all - idle.len()) as u64));
            refunds.extend(idle);
            if before == Revision(0) && live.revision() > before && group.came_late().await {
                continue;
            }
            let again = group.answer(&live, round.verdicts, before);
            back.give(snapshots::offer(&self.host.0, group.stream, live, before).await);
            answer_again(&self.host.0, group.stream, again).await;
        }
        self.tokens.refund(&refunds);
    }

    /// The append whose answer was lost is recorded.
    async fn landed(mut self) {
        for mut part in std::mem::take(&mut self.parts) {
            if part.group.is_lost() {
                let Held { live, back } = part.held;
                if let Next::Done(Some(live)) = part.group.landed(live).await {
                    back.give(live);
                }
            } else {
                let verdicts = std::mem::take(&mut part.round.verdicts);
                let again = part.group.answer(&part.held.live, verdicts, part.held.live.revision());
                answer_again(&self.host.0, part.group.stream, again).await;
                let Held { live, back } = part.held;
                back.give(live);
            }
        }
    }

    fn give_up(mut self) {
        for part in &mut self.parts {
            part.group.give_up(self.tries);
        }
    }
}

impl<M: Machine> Part<'_, M> {
    /// What stands in the way of a request, or the record from before that is to answer it.
    fn known(&mut self, place: usize, before: Revision) -> Result<Option<(Origin, Revision)>, FireError> {
        let (Some(verdict), Some(request)) =
            (self.round.verdicts.get_mut(place), self.group.pending.get(place))
        else {
            return Ok(None);
        };
        match verdict {
            Verdict::Rejected(rejection) => Err(rejection.clone().into()),
            Verdict::Conflict(error) => Err(std::mem::replace(error, FireError::Closed)),
            Verdict::Duplicate(revision) if *revision <= before => {
                Ok(Some((request.origin.clone(), *revision)))
            }
            Verdict::Duplicate(revision) => {
                let revision = *revision;
                self.same_trigger((revision, before), place).map(|()| None)
            }
            _ => Ok(None),
        }
    }

    /// A command id that comes twice in the batch stands for one trigger.
    fn same_trigger(&self, (revision, before): (Revision, Revision), place: usize) -> Result<(), FireError> {
        let step =
            usize::try_from(revision.0 - before.0 - 1).ok().and_then(|step| self.round.steps.get(step));
        let (Some(step), Some(request)) = (step, self.group.pending.get(place)) else { return Ok(()) };
        let (recorded, asked) = (step.trigger.to_string(), request.origin.trigger);
        if recorded == asked {
            return Ok(());
        }
        let (stream, command) = (self.group.stream.clone(), Arc::clone(&step.command));
        Err(FireError::CommandIdReused { stream, command, revision, recorded, asked: asked.to_owned() })
    }
}

/// Requests without a record of their own.
fn idle_seats<M: Machine>(pending: &[Request<M>], verdicts: &[Verdict<M>]) -> Vec<usize> {
    let decided = pending.iter().zip(verdicts);
    let idle = decided.filter(|(request, verdict)| !verdict.is_recorded(request));
    idle.filter_map(|(request, _)| request.seat()).collect()
}

fn first_command(append: &Append) -> (Revision, Arc<str>) {
    let first = append.steps.first().map(|step| Arc::clone(&step.command));
    (append.after.revision, first.unwrap_or_default())
}
