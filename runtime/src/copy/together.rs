//! The records of a page of the source, those of many streams appended in one call.
//!
//! It writes what is behind a head that the target is thought to have. A stream for which that is not so is brought by itself,
//! which looks.

use super::{Copy, CopyError};
use crate::store::{Append, Head, Outcome, Record, Revision, StoreError, StreamId, Unit};
use lru::LruCache;
use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::task::{JoinError, JoinSet};

/// Streams of which is kept how far the target has them.
const HEADS_MAX: NonZeroUsize = NonZeroUsize::new(1 << 16).expect("more than nothing");

/// Heads that are asked for at once.
const ASKED_MAX: usize = 16;

/// How far the target has what was brought last.
pub(super) struct Heads(LruCache<StreamId, Head>);

impl Heads {
    pub(super) fn new() -> Self {
        Self(LruCache::new(HEADS_MAX))
    }

    fn have(&self, record: &Record) -> bool {
        self.0.peek(&record.stream).is_some_and(|head| record.revision <= head.revision)
    }
}

/// What is still to be brought of a page: the records of each stream, in their order.
type Left = BTreeMap<StreamId, VecDeque<Record>>;

impl Copy {
    /// How many records were appended.
    pub(super) async fn bring_page(&self, records: Vec<Record>, heads: &mut Heads) -> Result<u64, CopyError> {
        let mut left = Left::new();
        for record in records {
            if self.is_wanted(&record.stream) && !heads.have(&record) {
                left.entry(record.stream.clone()).or_default().push_back(record);
            }
        }
        self.ask_heads(&left, heads).await?;
        let mut count = 0;
        while !left.is_empty() {
            count += self.bring_round(&mut left, heads).await?;
        }
        Ok(count)
    }

    /// Of streams that the target has already, as it seems. One whose first record comes is new to it, or the append says so.
    async fn ask_heads(&self, left: &Left, heads: &mut Heads) -> Result<(), CopyError> {
        let is_first =
            |records: &VecDeque<Record>| records.front().is_some_and(|record| record.revision == Revision(1));
        let unknown = left.iter().filter(|(stream, records)| !is_first(records) && !heads.0.contains(stream));
        let unknown: Vec<_> = unknown.map(|(stream, _)| stream.clone()).collect();
        let mut tasks = JoinSet::new();
        let mut streams = unknown.into_iter();
        loop {
            for stream in streams.by_ref().take(ASKED_MAX.saturating_sub(tasks.len())) {
                let to = Arc::clone(&self.to);
                tasks.spawn(async move {
                    let head = to.head(&stream).await;
                    (stream, head)
                });
            }
            match tasks.join_next().await {
                None => return Ok(()),
                Some(Ok((stream, head))) => {
                    heads.0.put(stream, head.map_err(CopyError::Target)?);
                }
                Some(Err(error)) => return Err(CopyError::Target(broken(error))),
            }
        }
    }

    /// One append of each stream, all in one call. Streams stay that have more.
    async fn bring_round(&self, left: &mut Left, heads: &mut Heads) -> Result<u64, CopyError> {
        let (batch, mut astray) = next_appends(left, heads, self.steps_max());
        let asked: Vec<_> =
            batch.iter().map(|append| (append.stream.clone(), append.after, append.steps.len())).collect();
        let outcomes = if batch.is_empty() { Vec::new() } else { self.to.append(batch, Unit::Each).await };
        let (mut count, mut outcomes) = (0, outcomes.into_iter());
        for (stream, after, steps) in asked {
            match outcomes.next() {
                Some(Outcome::Appended(head)) => {
                    count += steps as u64;
                    heads.0.put(stream, head);
                }
                Some(Outcome::Unknown(error)) => astray.push((stream, Some((after.revision, error)))),
                Some(Outcome::Conflict(_) | Outcome::Gone | Outcome::Refused(_)) | None => {
                    astray.push((stream, None));
                }
            }
        }
        for (stream, lost) in astray {
            // It is brought to its head.
            left.remove(&stream);
            let (head, more) = self.bring(&stream, lost).await?;
            heads.0.put(stream, head);
            count += more;
        }
        Ok(count)
    }
}

/// What was lost of an append, see [`Copy::bring`].
type Lost = Option<(Revision, StoreError)>;

/// What of each stream is directly behind its head, and the streams for which nothing is. Left is what comes behind that.
fn next_appends(left: &mut Left, heads: &mut Heads, limit: usize) -> (Vec<Append>, Vec<(StreamId, Lost)>) {
    let (mut batch, mut astray) = (Vec::new(), Vec::new());
    left.retain(|stream, records| {
        let after = heads.0.get(stream).copied().unwrap_or_default();
        while records.front().is_some_and(|record| record.revision <= after.revision) {
            records.pop_front();
        }
        let fits = |(n, record): &(usize, &Record)| record.revision == after.revision.plus(n + 1);
        let count = records.iter().take(limit).enumerate().take_while(fits).count();
        if count > 0 {
            let steps = records.drain(..count).map(|record| record.step).collect();
            batch.push(Append { stream: stream.clone(), after, steps });
        } else if !records.is_empty() {
            astray.push((stream.clone(), None));
        }
        count > 0 && !records.is_empty()
    });
    (batch, astray)
}

/// A task that asked for a head has ended without a word.
fn broken(source: JoinError) -> StoreError {
    let (store, source) = ("the target of a copy".to_owned(), source.into());
    StoreError::Unavailable { store, doing: "end a task", retryable: true, source }
}
