//! The way of an atomic batch: all requests leave together when the input has ended, and come back together.

use super::alarms::Alarm;
use super::atomic::{self, Parts};
use super::engine::{Engine, Loss};
use super::flight::{Errand, Flight, Stage, Unanswered};
use super::report::{BatchOutcome, Skip};
use super::request::Item;
use super::tokens::Tokens;
use crate::error::FireError;
use crate::host::Host;
use crate::host::convoy::{Convoy, Seat, Trip};
use crate::host::request::{Reply, Request, Waiting};
use crate::machine::Machine;
use crate::store::{StoreError, StreamId};
use std::sync::Arc;

impl<M: Machine> Engine<M> {
    /// The input has ended, or is longer than can be written as one.
    pub(super) fn depart_whole(&mut self) {
        let mut items = std::mem::take(&mut self.whole);
        let Some(first) = items.first() else { return };
        let stream = first.stream.clone();
        if let Some(refusal) = self.refusal(&items) {
            for item in items {
                let (stream, source) = (item.stream.clone(), Arc::new(refusal()));
                self.finish(item, BatchOutcome::Failed(FireError::Store { stream, source }));
            }
            return;
        }
        for item in &mut items {
            item.tries += 1;
        }
        let number = self.next_number();
        let until = self.alarms.set(self.options.step_timeout, Alarm::Flight(number));
        let convoy = Arc::new(Convoy::new(items.len()));
        let requests: Vec<_> = items.iter().map(|item| (item.stream.clone(), item.request())).collect();
        let landed = (self.landed.clone(), number);
        let (host, joint, seats) = (self.host.clone(), Arc::clone(&self.joint), Arc::clone(&convoy));
        let errand = self.errands.spawn(async move {
            let room = u32::try_from(host.0.options.in_flight_max).unwrap_or(u32::MAX);
            let count = room.min(u32::try_from(requests.len()).unwrap_or(u32::MAX));
            // The semaphore is never closed.
            if let Ok(permit) = Arc::clone(&host.0.in_flight).acquire_many_owned(count).await {
                let trip = Arc::new(Trip::new(&seats, (&joint, false), landed, permit));
                travel(host, &trip, requests).await;
            }
            Errand::Travelled
        });
        let items = items.into_iter().map(Some).collect();
        let stage = Stage::Away(convoy);
        let errand = Some(errand);
        let began = self.host.0.observer.start();
        let flight = Flight { stream, items, stage, until, began, errand, passes: None, loss: None };
        self.flights.insert(number, flight);
    }

    /// What the store says to so many requests of so many instances.
    fn refusal(&self, items: &[Item<M>]) -> Option<impl Fn() -> StoreError + use<M>> {
        let (steps, max) = (items.len(), self.whole_max());
        let streams = items.iter().map(|item| &item.stream);
        let can = atomic::too_wide(&self.host, streams);
        let refusal = move || match can {
            Some(can) => StoreError::NotAtomic { can },
            None => StoreError::TooMany { steps, max },
        };
        (steps > max || can.is_some()).then_some(refusal)
    }

    /// Most requests of an atomic batch.
    pub(super) fn whole_max(&self) -> usize {
        self.host.0.repository.store.limits().steps_max
    }

    /// All of it has its answer, or nothing of it is recorded.
    pub(super) fn land_whole(&mut self, flight: Flight<M>) {
        let in_commit = flight.convoy().is_some_and(|convoy| convoy.gate.in_commit().is_some());
        let replies = flight.replies();
        let may_help = |reply: &Reply<M>| reply.as_ref().is_err_and(FireError::is_retryable);
        let tries = flight.items.iter().flatten().map(|item| item.tries).max().unwrap_or_default();
        if self.ending.is_none()
            && self.options.retry.allows(tries)
            && replies.iter().flatten().any(may_help)
            && !replies.iter().flatten().any(Result::is_ok)
        {
            for (item, reply) in flight.items.into_iter().zip(replies) {
                let Some(mut item) = item else { continue };
                item.is_open |= in_commit;
                item.last = reply.and_then(Result::err).or(item.last);
                self.whole.push(item);
            }
            self.alarms.set(self.options.retry.pause(tries), Alarm::Whole);
            return;
        }
        let unanswered = match flight.loss.or(self.ending) {
            _ if in_commit => Unanswered::Open,
            loss => Unanswered::Lost(loss.unwrap_or(Loss::Skipped(Skip::Atomic))),
        };
        self.disembark(flight, replies, unanswered);
    }
}

/// Through the limits, one request after the other, and then to the instances.
async fn travel<M: Machine>(host: Host<M>, trip: &Arc<Trip<M>>, requests: Vec<(StreamId, Request<M>)>) {
    let mut tokens = Tokens::new(host.clone());
    let mut parts = Parts::new();
    for (place, (stream, mut request)) in requests.into_iter().enumerate() {
        request.waiting = Some(Waiting::Batch(Seat { trip: Arc::clone(trip), place }));
        if host.is_limited() {
            match host.admit(&stream, request.origin.trigger).await {
                Ok(passes) => tokens.add(place, &stream, passes),
                Err(error) => return request.answer(Err(error)),
            }
        }
        parts.entry(stream).or_default().push(request);
    }
    atomic::fire(host, Arc::clone(trip.gate()), parts, tokens).await;
}
