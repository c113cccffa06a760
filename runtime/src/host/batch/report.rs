//! What came of a batch, request by request.

use crate::error::FireError;
use crate::host::Fired;
use crate::machine::Machine;
use crate::store::StreamId;
use std::fmt;
use std::sync::Arc;

/// Why a request was not handed over, or taken back before it was recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Skip {
    /// Another one was not accepted, and the batch stops then.
    Stopped,
    /// The batch was cancelled.
    Cancelled,
    /// Another one of an atomic batch was not accepted.
    Atomic,
}

/// Whose time ran out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    /// [`BatchOptions::step_timeout`](super::BatchOptions::step_timeout).
    Step,
    /// [`BatchOptions::timeout`](super::BatchOptions::timeout).
    Batch,
}

/// What came of one request.
#[derive(Debug)]
pub enum BatchOutcome<M: Machine> {
    /// Accepted, and recorded unless it was ignored; a duplicate was recorded before.
    Succeeded(Fired<M>),
    /// Not recorded, or as a refusal only; the last error when it was tried more than once.
    Failed(FireError),
    /// Not recorded, and it will not be.
    Skipped(Skip),
    /// The time ran out. Not recorded, and it will not be.
    TimedOut(Bound),
    /// It was handed to the store, and whether it is recorded could not be learned; with the error, if it was one. Asking
    /// again with the same command id is safe.
    Unknown(Option<FireError>),
}

impl<M: Machine> BatchOutcome<M> {
    /// Whether a batch that stops on failure stops behind it.
    pub(super) fn stops(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::TimedOut(Bound::Step) | Self::Unknown(_))
    }
}

/// One request's result.
#[derive(Debug)]
#[non_exhaustive]
pub struct BatchItem<M: Machine> {
    /// Its place in the input, from 0.
    pub place: u64,
    /// Its instance.
    pub stream: StreamId,
    /// Its command id, also when the batch made it: asking again with it is safe.
    pub command: Arc<str>,
    /// How often it was handed over.
    pub tries: u32,
    /// What came of it.
    pub outcome: BatchOutcome<M>,
}

/// How many requests came to what.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct BatchCounts {
    /// Taken from the input so far.
    pub total: u64,
    /// [`BatchOutcome::Succeeded`].
    pub succeeded: u64,
    /// [`BatchOutcome::Failed`].
    pub failed: u64,
    /// [`BatchOutcome::Skipped`].
    pub skipped: u64,
    /// [`BatchOutcome::TimedOut`].
    pub timed_out: u64,
    /// [`BatchOutcome::Unknown`].
    pub unknown: u64,
}

/// What came of a batch.
#[derive(Debug)]
#[non_exhaustive]
pub struct BatchReport<M: Machine> {
    /// In the order of the input.
    pub items: Vec<BatchItem<M>>,
    /// Over all of them.
    pub counts: BatchCounts,
}

impl<M: Machine> BatchReport<M> {
    /// Whether every request succeeded.
    pub fn is_success(&self) -> bool {
        self.counts.succeeded == self.counts.total
    }
}

impl BatchCounts {
    /// Requests whose result is known: all but `total`, added up.
    pub fn done(&self) -> u64 {
        self.succeeded + self.failed + self.skipped + self.timed_out + self.unknown
    }

    pub(super) fn count<M: Machine>(&mut self, outcome: &BatchOutcome<M>) {
        let count = match outcome {
            BatchOutcome::Succeeded(_) => &mut self.succeeded,
            BatchOutcome::Failed(_) => &mut self.failed,
            BatchOutcome::Skipped(_) => &mut self.skipped,
            BatchOutcome::TimedOut(_) => &mut self.timed_out,
            BatchOutcome::Unknown(_) => &mut self.unknown,
        };
        *count += 1;
    }
}

/// For people.
impl fmt::Display for BatchCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { total, succeeded, failed, skipped, timed_out, unknown } = self;
        write!(
            f,
            "{total} requests: {succeeded} succeeded, {failed} failed, {skipped} skipped, {timed_out} timed out, {unknown} unknown"
        )
    }
}
