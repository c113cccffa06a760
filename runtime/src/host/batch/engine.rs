//! Drives a batch: takes requests in, hands them over lane by lane, and gives every one its result, once.
//!
//! It is polled by whoever waits for the results and has no task of its own: dropping it is the end, and takes back what
//! was not handed to the store.

use super::alarms::{Alarm, Alarms};
use super::flight::{Errand, Flight};
use super::lanes::Lanes;
use super::options::BatchOptions;
use super::report::{BatchCounts, BatchItem, BatchOutcome, Bound, Skip};
use super::request::{BatchRequest, Item};
use crate::host::handle::new_command_id;
use crate::host::joint::Joint;
use crate::host::{Host, TenancyError};
use crate::machine::Machine;
use crate::store::StreamId;
use futures_core::Stream;
use futures_core::future::BoxFuture;
use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Where the requests come from.
pub(super) type Input<M> = Pin<Box<dyn Stream<Item = BatchRequest<M>> + Send>>;

/// Why a request has no record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    Skipped(Skip),
    TimedOut(Bound),
}

pub(super) struct Engine<M: Machine> {
    pub(super) host: Host<M>,
    pub(super) options: BatchOptions,
    input: Option<Input<M>>,
    tenant: Option<Arc<str>>,
    cancelled: BoxFuture<'static, ()>,
    has_begun: bool,
    /// Nothing more is handed over.
    pub(super) ending: Option<Loss>,
    pub(super) lanes: Lanes<M>,
    /// The requests of an atomic batch before they leave.
    pub(super) whole: Vec<Item<M>>,
    /// Requests that were not let in.
    refused: Vec<(Item<M>, TenancyError)>,
    pub(super) flights: HashMap<u64, Flight<M>>,
    last_number: u64,
    pub(super) alarms: Alarms,
    /// Numbers of convoys that came to their end: one word for each.
    pub(super) landed: mpsc::UnboundedSender<u64>,
    landing: mpsc::UnboundedReceiver<u64>,
    pub(super) errands: JoinSet<Errand<M>>,
    pub(super) joint: Arc<Joint>,
    out: VecDeque<BatchItem<M>>,
    given: u64,
    counts: BatchCounts,
    told: BatchCounts,
}

impl Loss {
    pub(super) fn outcome<M: Machine>(self) -> BatchOutcome<M> {
        match self {
            Self::Skipped(why) => BatchOutcome::Skipped(why),
            Self::TimedOut(bound) => BatchOutcome::TimedOut(bound),
        }
    }
}

impl<M: Machine> Engine<M> {
    pub(super) fn new(
        host: Host<M>,
        options: BatchOptions,
        (input, tenant): (Input<M>, Option<Arc<str>>),
        cancelled: BoxFuture<'static, ()>,
    ) -> Self {
        let (landed, landing) = mpsc::unbounded_channel();
        let (joint, alarms) = (Joint::new(&host.0.repository.store), Alarms::new(&host.0.repository.clock));
        Self {
            host,
            options,
            input: Some(input),
            tenant,
            cancelled,
            has_begun: false,
            ending: None,
            lanes: Lanes::new(),
            whole: Vec::new(),
            refused: Vec::new(),
            flights: HashMap::new(),
            last_number: 0,
            alarms,
            landed,
            landing,
            errands: JoinSet::new(),
            joint,
            out: VecDeque::new(),
            given: 0,
            counts: BatchCounts::default(),
            told: BatchCounts::default(),
        }
    }

    pub(super) fn counts(&self) -> BatchCounts {
        self.counts
    }

