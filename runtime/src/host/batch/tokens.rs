//! What an atomic batch took from the limits: given back when nothing of it can be recorded.

use crate::host::Host;
use crate::host::limits::Passes;
use crate::machine::Machine;
use crate::store::StreamId;

pub(super) struct Tokens<M: Machine> {
    host: Host<M>,
    /// By the place of the request.
    taken: Vec<(usize, StreamId, Passes)>,
    spent: bool,
}

impl<M: Machine> Tokens<M> {
    pub(super) fn new(host: Host<M>) -> Self {
        Self { host, taken: Vec::new(), spent: false }
    }

    pub(super) fn add(&mut self, place: usize, stream: &StreamId, passes: Passes) {
        self.taken.push((place, stream.clone(), passes));
    }

    /// Whether what they were taken for is recorded, or may be.
    pub(super) fn are_spent(&mut self, spent: bool) {
        self.spent = spent;
    }

    /// The batch is recorded, and of these requests there is nothing in it.
    pub(super) fn refund(mut self, places: &[usize]) {
        for (place, stream, passes) in std::mem::take(&mut self.taken) {
            if places.contains(&place) {
                self.host.0.limits.refund(&stream, passes);
            }
        }
    }
}

impl<M: Machine> Drop for Tokens<M> {
    fn drop(&mut self) {
        if !self.spent {
            for (_, stream, passes) in std::mem::take(&mut self.taken) {
                self.host.0.limits.refund(&stream, passes);
            }
        }
    }
}
