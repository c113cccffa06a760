//! A round whose answer was lost: recorded or not, the records tell. And how requests fail of which one was lost.

use super::known::answer_again;
use super::{Group, Next};
use crate::error::{FireError, LoadError};
use crate::host::request::Request;
use crate::host::round::Verdict;
use crate::machine::Machine;
use crate::repository::Loaded;
use crate::store::{Revision, StoreError};
use std::sync::Arc;

/// A round whose answer was lost.
pub(in crate::host) struct Lost<M: Machine> {
    pub(in crate::host) after: Revision,
    /// The command id of its first step.
    pub(in crate::host) first: Arc<str>,
    pub(in crate::host) verdicts: Vec<Verdict<M>>,
    pub(in crate::host) error: Arc<StoreError>,
}

impl<M: Machine> Group<'_, M> {
    /// Nobody knows whether the round is recorded.
    pub(in crate::host) fn lose(&mut self, lost: Lost<M>) {
        for (request, verdict) in self.pending.iter_mut().zip(&lost.verdicts) {
            request.tried |= verdict.is_recorded(request);
        }
        self.lost = Some(lost);
    }

    pub(in crate::host) fn is_lost(&self) -> bool {
        self.lost.is_some()
    }

    /// An error that says nothing of what was lost before is not the whole truth.
    pub(in crate::host) fn lost_or(&self, error: FireError) -> FireError {
        match &self.lost {
            Some(Lost { error, .. }) => {
                FireError::Unknown { stream: self.stream.clone(), source: Arc::clone(error) }
            }
            None => error,
        }
    }

    pub(in crate::host) fn has_landed(&self, loaded: &Loaded<M>) -> bool {
        let Some(Lost { after, first, verdicts, .. }) = &self.lost else { return false };
        let is_there = |(request, verdict): (&Request<M>, &Verdict<M>)| {
            !verdict.is_recorded(request) || loaded.fold.seen(&request.origin.command).is_some()
        };
        // Woken timers are steps without a command of the request's.
        let mut steps = self.pending.iter().zip(verdicts).filter(|(request, _)| request.is_fired());
        loaded.fold.seen(first) == Some(after.plus(1)) && steps.all(is_there)
    }

    /// The round whose answer was lost is recorded. Refusals of it stand where they were decided; steps are told from
    /// their records.
    pub(in crate::host) async fn landed(&mut self, live: Loaded<M>) -> Next<M> {
        let Some(Lost { after, verdicts, .. }) = self.lost.take() else { return Next::Done(Some(live)) };
        if after == Revision(0) && self.came_late().await {
            return Next::Done(None);
        }
        let told = |(verdict, request): (_, &Request<M>)| match (verdict, &request.origin.command) {
            (Verdict::Fired(revision, _), command) => {
                Verdict::Duplicate(live.fold.seen(command).unwrap_or(revision))
            }
            (verdict, _) => verdict,
        };
        let verdicts = verdicts.into_iter().zip(&self.pending).map(told).collect();
        let again = self.answer(&live, verdicts, after);
        answer_again(self.inner, self.stream, again).await;
        self.go_on(live)
    }

    pub(in crate::host) fn give_up(&mut self, tries: u32) {
        let stream = self.stream;
        self.fail(|| FireError::Contended { stream: stream.clone(), tries });
    }

    pub(super) fn refused(&mut self, error: StoreError) -> Next<M> {
        let (stream, source) = (self.stream, Arc::new(error));
        self.fail(|| FireError::Store { stream: stream.clone(), source: Arc::clone(&source) });
        Next::Done(None)
    }

    pub(super) fn fail_all(&mut self, error: &Arc<LoadError>) {
        self.fail(|| FireError::Load(Arc::clone(error)));
    }

    /// Nothing was recorded, but for what was handed over before and never answered: of that nobody knows.
    pub(super) fn fail(&mut self, error: impl Fn() -> FireError) {
        for request in self.pending.drain(..) {
            let lost = self.lost.as_ref().filter(|_| request.tried);
            let unknown = |lost: &Lost<M>| FireError::Unknown {
                stream: self.stream.clone(),
                source: Arc::clone(&lost.error),
            };
            request.answer(Err(lost.map_or_else(&error, unknown)));
        }
    }
}
