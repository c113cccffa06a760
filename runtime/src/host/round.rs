//! One round over a group: what every request comes to on the live copy, before anything is recorded.
//!
//! It decides in place and records nothing; a round that cannot be recorded is thrown away with its copy.

use super::request::{Ask, Request};
use crate::error::FireError;
use crate::explain::Rejection;
use crate::instance::Step;
use crate::machine::Machine;
use crate::repository::{Loaded, encode_rejection, encode_step};
use crate::store::{Kind, RecordedStep, Revision, StreamId};
use jiff::Timestamp;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What a request comes to, if the round's steps are recorded.
pub(super) enum Verdict<M: Machine> {
    /// A step of this round.
    Fired(Revision, Step<M>),
    /// Refused, on top of what is recorded.
    Rejected(Rejection),
    /// Accepted, and nothing to record.
    Ignored(Step<M>),
    /// Its command id has this record, here or in an earlier round.
    Duplicate(Revision),
    /// Not decided: the copy is not where the command expects it.
    Conflict(FireError),
    /// The stream ends with this record.
    Deleted(Revision),
    /// Looks at the copy when the round is recorded.
    View,
}

impl<M: Machine> Verdict<M> {
    /// The revision behind it, from the one before it.
    pub(super) fn moves(&self, request: &Request<M>, before: Revision) -> Revision {
        match self {
            Self::Fired(revision, _) | Self::Deleted(revision) => *revision,
            Self::Rejected(_) if request.record_rejection => before.plus(1),
            _ => before,
        }
    }
}

/// The live copy has half a step in it: it must be thrown away. The request at this place is to blame.
pub(super) struct Spoiled {
    pub(super) place: usize,
    pub(super) error: Box<FireError>,
}

pub(super) struct Round<M: Machine> {
    pub(super) verdicts: Vec<Verdict<M>>,
    pub(super) steps: Vec<RecordedStep>,
}

/// Where a round is decided.
pub(super) struct Ground<'a, M: Machine> {
    pub(super) stream: &'a StreamId,
    pub(super) live: &'a mut Loaded<M>,
    pub(super) now: Timestamp,
    pub(super) step_bytes_max: usize,
}

/// Decides a group in its order.
pub(super) fn decide<M: Machine>(
    ground: &mut Ground<'_, M>,
    group: &[Request<M>],
) -> Result<Round<M>, Spoiled> {
    let mut round = Round { verdicts: Vec::with_capacity(group.len()), steps: Vec::new() };
    for (place, request) in group.iter().enumerate() {
        let next = ground.live.fold.head.revision.plus(round.steps.len() + 1);
        let verdict = ground
            .verdict(request, &mut round.steps, next)
            .map_err(|error| Spoiled { place, error: Box::new(error) })?;
        round.verdicts.push(verdict);
        if let (Some(Verdict::Fired(..) | Verdict::Rejected(_)), Some(step)) =
            (round.verdicts.last(), round.steps.last())
            && ground.live.fold.head.revision.plus(round.steps.len()) == next
        {
            ground.live.fold.note(&step.command, next, step.at);
        }
        if matches!(round.verdicts.last(), Some(Verdict::Deleted(_))) {
            break;
        }
    }
    Ok(round)
}

impl<M: Machine> Ground<'_, M> {
    fn verdict(
        &mut self,
        request: &Request<M>,
        steps: &mut Vec<RecordedStep>,
        next: Revision,
    ) -> Result<Verdict<M>, FireError> {
        if matches!(request.ask, Ask::View(_)) {
            return Ok(Verdict::View);
        }
        if let Some(revision) = self.live.fold.seen(&request.origin.command) {
            return Ok(Verdict::Duplicate(revision));
        }
        let found = Revision(next.0.saturating_sub(1));
        if let Some(expected) = request.expect.filter(|expected| *expected != found) {
            return Ok(Verdict::Conflict(FireError::Conflict {
                stream: self.stream.clone(),
                expected,
                found,
            }));
        }
        let now = request.at.unwrap_or(self.now).max(self.live.fold.at);
        self.live.instance.cx_mut().prepare(Some(now), request.origin.actor.clone());
        match &request.ask {
            Ask::Fire(trigger) => self.fire(request, trigger.clone(), (steps, next)),
            Ask::Start => self.start(request, steps, next),
            Ask::Delete | Ask::View(_) => {
                let step = RecordedStep {
                    kind: Kind::Deleted,
                    at: now,
                    command: Arc::clone(&request.origin.command),
                    ..RecordedStep::default()
                };
                steps.push(step);
                Ok(Verdict::Deleted(next))
            }
        }
    }

    fn fire(
        &mut self,
        request: &Request<M>,
        trigger: M::Trigger,
        record: (&mut Vec<RecordedStep>, Revision),
    ) -> Result<Verdict<M>, FireError> {
        let (steps, next) = record;
        let instance = &mut self.live.instance;
        // The copy is thrown away when the machine's code panics, so nobody sees it half-way.
        let fired = catch_unwind(AssertUnwindSafe(|| instance.decide(trigger)));
        let panicked =
            |_| FireError::Panicked { stream: self.stream.clone(), trigger: request.origin.trigger };
        match fired.map_err(panicked)? {
            Ok(step) if step.ignored => Ok(Verdict::Ignored(step)),
            Ok(step) => self.keep(request, step, (steps, next)),
            Err(rejection) => {
                if request.record_rejection {
                    let recorded =
                        encode_rejection::<M>(&rejection, self.live.instance.cx(), request.origin.clone());
                    steps.push(self.admit(recorded)?);
                }
                Ok(Verdict::Rejected(rejection))
            }
        }
    }

    fn start(
        &mut self,
        request: &Request<M>,
        steps: &mut Vec<RecordedStep>,
        next: Revision,
    ) -> Result<Verdict<M>, FireError> {
        let instance = &mut self.live.instance;
        let started = catch_unwind(AssertUnwindSafe(|| (!instance.has_begun()).then(|| instance.begin())));
        match started.map_err(|_| FireError::Panicked { stream: self.stream.clone(), trigger: "start" })? {
            Some(Ok(step)) => self.keep(request, step, (steps, next)),
            Some(Err(rejection)) => Ok(Verdict::Rejected(rejection)),
            None => Ok(Verdict::Ignored(Step::nowhere(self.live.instance.state()))),
        }
    }

    fn keep(
        &self,
        request: &Request<M>,
        step: Step<M>,
        record: (&mut Vec<RecordedStep>, Revision),
    ) -> Result<Verdict<M>, FireError> {
        let (steps, next) = record;
        let recorded = encode_step::<M>(&step, self.live.instance.cx(), request.origin.clone());
        steps.push(self.admit(recorded)?);
        Ok(Verdict::Fired(next, step))
    }

    /// A step that the store would refuse fails alone, before the group is handed over.
    fn admit(&self, recorded: Result<RecordedStep, serde_json::Error>) -> Result<RecordedStep, FireError> {
        let stream = || self.stream.clone();
        let step = recorded.map_err(|source| FireError::Encode { stream: stream(), source })?;
        let (bytes, max) = (step.bytes(), self.step_bytes_max);
        if bytes > max {
            let source = Arc::new(crate::store::StoreError::TooLarge { stream: stream(), bytes, max });
            return Err(FireError::Store { stream: stream(), source });
        }
        Ok(step)
    }
}