    /// The next result; `None` when every request has one.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<BatchItem<M>>> {
        if !std::mem::replace(&mut self.has_begun, true) {
            self.alarms.set(self.options.timeout, Alarm::End);
        }
        loop {
            // First what comes in, so that nothing is lost of an input that is there when the batch ends at once.
            let mut moved = self.poll_input(cx);
            moved |= self.poll_cancelled(cx);
            moved |= self.poll_landing(cx);
            moved |= self.poll_errands(cx);
            moved |= self.poll_alarms(cx);
            moved |= self.hand_over();
            self.tell();
            if let Some(item) = self.out.pop_front() {
                self.given += 1;
                return Poll::Ready(Some(item));
            }
            if self.is_over() {
                return Poll::Ready(None);
            }
            if !moved {
                return Poll::Pending;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.input.is_none() && self.lanes.is_empty() && self.whole.is_empty() && self.flights.is_empty()
    }

    fn poll_input(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while self.counts.total - self.given < self.options.ahead_max as u64
            && let Some(input) = &mut self.input
            && let Poll::Ready(next) = input.as_mut().poll_next(cx)
        {
            moved = true;
            match next {
                Some(request) => self.take_in(request),
                None => self.input = None,
            }
        }
        if moved {
            self.taken_in();
        }
        moved
    }

    fn take_in(&mut self, request: BatchRequest<M>) {
        let BatchRequest { mut tenant, instance, priority, mut wish } = request;
        if wish.origin.command.is_empty() {
            wish.origin.command = new_command_id(&self.host.0.repository);
        }
        let refused = self.let_in(&mut tenant).err();
        let stream = StreamId { tenant, machine: M::DEFINITION.machine.into(), instance };
        let place = self.counts.total;
        self.counts.total += 1;
        let item = Item { place, stream, priority, wish, tries: 0, is_open: false, last: None };
        match refused {
            Some(error) => self.refused.push((item, error)),
            None if self.options.atomic => self.whole.push(item),
            None => self.lanes.push(item),
        }
    }

    /// Behind the requests that came in together, so that a batch that ends at once has taken all of them.
    fn taken_in(&mut self) {
        for (item, error) in std::mem::take(&mut self.refused) {
            self.finish(item, BatchOutcome::Failed(error.into()));
            if self.options.atomic {
                self.end(Loss::Skipped(Skip::Atomic));
            }
        }
        if self.whole.len() > self.whole_max() {
            self.input = None;
        }
        if self.input.is_none() {
            self.depart_whole();
        }
    }

    /// A request without a tenant is that of the batch's, if it has one.
    fn let_in(&self, tenant: &mut Arc<str>) -> Result<(), TenancyError> {
        match &self.tenant {
            Some(only) if tenant.is_empty() => *tenant = Arc::clone(only),
            Some(only) if only != tenant => return Err(TenancyError::OtherTenant),
            _ => {}
        }
        self.host.0.tenancy.admit_any(tenant)
    }

    pub(super) fn stop_input(&mut self) {
        self.input = None;
    }

    fn poll_cancelled(&mut self, cx: &mut Context<'_>) -> bool {
        let cancelled = self.ending.is_none() && self.cancelled.as_mut().poll(cx).is_ready();
        if cancelled {
            self.end(Loss::Skipped(Skip::Cancelled));
        }
        cancelled
    }

    fn poll_landing(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while let Poll::Ready(Some(number)) = self.landing.poll_recv(cx) {
            moved = true;
            self.land(number);
        }
        moved
    }

    fn poll_errands(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while let Poll::Ready(Some(done)) = self.errands.poll_join_next(cx) {
            moved = true;
            match done {
                Ok(Errand::Tokens(number, stream, passes)) => self.admitted(number, &stream, passes),
                Ok(Errand::Looked(number, found)) => self.found(number, found),
                // Its convoy has landed. Or it was called off; or it panicked, and its flight ends with its time.
                Ok(Errand::Travelled) | Err(_) => {}
            }
        }
        moved
    }

    fn poll_alarms(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while let Poll::Ready(alarm) = self.alarms.poll(cx) {
            moved = true;
            match alarm {
                Alarm::End => self.end(Loss::TimedOut(Bound::Batch)),
                Alarm::Flight(number) => self.late(number),
                Alarm::Whole => self.depart_whole(),
                Alarm::Lane(stream) => self.lanes.release(&stream),
            }
        }
        moved
    }

    fn hand_over(&mut self) -> bool {
        let options = &self.host.0.options;
        // Limits count requests one by one.
        let max = if self.host.is_limited() { 1 } else { options.group_max.min(options.queue_max) };
        let mut moved = false;
        while self.flights.len() < self.options.parallelism
            && let Some(items) = self.lanes.next(max)
        {
            moved = true;
            self.depart(items);
        }
        moved
    }

    /// A request's result.
    pub(super) fn finish(&mut self, item: Item<M>, outcome: BatchOutcome<M>) {
        self.counts.count(&outcome);
        let Item { place, stream, wish, tries, .. } = item;
        let stops = outcome.stops();
        self.out.push_back(BatchItem { place, stream, command: wish.origin.command, tries, outcome });
        if stops {
            self.failed();
        }
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    fn tell(&mut self) {
        if self.counts != self.told
            && let Some(progress) = &self.options.progress
        {
            self.told = self.counts;
            progress(&self.counts);
        }
    }
}

impl<M: Machine> Drop for Engine<M> {
    fn drop(&mut self) {
        for flight in self.flights.values() {
            if let Some(convoy) = flight.convoy() {
                convoy.gate.leave();
            }
        }
    }
}
