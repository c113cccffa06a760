//! How a batch ends early, and what becomes of a request whose time is over: what was not handed to the store is taken
//! back, and the records are asked for what was.

use super::alarms::Alarm;
use super::engine::{Engine, Loss};
use super::flight::{Errand, Flight, Stage, Unanswered, look};
use super::report::Bound;
use super::request::Item;
use crate::host::request::Reply;
use crate::machine::Machine;
use crate::store::Revision;
use std::time::Duration;

/// What is in commit when its time is over has this part of the time more.
const GRACE_PART: u32 = 100;

impl<M: Machine> Engine<M> {
    /// Nothing more is handed over. What is in commit comes to its end, in the time that is left.
    pub(super) fn end(&mut self, loss: Loss) {
        let is_first = self.ending.is_none();
        if !is_first && loss != Loss::TimedOut(Bound::Batch) {
            return;
        }
        self.ending = Some(loss);
        self.stop_input();
        let waiting: Vec<_> = self.lanes.clear().into_iter().chain(std::mem::take(&mut self.whole)).collect();
        for item in waiting {
            if item.is_open {
                self.look_for(item, loss);
            } else {
                self.lose(item, loss);
            }
        }
        let mut numbers: Vec<_> = self.flights.keys().copied().collect();
        numbers.sort_unstable();
        for number in numbers {
            self.recall(number, loss);
        }
    }

    /// The alarm of a flight.
    pub(super) fn late(&mut self, number: u64) {
        match self.flights.get(&number).map(|flight| &flight.stage) {
            Some(Stage::Looking(_)) => {
                let Some(flight) = self.close(number) else { return };
                let replies = flight.replies();
                self.disembark(flight, replies, Unanswered::Open);
            }
            Some(_) => self.recall(number, Loss::TimedOut(Bound::Step)),
            None => {}
        }
    }

    /// Takes back what is not in commit.
    fn recall(&mut self, number: u64, loss: Loss) {
        let Some(flight) = self.flights.get_mut(&number) else { return };
        let in_commit = match &flight.stage {
            Stage::Waiting => None,
            Stage::Away(convoy) => convoy.gate.leave(),
            Stage::Looking(_) => {
                if loss == Loss::TimedOut(Bound::Batch) {
                    self.grant(number, loss);
                }
                return;
            }
        };
        if let Some(after) = in_commit {
            flight.loss = Some(loss);
            if matches!(loss, Loss::TimedOut(_)) {
                self.look_at(number, after, loss);
            }
        } else if let Some(flight) = self.close(number) {
            if let Some(errand) = &flight.errand {
                errand.abort();
            }
            let replies = flight.replies();
            self.disembark(flight, replies, Unanswered::Lost(loss));
        }
    }

    /// Asks the records for what is in commit.
    fn look_at(&mut self, number: u64, after: Revision, loss: Loss) {
        let Some(flight) = self.flights.get_mut(&number) else { return };
        flight.stage = Stage::Looking(flight.convoy().cloned());
        for (stream, asked) in flight.asked() {
            let (host, address) = (self.host.clone(), (stream, after));
            self.errands.spawn(async move { Errand::Looked(number, look(host, address, asked).await) });
        }
        self.grant(number, loss);
    }

    /// Asks the records for a request whose answer was lost before, and which is not tried again.
    fn look_for(&mut self, item: Item<M>, loss: Loss) {
        let number = self.next_number();
        let (stream, items) = (item.stream.clone(), vec![Some(item)]);
        let until = self.alarms.set(self.grace(loss), Alarm::Flight(number));
        let (stage, began) = (Stage::Looking(None), self.host.0.observer.start());
        let flight =
            Flight { stream, items, stage, until, began, errand: None, passes: None, loss: Some(loss) };
        self.flights.insert(number, flight);
        self.look_at(number, Revision(0), loss);
    }

    /// The flight may stay this long, if it may not stay for a shorter time already.
    fn grant(&mut self, number: u64, loss: Loss) {
        let grace = self.grace(loss);
        let Some(flight) = self.flights.get_mut(&number) else { return };
        self.alarms.remove(flight.until, Alarm::Flight(number));
        let until = self.alarms.set(grace, Alarm::Flight(number));
        flight.until = until;
    }

    fn grace(&self, loss: Loss) -> Duration {
        let Loss::TimedOut(Bound::Batch) = loss else { return self.options.step_timeout / GRACE_PART };
        self.options.timeout / GRACE_PART
    }

    /// What the records said of a flight.
    pub(super) fn found(&mut self, number: u64, found: Vec<(usize, Reply<M>)>) {
        for (place, reply) in found {
            let flight = self.flights.get_mut(&number);
            let item = flight.and_then(|flight| flight.items.get_mut(place)?.take());
            let again = item.and_then(|item| self.settle(item, reply));
            let seat = self.flights.get_mut(&number).and_then(|flight| flight.items.get_mut(place));
            if let (Some(item), Some(seat)) = (again, seat) {
                *seat = Some(item);
            }
        }
        let is_done = |flight: &Flight<M>| flight.items.iter().all(Option::is_none);
        if self.flights.get(&number).is_some_and(is_done)
            && let Some(flight) = self.close(number)
        {
            self.disembark(flight, Vec::new(), Unanswered::Back);
        }
    }
}
