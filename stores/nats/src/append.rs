//! Appending: publish, and when the answer is not plain, look before anything else is tried.
//!
//! What was sent may be sent again at any time: the server takes it only behind the same message, so once.

use crate::codec::Found;
use crate::error::{NatsError, STALE};
use crate::link::{Delays, Draft, Which};
use crate::prepared::Prepared;
use crate::store::NatsStore;
use async_nats::jetstream::ErrorCode;
use futures_util::StreamExt;
use futures_util::stream;
use statewright::store::{Append, Head, Kind, Outcome, StoreError};
use tokio::time::timeout_at;

/// Messages of one atomic batch, as servers take them.
pub(crate) const BATCH_MAX: usize = 1_000;

/// Appends of one call that are under way at once.
const APPENDS_MAX: usize = 256;

/// Where a stream stands, as an append finds it.
enum Standing {
    /// Where it was expected, or nobody knows.
    Untouched,
    /// Behind the append.
    Ours(Head),
    /// Somewhere else.
    Elsewhere(Head),
    Deleted,
}

/// What a try has shown.
enum Try {
    Done(u64),
    /// Nothing was written, or it is not known: look where the streams stand.
    Look(NatsError),
    Failed(NatsError),
}

/// Whoever has not seen what an append stands behind leads no more, without knowing it yet, and cannot say what became of
/// an append whose answer was lost.
fn is_behind(last: Option<&Found>, after: Head) -> bool {
    last.map_or(0, |last| last.sequence) < after.token
}

impl NatsStore {
    /// Each for itself, without waiting for each other.
    pub(crate) async fn append_each(&self, batch: Vec<Append>) -> Vec<Outcome> {
        stream::iter(batch).map(|append| self.append_one(append)).buffered(APPENDS_MAX).collect().await
    }

    async fn append_one(&self, append: Append) -> Outcome {
        match Prepared::of(self, &append) {
            Ok(prepared) => self.write(vec![prepared]).await.remove(0),
            Err(outcome) => outcome,
        }
    }

    /// All or nothing: one atomic batch, in which each stream has an expectation of its own.
    pub(crate) async fn append_batch(&self, batch: Vec<Append>) -> Vec<Outcome> {
        let prepared: Vec<_> = batch.iter().map(|append| Prepared::of(self, append)).collect();
        let steps: usize = batch.iter().map(|append| append.steps.len()).sum();
        if prepared.iter().any(Result::is_err) {
            let fell = |_| Outcome::Refused(StoreError::Batch);
            return prepared.into_iter().map(|prepared| prepared.map_or_else(|fate| fate, fell)).collect();
        }
        if steps > BATCH_MAX {
            let many = |_: &Append| Outcome::Refused(StoreError::TooMany { steps, max: BATCH_MAX });
            return batch.iter().map(many).collect();
        }
        let prepared: Vec<_> = prepared.into_iter().filter_map(Result::ok).collect();
        if prepared.is_empty() { Vec::new() } else { self.write(prepared).await }
    }

    /// One try after the other, until the outcome is known or the time is over.
    async fn write(&self, appends: Vec<Prepared>) -> Vec<Outcome> {
        let drafts: Vec<Draft> = appends.iter().flat_map(Prepared::drafts).collect();
        let deadline = self.link.deadline();
        let mut delays = Delays::new();
        let mut lost = false;
        loop {
            let error = match timeout_at(deadline, self.attempt(&drafts)).await {
                Ok(Try::Done(end)) => return self.appended(&appends, end),
                Ok(Try::Failed(error)) if lost => return self.unknown(&appends, &error),
                Ok(Try::Failed(error)) => return self.failed(appends.len(), error),
                Ok(Try::Look(error)) => error,
                Err(_) => {
                    return self.unknown(&appends, &NatsError::TimedOut { after: self.link.call_max });
                }
            };
            lost |= error.is_ambiguous();
            if let Ok(Ok(standings)) = timeout_at(deadline, self.stand(&appends, lost)).await
                && let Some(outcomes) = self.settled(&appends, standings)
            {
                return outcomes;
            }
            if !delays.pause(deadline).await {
                return if lost { self.unknown(&appends, &error) } else { self.failed(appends.len(), error) };
            }
            self.link.counters.retried();
        }
    }

    async fn attempt(&self, drafts: &[Draft]) -> Try {
        let _room = self.in_flight.acquire().await;
        let _batch = match drafts {
            [_] => None,
            _ => Some(self.batches.acquire().await),
        };
        match self.link.publish_all(drafts).await {
            Ok(last) => Try::Done(last),
            Err(error) if error.is_passing() || error.is_ambiguous() => Try::Look(error),
            Err(error) => Try::Failed(error),
        }
    }

