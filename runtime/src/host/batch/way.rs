//! The way of a request: out of its lane, through the limits and into its instance's queue, and back with an answer or
//! without.

use super::alarms::Alarm;
use super::engine::{Engine, Loss};
use super::flight::{Errand, Flight, Stage, Unanswered};
use super::options::OnFailure;
use super::report::{BatchOutcome, Skip};
use super::request::Item;
use crate::error::FireError;
use crate::host::convoy::{Convoy, Seat, Trip};
use crate::host::handle::{may_be_recorded, permits};
use crate::host::limits::Passes;
use crate::host::request::{Reply, Waiting};
use crate::machine::Machine;
use crate::store::StreamId;
use std::sync::Arc;
use std::time::Duration;

impl<M: Machine> Engine<M> {
    /// Requests of one instance leave their lane.
    pub(super) fn depart(&mut self, mut items: Vec<Item<M>>) {
        let Some(first) = items.first() else { return };
        let (stream, trigger) = (first.stream.clone(), first.wish.origin.trigger);
        for item in &mut items {
            item.tries += 1;
        }
        let number = self.next_number();
        let until = self.alarms.set(self.options.step_timeout, Alarm::Flight(number));
        let items = items.into_iter().map(Some).collect();
        let (stage, began) = (Stage::Waiting, self.host.0.observer.start());
        let address = stream.clone();
        let mut flight =
            Flight { stream, items, stage, until, began, errand: None, passes: None, loss: None };
        if !self.host.is_limited() {
            return self.board(number, flight);
        }
        let host = self.host.clone();
        flight.errand = Some(self.errands.spawn(async move {
            let passes = host.admit(&address, trigger).await;
            Errand::Tokens(number, address, passes)
        }));
        self.flights.insert(number, flight);
    }

    /// The limits have spoken.
    pub(super) fn admitted(&mut self, number: u64, stream: &StreamId, passes: Result<Passes, FireError>) {
        let flight = self.flights.remove(&number);
        match (flight, passes) {
            (Some(mut flight), Ok(passes)) => {
                flight.passes = Some(passes);
                self.board(number, flight);
            }
            (Some(flight), Err(error)) => {
                self.alarms.remove(flight.until, Alarm::Flight(number));
                self.disembark(flight, vec![Some(Err(error))], Unanswered::Back);
            }
            // It was called off in the meantime.
            (None, Ok(passes)) => self.host.0.limits.refund(stream, passes),
            (None, Err(_)) => {}
        }
    }

    /// Into the instance's queue.
    fn board(&mut self, number: u64, mut flight: Flight<M>) {
        let convoy = Arc::new(Convoy::new(flight.items.len()));
        match self.enqueue(number, &flight, &convoy) {
            Ok(()) => {
                self.lanes.forget_patience(&flight.stream);
                flight.stage = Stage::Away(convoy);
                self.flights.insert(number, flight);
            }
            Err(error) => {
                self.alarms.remove(flight.until, Alarm::Flight(number));
                self.turned_away(flight, &error);
            }
        }
    }

    fn enqueue(&self, number: u64, flight: &Flight<M>, convoy: &Arc<Convoy<M>>) -> Result<(), FireError> {
        let count = u32::try_from(flight.items.len()).unwrap_or(u32::MAX);
        let stops = self.options.on_failure == OnFailure::Stop;
        let permit = permits(&self.host, count)?;
        let landed = (self.landed.clone(), number);
        let trip = Arc::new(Trip::new(convoy, (&self.joint, stops), landed, permit));
        let requests = flight.items.iter().flatten().enumerate().map(|(place, item)| {
            let mut request = item.request();
            request.waiting = Some(Waiting::Batch(Seat { trip: Arc::clone(&trip), place }));
            request
        });
        let requests: Vec<_> = requests.collect();
        self.host.enqueue_all(&flight.stream, requests, false)
    }

    /// A full queue is waited for; when the host shuts down, nothing is.
    fn turned_away(&mut self, mut flight: Flight<M>, error: &FireError) {
        if let Some(passes) = flight.passes.take() {
            self.host.0.limits.refund(&flight.stream, passes);
        }
        if let FireError::Busy { retry_after, .. } = error {
            let until = self.lanes.patience(&flight.stream, flight.until);
            let left = until.saturating_sub(self.alarms.now());
            if !left.is_zero() {
                let mut items: Vec<_> = flight.items.into_iter().flatten().collect();
                for item in &mut items {
                    item.tries -= 1;
                }
                self.lanes.give_back(&flight.stream, items);
                self.alarms.set(left.min(*retry_after), Alarm::Lane(flight.stream));
                return;
            }
            self.lanes.forget_patience(&flight.stream);
        }
        let each = |_: &_| match error {
            FireError::Busy { queue, retry_after } => {
                Some(Err(FireError::Busy { queue, retry_after: *retry_after }))
            }
            _ => Some(Err(FireError::Closed)),
        };
        let replies = flight.items.iter().map(each).collect();
        self.disembark(flight, replies, Unanswered::Back);
    }

