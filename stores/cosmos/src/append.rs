//! Appends as the service takes them, and what becomes of each.
//!
//! A job is what stands or falls as one: a single append, or a batch of them. How jobs are written is not known here.

use crate::error::{CosmosFailure, corrupt};
use crate::items::RecordItem;
use crate::keys::{record_id, stream_digest};
use crate::runway::{BYTES_MAX, OPERATIONS_MAX};
use statewright::store::{Append, Head, Kind, Outcome, Revision, Shard, StoreError, StreamId};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// One append as items.
pub(crate) struct Prepared {
    pub(crate) digest: String,
    pub(crate) after: Revision,
    pub(crate) items: Vec<RecordItem>,
    steps: usize,
    bytes: usize,
}

impl Prepared {
    /// # Errors
    /// The steps are too large for one item, or for one batch.
    pub(crate) fn of(append: &Append, shard: Shard, store: &str) -> Result<Self, StoreError> {
        let Append { stream, after, steps } = append;
        let after = after.revision;
        let mut items = Vec::with_capacity(steps.len() + 1);
        for (n, step) in (1..).zip(steps) {
            let item = RecordItem::of(stream, shard, after.plus(n), step);
            items.push(item.map_err(|error| corrupt(store, error.to_string()))?);
        }
        if steps.last().is_some_and(|step| step.kind == Kind::Deleted) {
            items.push(RecordItem::end(stream, shard, after.plus(steps.len() + 1)));
        }
        let bytes = measure(stream, &items)?;
        let digest = stream_digest(stream);
        Ok(Self { digest, after, items, steps: steps.len(), bytes })
    }

    /// The head once it is recorded.
    pub(crate) fn head(&self) -> Head {
        head(self.after.plus(self.steps))
    }

    /// The id of the record that it has to stand behind; a new stream has none.
    pub(crate) fn behind(&self) -> Option<String> {
        (self.after.0 > 0).then(|| record_id(&self.digest, self.after))
    }

    /// Nothing fits behind it.
    pub(crate) fn is_last(&self) -> bool {
        self.items.len() > self.steps
    }

    /// Operations of the batch that are its own.
    pub(crate) fn operations(&self) -> usize {
        self.items.len() + usize::from(self.after.0 > 0)
    }
}

/// A head of this store: the records themselves are the proof, so the token adds nothing.
pub(crate) fn head(revision: Revision) -> Head {
    Head { revision, token: revision.0 }
}

fn measure(stream: &StreamId, items: &[RecordItem]) -> Result<usize, StoreError> {
    let mut total = 0;
    for (n, item) in items.iter().enumerate() {
        let bytes = item.bytes();
        if bytes > BYTES_MAX {
            return Err(StoreError::TooLarge { stream: stream.clone(), bytes, max: BYTES_MAX });
        }
        total += bytes;
        if total > BYTES_MAX {
            return Err(StoreError::TooMany { steps: items.len(), max: n });
        }
    }
    Ok(total)
}

/// Appends that stand or fall as one, and who waits for them.
pub(crate) struct Job {
    pub(crate) appends: Vec<Prepared>,
    answer: oneshot::Sender<Vec<Outcome>>,
    _room: OwnedSemaphorePermit,
}

impl Job {
    /// # Errors
    /// Together the appends are more than one batch can hold.
    pub(crate) fn of(
        appends: Vec<Prepared>,
        answer: oneshot::Sender<Vec<Outcome>>,
        room: OwnedSemaphorePermit,
    ) -> Result<Self, StoreError> {
        let job = Self { appends, answer, _room: room };
        if job.operations() + 1 > OPERATIONS_MAX || job.bytes() > BYTES_MAX {
            let steps = job.appends.iter().map(|append| append.steps).sum();
            return Err(StoreError::TooMany { steps, max: job.fitting() });
        }
        Ok(job)
    }

    /// How many of its steps, from the first append on, one batch would take.
    fn fitting(&self) -> usize {
        let (mut operations, mut bytes, mut steps) = (1, 0, 0);
        for append in &self.appends {
            operations += append.operations();
            bytes += append.bytes;
            if operations > OPERATIONS_MAX || bytes > BYTES_MAX {
                break;
            }
            steps += append.steps;
        }
        steps
    }

    pub(crate) fn streams(&self) -> impl Iterator<Item = &str> {
        self.appends.iter().map(|append| &*append.digest)
    }

    /// Which of its appends is to stand where another one stands by now.
    pub(crate) fn overtaken(&self, by: &Prepared) -> Option<usize> {
        let head = by.head().revision;
        self.appends.iter().position(|append| append.digest == by.digest && append.after < head)
    }

    pub(crate) fn operations(&self) -> usize {
        self.appends.iter().map(Prepared::operations).sum()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.appends.iter().map(|append| append.bytes).sum()
    }

    /// It is recorded.
    pub(crate) fn appended(self) {
        let outcomes = self.appends.iter().map(|append| Outcome::Appended(append.head())).collect();
        self.answer_with(outcomes);
    }

    /// One of its appends fell, and so all did.
    pub(crate) fn fell(self, at: usize, outcome: Outcome) {
        let mut outcomes: Vec<_> = self.appends.iter().map(|_| Outcome::Refused(StoreError::Batch)).collect();
        if let Some(slot) = outcomes.get_mut(at) {
            *slot = outcome;
        }
        self.answer_with(outcomes);
    }

    /// Nothing of it was written and nothing will be.
    pub(crate) fn refused(self, store: &str, why: &CosmosFailure) {
        let refused = || Outcome::Refused(why.again().of(store, "append"));
        let outcomes = self.appends.iter().map(|_| refused()).collect();
        self.answer_with(outcomes);
    }

    /// It may still land.
    pub(crate) fn unknown(self, store: &str, why: &CosmosFailure) {
        let unknown = || Outcome::Unknown(why.again().of(store, "append"));
        let outcomes = self.appends.iter().map(|_| unknown()).collect();
        self.answer_with(outcomes);
    }

    fn answer_with(self, outcomes: Vec<Outcome>) {
        // Who asked may have stopped waiting.
        let _ = self.answer.send(outcomes);
    }
}