    /// Where each stream stands, as its leader says.
    async fn stand(&self, appends: &[Prepared], unanswered: bool) -> Result<Vec<Standing>, StoreError> {
        let mut standings = Vec::with_capacity(appends.len());
        for append in appends {
            standings.push(self.standing(append, unanswered).await?);
        }
        Ok(standings)
    }

    async fn standing(&self, append: &Prepared, unanswered: bool) -> Result<Standing, StoreError> {
        let last = self.last(&append.subject).await?;
        if unanswered && is_behind(last.as_ref(), append.after) {
            return Ok(Standing::Untouched);
        }
        let Some(last) = last else {
            let expected = append.after == Head::default();
            return Ok(if expected { Standing::Untouched } else { Standing::Elsewhere(Head::default()) });
        };
        let read = self.read_message(&last)?;
        let head = read.head(last.sequence);
        if read.append == append.id {
            return Ok(Standing::Ours(head));
        }
        if last.sequence == append.after.token {
            return Ok(Standing::Untouched);
        }
        // Others may stand behind it already.
        let log = self.subjects.log();
        let which = || Which::Next { from: append.after.token.saturating_add(1), subject: &append.subject };
        let first = self.link.again(|| self.link.get(log, which())).await;
        let first = first.map_err(|error| error.store(&self.link.store, "look for an append"))?;
        if let Some(first) = first
            && self.read_message(&first)?.append == append.id
        {
            let behind = append.payloads.len() as u64 - 1;
            return Ok(Standing::Ours(append.head(first.sequence + behind)));
        }
        Ok(if read.step.kind == Kind::Deleted { Standing::Deleted } else { Standing::Elsewhere(head) })
    }

    /// Outcomes, if the standings tell them; `None`: all streams stand where they were expected, so it may be tried again.
    fn settled(&self, appends: &[Prepared], standings: Vec<Standing>) -> Option<Vec<Outcome>> {
        if standings.iter().all(|standing| matches!(standing, Standing::Untouched)) {
            return None;
        }
        if standings.iter().any(|standing| matches!(standing, Standing::Ours(_))) {
            self.link.counters.resolved();
            self.link
                .counters
                .appended(appends.len(), appends.iter().map(|append| append.payloads.len()).sum());
        } else {
            self.link.counters.conflicted();
        }
        let outcome = |standing| match standing {
            Standing::Ours(head) => Outcome::Appended(head),
            Standing::Elsewhere(head) => Outcome::Conflict(head),
            Standing::Deleted => Outcome::Gone,
            Standing::Untouched => Outcome::Refused(StoreError::Batch),
        };
        Some(standings.into_iter().map(outcome).collect())
    }

    /// The messages of a batch stand one behind the other.
    fn appended(&self, appends: &[Prepared], last: u64) -> Vec<Outcome> {
        let messages: usize = appends.iter().map(|append| append.payloads.len()).sum();
        self.link.counters.appended(appends.len(), messages);
        let mut sequence = last + 1 - messages as u64;
        let place = |append: &Prepared| {
            sequence += append.payloads.len() as u64;
            let head = append.head(sequence - 1);
            self.places.remember(&append.stream, head);
            Outcome::Appended(head)
        };
        appends.iter().map(place).collect()
    }

    fn unknown(&self, appends: &[Prepared], error: &NatsError) -> Vec<Outcome> {
        self.link.counters.unknown();
        let why = || self.lost(error.to_string());
        appends.iter().map(|_| Outcome::Unknown(why())).collect()
    }

    fn failed(&self, count: usize, error: NatsError) -> Vec<Outcome> {
        if let NatsError::Answer { code, .. } = &error
            && STALE.contains(&ErrorCode(*code))
        {
            self.link.counters.spurious();
        }
        let text = error.to_string();
        let first = Outcome::Refused(error.store(&self.link.store, "append"));
        let others = (1..count).map(|_| Outcome::Refused(self.lost(text.clone())));
        std::iter::once(first).chain(others).collect()
    }

    fn lost(&self, what: String) -> StoreError {
        StoreError::Unavailable {
            store: self.link.store.clone(),
            doing: "append",
            retryable: true,
            source: what.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_behind;
    use crate::codec::Found;
    use bytes::Bytes;
    use statewright::store::{Head, Revision};

    fn last(sequence: u64) -> Found {
        Found { subject: String::new(), sequence, payload: Bytes::new(), is_marker: false, id: None }
    }

    #[test]
    fn a_leader_of_the_past_is_told_from_one_that_has_seen_what_came() {
        let after = Head { revision: Revision(3), token: 40 };
        assert!(is_behind(None, after) && is_behind(Some(&last(39)), after));
        assert!(!is_behind(Some(&last(40)), after) && !is_behind(Some(&last(41)), after));
        assert!(!is_behind(None, Head::default()) && !is_behind(Some(&last(7)), Head::default()));
    }
}
