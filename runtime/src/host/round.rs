//! One round over a group: what every request comes to on the live copy, before anything is recorded.
//!
//! It decides in place and records nothing; a round that cannot be recorded is thrown away with its copy.

use super::request::{Ask, Request, Woken};
use crate::error::FireError;
use crate::explain::Rejection;
use crate::instance::Step;
use crate::machine::Machine;
use crate::personal::take_failure;
use crate::repository::{Loaded, Origin, encode_rejection, encode_step};
use crate::store::{Kind, Payload, RecordedStep, Revision, StreamId};
use crate::timers::{Missed, Timer};
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
    /// Timers that were due; each has a step of this round.
    Woken(Woken),
    /// Looks at the copy when the round is recorded.
    View,
}

impl<M: Machine> Verdict<M> {
    /// A command id that is known may stand for another trigger, or for a refusal.
    fn may_fail(&self) -> bool {
        matches!(self, Self::Rejected(_) | Self::Conflict(_) | Self::Duplicate(_))
    }

    /// It has a record of its own in this round.
    pub(super) fn is_recorded(&self, request: &Request<M>) -> bool {
        self.moves(request, Revision(0)) > Revision(0)
    }

    /// The revision behind it, from the one before it.
    pub(super) fn moves(&self, request: &Request<M>, before: Revision) -> Revision {
        match self {
            Self::Fired(revision, _) | Self::Deleted(revision) => *revision,
            Self::Rejected(_) if request.record_rejection => before.plus(1),
            Self::Woken(woken) => before.plus(woken.ran),
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
    /// Timers that it runs.
    pub(super) turns: Vec<Turned>,
}

impl<M: Machine> Default for Round<M> {
    fn default() -> Self {
        Self { verdicts: Vec::new(), steps: Vec::new(), turns: Vec::new() }
    }
}

/// A timer that is run, if the round is recorded.
pub(crate) struct Turned {
    pub(crate) timer: String,
    pub(crate) due: Timestamp,
    pub(crate) at: Timestamp,
    pub(crate) refused: bool,
}

/// Where a round is decided.
pub(super) struct Ground<'a, M: Machine> {
    pub(super) stream: &'a StreamId,
    pub(super) live: &'a mut Loaded<M>,
    pub(super) now: Timestamp,
    pub(super) step_bytes_max: usize,
    /// Timers that one request runs.
    pub(super) turns_max: usize,
    pub(super) missed: Missed,
    /// The round ends behind a request that may turn out as not accepted.
    pub(super) stops: bool,
    pub(super) turns: Vec<Turned>,
}

/// Decides a group in its order.
pub(super) fn decide<M: Machine>(
    ground: &mut Ground<'_, M>,
    group: &[Request<M>],
) -> Result<Round<M>, Spoiled> {
    let (verdicts, turns) = (Vec::with_capacity(group.len()), Vec::new());
    let mut round = Round { verdicts, steps: Vec::new(), turns };
    for (place, request) in group.iter().enumerate() {
        let steps = &mut round.steps;
        let verdict =
            ground.verdict(request, steps).map_err(|error| Spoiled { place, error: Box::new(error) })?;
        let ends = matches!(verdict, Verdict::Deleted(_)) || ground.stops && verdict.may_fail();
        round.verdicts.push(verdict);
        if ends {
            break;
        }
    }
    round.turns = std::mem::take(&mut ground.turns);
    Ok(round)
}

impl<M: Machine> Ground<'_, M> {
    fn verdict(
        &mut self,
        request: &Request<M>,
        steps: &mut Vec<RecordedStep>,
    ) -> Result<Verdict<M>, FireError> {
        if matches!(request.ask, Ask::View(_) | Ask::Hold(_)) {
            return Ok(Verdict::View);
        }
        if let Some(revision) = self.live.fold.seen(&request.origin.command) {
            return Ok(Verdict::Duplicate(revision));
        }
        let found = self.next(steps).before();
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
            Ask::Fire(trigger) => self.fire(request, trigger.clone(), steps),
            Ask::Start => self.start(request, steps),
            Ask::Wake(_) => self.wake(steps),
            Ask::Delete | Ask::View(_) | Ask::Hold(_) => {
                let step = RecordedStep {
                    kind: Kind::Deleted,
                    at: self.live.instance.cx().now(),
                    command: Arc::clone(&request.origin.command),
                    ..RecordedStep::default()
                };
                let next = self.next(steps);
                steps.push(step);
                Ok(Verdict::Deleted(next))
            }
        }
    }

    /// The revision that the next step will have.
    fn next(&self, steps: &[RecordedStep]) -> Revision {
        self.live.fold.head.revision.plus(steps.len() + 1)
    }

    fn fire(
        &mut self,
        request: &Request<M>,
        trigger: M::Trigger,
        steps: &mut Vec<RecordedStep>,
    ) -> Result<Verdict<M>, FireError> {
        let instance = &mut self.live.instance;
        // The copy is thrown away when the machine's code panics, so nobody sees it half-way.
        let fired = catch_unwind(AssertUnwindSafe(|| instance.decide(trigger)));
        match fired.map_err(|_| self.panicked(request.origin.trigger))? {
            Ok(step) if step.ignored => Ok(Verdict::Ignored(step)),
            Ok(step) => self.keep(&request.origin, step, steps),
            Err(rejection) => {
                if request.record_rejection {
                    let recorded = encode_rejection(&rejection, &self.live.instance, request.origin.clone());
                    let recorded = self.admit(recorded)?;
                    self.note(recorded, steps);
                }
                Ok(Verdict::Rejected(rejection))
            }
        }
    }

    fn start(
        &mut self,
        request: &Request<M>,
        steps: &mut Vec<RecordedStep>,
    ) -> Result<Verdict<M>, FireError> {
        let instance = &mut self.live.instance;
        let started = catch_unwind(AssertUnwindSafe(|| (!instance.has_begun()).then(|| instance.begin())));
        match started.map_err(|_| self.panicked("start"))? {
            Some(Ok(step)) => self.keep(&request.origin, step, steps),
            Some(Err(rejection)) => Ok(Verdict::Rejected(rejection)),
            None => Ok(Verdict::Ignored(Step::nowhere(self.live.instance.state()))),
        }
    }

    /// Runs what is due, each timer as a step of its own.
    fn wake(&mut self, steps: &mut Vec<RecordedStep>) -> Result<Verdict<M>, FireError> {
        let mut ran = 0;
        while ran < self.turns_max
            && let Some(timer) = self.live.instance.first_due()
        {
            self.turn(timer, steps)?;
            ran += 1;
            let now = self.now.max(self.live.fold.at);
            self.live.instance.cx_mut().prepare(Some(now), None);
        }
        Ok(Verdict::Woken(Woken { ran, next: self.live.instance.next_due() }))
    }

    fn turn(&mut self, timer: Timer, steps: &mut Vec<RecordedStep>) -> Result<(), FireError> {
        let name = M::DEFINITION.timer_name(timer.arm);
        // Two hosts that both find it due mean the same step.
        let command = format!("timer/{name}/{}", timer.due.as_microsecond()).into();
        let origin = Origin { command, ..Origin::default() };
        let (instance, missed) = (&mut self.live.instance, self.missed);
        let elapsed = catch_unwind(AssertUnwindSafe(|| instance.elapse(timer, missed)));
        let elapsed = elapsed.map_err(|_| self.panicked("a timer"))?;
        let (due, at, refused) = (timer.due, self.live.instance.cx().now(), elapsed.is_err());
        self.turns.push(Turned { timer: name.clone(), due, at, refused });
        match elapsed {
            Ok(step) => self.keep(&origin, step, steps).map(|_| ()),
            Err(rejection) => {
                tracing::warn!(stream = %self.stream, timer = name, "the step of a timer was refused: the timer is spent");
                let step = self.live.instance.spend(timer, missed);
                let recorded = encode_step::<M>(&step, self.live.instance.cx(), origin);
                let recorded = recorded.and_then(|mut step| {
                    step.body.rejection = Some(Payload::of(&rejection)?);
                    Ok(step)
                });
                let recorded = self.admit(recorded)?;
                self.note(recorded, steps);
                Ok(())
            }
        }
    }

    fn panicked(&self, trigger: &'static str) -> FireError {
        FireError::Panicked { stream: self.stream.clone(), trigger }
    }

    fn keep(
        &mut self,
        origin: &Origin,
        step: Step<M>,
        steps: &mut Vec<RecordedStep>,
    ) -> Result<Verdict<M>, FireError> {
        let recorded = encode_step::<M>(&step, self.live.instance.cx(), origin.clone());
        let (recorded, next) = (self.admit(recorded)?, self.next(steps));
        self.note(recorded, steps);
        Ok(Verdict::Fired(next, step))
    }

    /// The step is the round's; a command that comes again in it is known.
    fn note(&mut self, step: RecordedStep, steps: &mut Vec<RecordedStep>) {
        let next = self.next(steps);
        self.live.fold.note(&step.command, next, step.at);
        steps.push(step);
    }

    /// A step that the store would refuse fails alone, before the group is handed over.
    fn admit(&self, recorded: Result<RecordedStep, serde_json::Error>) -> Result<RecordedStep, FireError> {
        let stream = || self.stream.clone();
        let step = recorded.map_err(|source| match take_failure() {
            Some(source) => FireError::Personal { stream: stream(), source },
            None => FireError::Encode { stream: stream(), source },
        })?;
        let (bytes, max) = (step.bytes(), self.step_bytes_max);
        if bytes > max {
            let source = Arc::new(crate::store::StoreError::TooLarge { stream: stream(), bytes, max });
            return Err(FireError::Store { stream: stream(), source });
        }
        Ok(step)
    }
}