    /// Nobody works on it any more.
    pub(super) fn land(&mut self, number: u64) {
        // A flight that ended without its convoy is not there.
        let Some(flight) = self.close(number) else { return };
        if self.options.atomic {
            return self.land_whole(flight);
        }
        let in_commit = flight.convoy().is_some_and(|convoy| convoy.gate.in_commit().is_some());
        let unanswered = match flight.loss.or(self.ending) {
            _ if in_commit => Unanswered::Open,
            Some(loss) => Unanswered::Lost(loss),
            None => Unanswered::Back,
        };
        let replies = flight.replies();
        self.disembark(flight, replies, unanswered);
    }

    pub(super) fn close(&mut self, number: u64) -> Option<Flight<M>> {
        let flight = self.flights.remove(&number)?;
        self.alarms.remove(flight.until, Alarm::Flight(number));
        Some(flight)
    }

    /// Gives results, or puts back what is to be tried again; the lane goes on.
    pub(super) fn disembark(
        &mut self,
        mut flight: Flight<M>,
        replies: Vec<Option<Reply<M>>>,
        unanswered: Unanswered,
    ) {
        self.refund(&mut flight, &replies, unanswered);
        let (mut back, mut pause) = (Vec::new(), Duration::ZERO);
        for (item, reply) in flight.items.into_iter().zip(replies) {
            let Some(mut item) = item else { continue };
            if reply.is_some() || !matches!(unanswered, Unanswered::Back) {
                let trigger = item.wish.origin.trigger;
                self.host.0.observer.step(&item.stream, (trigger, reply.as_ref()), flight.began);
            }
            match (reply, unanswered) {
                (Some(reply), _) => {
                    if let Some(item) = self.settle(item, reply) {
                        pause = pause.max(self.options.retry.pause(item.tries));
                        back.push(item);
                    }
                }
                (None, Unanswered::Back) => {
                    item.tries -= 1;
                    back.push(item);
                }
                (None, Unanswered::Lost(loss)) => self.lose(item, loss),
                (None, Unanswered::Open) => {
                    let error = item.last.take();
                    self.finish(item, BatchOutcome::Unknown(error));
                }
            }
        }
        if let Some(loss) = self.ending {
            for item in back {
                self.lose(item, loss);
            }
            return;
        }
        self.lanes.give_back(&flight.stream, back);
        if pause.is_zero() {
            self.lanes.release(&flight.stream);
        } else {
            self.alarms.set(pause, Alarm::Lane(flight.stream));
        }
    }

    /// What came of a try; the request when it is to be tried again.
    pub(super) fn settle(&mut self, mut item: Item<M>, reply: Reply<M>) -> Option<Item<M>> {
        let error = match reply {
            Ok(fired) => {
                self.finish(item, BatchOutcome::Succeeded(fired));
                return None;
            }
            Err(error) => error,
        };
        item.is_open |= matches!(error, FireError::Unknown { .. });
        let may_help = error.is_retryable() && self.options.retry.allows(item.tries);
        if may_help && self.ending.is_none() && !self.options.atomic {
            item.last = Some(error);
            return Some(item);
        }
        let outcome = match error {
            // Decided on the newest records, in which it was not.
            FireError::Rejected(_) | FireError::Conflict { .. } | FireError::CommandIdReused { .. } => {
                BatchOutcome::Failed(error)
            }
            _ if item.is_open => BatchOutcome::Unknown(Some(error)),
            _ => BatchOutcome::Failed(error),
        };
        self.finish(item, outcome);
        None
    }

    /// It is tried no more. What was tried before has the error of that.
    pub(super) fn lose(&mut self, mut item: Item<M>, loss: Loss) {
        let outcome = match item.last.take() {
            error if item.is_open => BatchOutcome::Unknown(error),
            Some(error) => BatchOutcome::Failed(error),
            None => loss.outcome(),
        };
        self.finish(item, outcome);
    }

    /// A request was not accepted.
    pub(super) fn failed(&mut self) {
        if self.options.on_failure == OnFailure::Stop && self.ending.is_none() {
            self.end(Loss::Skipped(Skip::Stopped));
        }
    }

    /// Tokens are for what is recorded, or may be.
    fn refund(&self, flight: &mut Flight<M>, replies: &[Option<Reply<M>>], unanswered: Unanswered) {
        let Some(passes) = flight.passes.take() else { return };
        // One whose result is known already was found in the records.
        let Some(Some(item)) = flight.items.first() else { return };
        let recorded = match replies.first() {
            Some(Some(reply)) => may_be_recorded(reply, item.wish.record_rejection),
            _ => matches!(unanswered, Unanswered::Open),
        };
        if !recorded {
            self.host.0.limits.refund(&flight.stream, passes);
        }
    }
}
