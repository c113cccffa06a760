//! Records as messages, both ways: one JSON object for each, readable by anybody.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use statewright::store::{Body, Head, Kind, Record, RecordedStep, Revision, StreamId};
use std::borrow::Cow;

/// The bit of a head's token that says that the stream was deleted: no sequence ever has it, so nothing fits behind.
pub(crate) const DELETED: u64 = 1 << 63;

/// What a message of the log holds.
#[derive(Serialize, Deserialize)]
struct Written<'a> {
    /// Which call wrote it: how a lost answer is resolved.
    #[serde(borrow)]
    append: Cow<'a, str>,
    revision: u64,
    kind: Kind,
    /// Microseconds.
    at: i64,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    command: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    trigger: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    from: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    to: Cow<'a, str>,
    body: Cow<'a, Body>,
}

/// A message as it was found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Its subject.
    pub(crate) subject: String,
    /// Its place in the stream.
    pub(crate) sequence: u64,
    /// What it holds.
    pub(crate) payload: Bytes,
    /// It stands for a removed cell.
    pub(crate) is_marker: bool,
    /// Which put wrote it, if it is a cell and the leader was asked.
    pub(crate) id: Option<String>,
}

/// A message of the log, read.
pub(crate) struct Read {
    pub(crate) append: String,
    pub(crate) revision: Revision,
    pub(crate) step: RecordedStep,
}

impl Read {
    /// # Errors
    /// What about it was not written by this store.
    pub(crate) fn of(found: &Found) -> Result<Self, String> {
        let place = |why: String| format!("message {} of `{}`: {why}", found.sequence, found.subject);
        let written: Written<'_> =
            serde_json::from_slice(&found.payload).map_err(|error| place(error.to_string()))?;
        let at = Timestamp::from_microsecond(written.at).map_err(|error| place(error.to_string()))?;
        let step = RecordedStep {
            kind: written.kind,
            at,
            command: written.command.into(),
            trigger: written.trigger.into_owned().into(),
            from: written.from.into_owned().into(),
            to: written.to.into_owned().into(),
            body: written.body.into_owned(),
        };
        Ok(Self { append: written.append.into_owned(), revision: Revision(written.revision), step })
    }

    pub(crate) fn head(&self, sequence: u64) -> Head {
        Head { revision: self.revision, token: token(self.step.kind, sequence) }
    }

    pub(crate) fn record(self, stream: StreamId) -> Record {
        Record { stream, revision: self.revision, step: self.step }
    }
}

/// The token of a head whose record is of this kind and stands there.
pub(crate) fn token(kind: Kind, sequence: u64) -> u64 {
    if kind == Kind::Deleted { sequence | DELETED } else { sequence }
}

/// The message of a step.
pub(crate) fn written(append: &str, revision: Revision, step: &RecordedStep) -> serde_json::Result<Bytes> {
    let written = Written {
        append: append.into(),
        revision: revision.0,
        kind: step.kind,
        at: step.at.as_microsecond(),
        command: (&*step.command).into(),
        trigger: (&*step.trigger).into(),
        from: (&*step.from).into(),
        to: (&*step.to).into(),
        body: Cow::Borrowed(&step.body),
    };
    serde_json::to_vec(&written).map(Bytes::from)
}

/// What is left of erased records: their revisions, and their times in microseconds.
#[derive(Serialize, Deserialize)]
pub(crate) struct Erased {
    pub(crate) records: Vec<(u64, i64)>,
}

impl Erased {
    pub(crate) fn record(stream: &StreamId, (revision, at): (u64, i64)) -> Result<Record, String> {
        let at = Timestamp::from_microsecond(at).map_err(|error| error.to_string())?;
        let step = RecordedStep { at, ..RecordedStep::default() }.erased();
        Ok(Record { stream: stream.clone(), revision: Revision(revision), step })
    }
}
