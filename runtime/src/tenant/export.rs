//! Everything that is recorded of a tenant, as lines of JSON: written once, and read again anywhere.

use super::streams::Streams;
use crate::store::{Body, Kind, Record, RecordedStep, Revision, Store, StoreError, StreamId};
use futures_core::Stream;
use futures_core::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Records that are in memory at once.
const PAGE_MAX: usize = 256;

/// Streams that are listed at once.
const STREAMS_MAX: usize = 256;

/// The version of the format.
const FORMAT: u32 = 1;

/// One line of an export.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ExportLine {
    /// The first line.
    Begin {
        /// The version of the format, 1.
        format: u32,
        /// Whose records follow.
        tenant: Arc<str>,
        /// When it was begun.
        at: Timestamp,
    },
    /// A record. Those of an instance stand together, in the order of their revisions.
    Record(Box<ExportedRecord>),
    /// The last line: an export without it is not whole.
    End {
        /// Instances whose records stand above.
        instances: u64,
        /// Records that stand above.
        records: u64,
    },
}

/// A record without its tenant, which the first line names.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExportedRecord {
    /// The machine.
    pub machine: Arc<str>,
    /// The instance.
    pub instance: Arc<str>,
    /// Its number in the instance's stream.
    pub revision: Revision,
    /// What kind of record it is.
    pub kind: Kind,
    /// When.
    pub at: Timestamp,
    /// The command id.
    pub command: Arc<str>,
    /// The trigger.
    pub trigger: String,
    /// The state left.
    pub from: String,
    /// The state entered.
    pub to: String,
    /// Events, effects, timers and all else, as recorded: the event format.
    pub body: Body,
}

/// An export that ends early. What was handed out before it is right, and not whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The store did not deliver.
    #[error("the export of a tenant stopped: the store did not deliver")]
    Store(#[from] StoreError),
    /// A line cannot be written as JSON.
    #[error("the export of a tenant stopped: a line cannot be written as JSON")]
    Encode(#[from] serde_json::Error),
}

impl ExportedRecord {
    /// The record as a store keeps it.
    pub fn into_record(self, tenant: &str) -> Record {
        let stream = StreamId::new(tenant, &self.machine, &self.instance);
        let Self { revision, kind, at, command, trigger, from, to, body, .. } = self;
        let (trigger, from, to) = (trigger.into(), from.into(), to.into());
        Record { stream, revision, step: RecordedStep { kind, at, command, trigger, from, to, body } }
    }

    pub(crate) fn of(record: Record) -> Self {
        let (StreamId { machine, instance, .. }, revision) = (record.stream, record.revision);
        let RecordedStep { kind, at, command, trigger, from, to, body } = record.step;
        let (trigger, from, to) = (trigger.into_owned(), from.into_owned(), to.into_owned());
        Self { machine, instance, revision, kind, at, command, trigger, from, to, body }
    }
}

/// The lines of an export, one by one, without line ends; at most one page of records is in memory.
///
/// It reads instance by instance. What is recorded while it runs stands in it or not; of each instance it holds the
/// records up to some revision, without a gap.
#[must_use = "nothing is read until it is asked for"]
pub struct Export {
    lines: VecDeque<String>,
    /// `None`: the last page is read, or under way.
    walk: Option<Walk>,
    reading: Option<BoxFuture<'static, Read>>,
}

/// Some lines, and where to go on; `None` behind the last.
type Read = Result<(Vec<String>, Option<Walk>), ExportError>;

/// Where an export stands.
struct Walk {
    store: Arc<dyn Store>,
    /// What the first line says; taken when it is written.
    begin: Option<ExportLine>,
    streams: Streams,
    /// Listed and not read yet.
    ahead: VecDeque<StreamId>,
    /// The last record of the first of them that was read.
    after: Revision,
    instances: u64,
    records: u64,
}

impl Export {
    pub(crate) fn new(store: Arc<dyn Store>, tenant: &Arc<str>, at: Timestamp) -> Self {
        let begin = ExportLine::Begin { format: FORMAT, tenant: Arc::clone(tenant), at };
        let walk = Walk {
            store,
            begin: Some(begin),
            streams: Streams::new(tenant),
            ahead: VecDeque::new(),
            after: Revision(0),
            instances: 0,
            records: 0,
        };
        Self { lines: VecDeque::new(), walk: Some(walk), reading: None }
    }

    /// The next line; `None` behind the last. Cancel safe.
    ///
    /// # Errors
    /// The store does not deliver; it ends there, without its last line.
    pub async fn try_next(&mut self) -> Result<Option<String>, ExportError> {
        let next = std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx));
        next.await.transpose()
    }
}

impl Stream for Export {
    type Item = Result<String, ExportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Poll::Ready(Some(Ok(line)));
            }
            if let Some(walk) = self.walk.take() {
                self.reading = Some(Box::pin(walk.read()));
            }
            let Some(reading) = self.reading.as_mut() else { return Poll::Ready(None) };
            let read = ready!(reading.as_mut().poll(cx));
            self.reading = None;
            match read {
                Ok((lines, walk)) => (self.lines, self.walk) = (lines.into(), walk),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

impl Walk {
    async fn read(mut self) -> Read {
        // A store that answers at once must not keep the thread from others.
        tokio::task::yield_now().await;
        if let Some(begin) = self.begin.take() {
            return Ok((vec![serde_json::to_string(&begin)?], Some(self)));
        }
        if let Some(stream) = self.ahead.front() {
            let (records, head) = self.store.read(stream, self.after, PAGE_MAX).await?;
            let (count, last) = (records.len() as u64, records.last().map(|last| last.revision));
            let line =
                |record| serde_json::to_string(&ExportLine::Record(Box::new(ExportedRecord::of(record))));
            let lines = records.into_iter().map(line).collect::<Result<Vec<_>, _>>()?;
            self.instances += u64::from(self.after == Revision(0) && count > 0);
            self.records += count;
            self.after = last.unwrap_or(head.revision);
            if count == 0 || self.after >= head.revision {
                self.ahead.pop_front();
                self.after = Revision(0);
            }
            return Ok((lines, Some(self)));
        }
        if let Some(streams) = self.streams.next(&*self.store, STREAMS_MAX).await? {
            self.ahead = streams.into();
            return Ok((Vec::new(), Some(self)));
        }
        let end = ExportLine::End { instances: self.instances, records: self.records };
        Ok((vec![serde_json::to_string(&end)?], None))
    }
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export").field("lines", &self.lines.len()).finish_non_exhaustive()
    }
}
