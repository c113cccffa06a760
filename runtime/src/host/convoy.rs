//! Requests of one instance that a batch hands over together. A convoy is one group: what fails on the way to the store
//! fails for all of it, so that trying again changes no order.
//!
//! It decides nothing and waits for nobody.

use super::joint::Joint;
use super::request::Reply;
use crate::machine::Machine;
use crate::store::Revision;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// Who may still write: asked before every append.
#[derive(Debug, Default)]
pub(super) struct Gate(Mutex<Stand>);

#[derive(Debug, Default)]
struct Stand {
    /// The head behind which an append is under way, or was when its answer was lost.
    in_commit: Option<Revision>,
    left: bool,
}

impl Gate {
    /// Goes to the store behind this head. `false`: nothing may be written any more.
    pub(super) fn enter(&self, after: Revision) -> bool {
        let mut stand = self.lock();
        if !stand.left {
            stand.in_commit.get_or_insert(after);
        }
        !stand.left
    }

    /// Everything that was handed to the store has its answer.
    pub(super) fn reopen(&self) {
        self.lock().in_commit = None;
    }

    /// Nothing more is handed to the store. `Some`: something is there, behind this head.
    pub(super) fn leave(&self) -> Option<Revision> {
        let mut stand = self.lock();
        stand.left = true;
        stand.in_commit
    }

    pub(super) fn in_commit(&self) -> Option<Revision> {
        self.lock().in_commit
    }

    /// Nothing is under way, and nothing will be.
    pub(super) fn is_over(&self) -> bool {
        let stand = self.lock();
        stand.left && stand.in_commit.is_none()
    }

    fn lock(&self) -> MutexGuard<'_, Stand> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the batch and the runner both see.
pub(super) struct Convoy<M: Machine> {
    pub(super) gate: Arc<Gate>,
    replies: Mutex<Vec<Option<Reply<M>>>>,
}

impl<M: Machine> Convoy<M> {
    pub(super) fn new(seats: usize) -> Self {
        Self { gate: Arc::default(), replies: Mutex::new((0..seats).map(|_| None).collect()) }
    }

    /// The answers so far, by place.
    pub(super) fn take(&self) -> Vec<Option<Reply<M>>> {
        std::mem::take(&mut *self.replies())
    }

    pub(super) fn answer(&self, place: usize, reply: Reply<M>) {
        if let Some(seat) = self.replies().get_mut(place) {
            *seat = Some(reply);
        }
    }

    fn is_broken(&self) -> bool {
        self.replies().iter().flatten().any(Result::is_err)
    }

    fn replies(&self) -> MutexGuard<'_, Vec<Option<Reply<M>>>> {
        self.replies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A convoy on its way. When it ends, whatever the reason, the batch is told.
pub(crate) struct Trip<M: Machine> {
    convoy: Arc<Convoy<M>>,
    joint: Arc<Joint>,
    /// Behind a request that was not accepted nothing is decided.
    stops: bool,
    landed: (mpsc::UnboundedSender<u64>, u64),
    _permit: OwnedSemaphorePermit,
}

impl<M: Machine> Trip<M> {
    /// `landed`: how the batch is told, once, and under which number.
    pub(super) fn new(
        convoy: &Arc<Convoy<M>>,
        (joint, stops): (&Arc<Joint>, bool),
        landed: (mpsc::UnboundedSender<u64>, u64),
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let (convoy, joint) = (Arc::clone(convoy), Arc::clone(joint));
        Self { convoy, joint, stops, landed, _permit: permit }
    }

    pub(super) fn stops(&self) -> bool {
        self.stops
    }

    /// A request of it was not accepted, and the others are not to be decided.
    pub(super) fn has_stopped(&self) -> bool {
        self.stops && self.convoy.is_broken()
    }

    pub(super) fn gate(&self) -> &Arc<Gate> {
        &self.convoy.gate
    }

    pub(super) fn joint(&self) -> &Arc<Joint> {
        &self.joint
    }
}

impl<M: Machine> Drop for Trip<M> {
    fn drop(&mut self) {
        // The batch may be gone.
        let _ = self.landed.0.send(self.landed.1);
    }
}

/// One request's place in a convoy.
pub(crate) struct Seat<M: Machine> {
    pub(super) trip: Arc<Trip<M>>,
    pub(super) place: usize,
}

impl<M: Machine> Seat<M> {
    pub(super) fn answer(self, reply: Reply<M>) {
        self.trip.convoy.answer(self.place, reply);
    }
}
