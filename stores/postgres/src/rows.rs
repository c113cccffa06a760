//! Records as rows, both ways.

use crate::error::{Name, PostgresError};
use crate::schema::KEY_BYTES_MAX;
use crate::text::{meant, written};
use jiff::Timestamp;
use statewright::store::{Append, Head, Kind, Record, RecordedStep, Revision, Shard, StoreError, StreamId};
use std::borrow::Cow;
use std::sync::Arc;
use tokio_postgres::Row;

/// An address as it is written.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Address {
    pub(crate) shard: i16,
    pub(crate) tenant: Box<str>,
    pub(crate) machine: Box<str>,
    pub(crate) instance: Box<str>,
}

impl Address {
    pub(crate) fn of(stream: &StreamId, shard: Shard, name: &Name) -> Result<Self, StoreError> {
        let part = |part: &str| Box::from(written(part));
        let address = Self {
            shard: number(shard),
            tenant: part(&stream.tenant),
            machine: part(&stream.machine),
            instance: part(&stream.instance),
        };
        let bytes = address.tenant.len() + address.machine.len() + address.instance.len();
        if bytes > KEY_BYTES_MAX {
            let long = PostgresError::LongKey { bytes, max: KEY_BYTES_MAX };
            return Err(name.own("write an address", long));
        }
        Ok(address)
    }

    /// Bytes of the address, for bounds.
    pub(crate) fn bytes(&self) -> usize {
        self.tenant.len() + self.machine.len() + self.instance.len()
    }
}

/// A store has at most 1,024 shards.
pub(crate) fn number(shard: Shard) -> i16 {
    i16::try_from(shard.0).unwrap_or(i16::MAX)
}

/// An append, serialised by the task that asks so that the writer only writes.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) address: Arc<Address>,
    pub(crate) after: i64,
    pub(crate) steps: Vec<Step>,
    pub(crate) bytes: usize,
}

#[derive(Debug)]
pub(crate) struct Step {
    /// As it is read again.
    pub(crate) record: Arc<Record>,
    pub(crate) kind: &'static str,
    pub(crate) at: i64,
    pub(crate) command: Cow<'static, str>,
    pub(crate) trigger: Cow<'static, str>,
    pub(crate) from: Cow<'static, str>,
    pub(crate) to: Cow<'static, str>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn of(append: Append, shard: Shard, name: &Name) -> Result<Self, StoreError> {
        let Append { stream, after, steps } = append;
        let address = Arc::new(Address::of(&stream, shard, name)?);
        let record = |(n, step)| Record { stream: stream.clone(), revision: after.revision.plus(n), step };
        let records = (1..).zip(steps).map(record);
        let steps = records.map(Step::of).collect::<Result<Vec<_>, _>>();
        let steps = steps.map_err(|error| name.corrupt(format!("a step of `{stream}`: {error}")))?;
        let bytes = steps.iter().map(Step::bytes).sum::<usize>() + address.bytes();
        Ok(Self { address, after: after.revision.0.cast_signed(), steps, bytes })
    }

    /// The head behind it.
    pub(crate) fn head(&self) -> Head {
        head(self.after + i64::try_from(self.steps.len()).unwrap_or(i64::MAX))
    }
}

pub(crate) fn head(revision: i64) -> Head {
    let revision = revision.cast_unsigned();
    Head { revision: Revision(revision), token: revision }
}

impl Step {
    fn of(mut record: Record) -> Result<Self, serde_json::Error> {
        let step = &mut record.step;
        let at = step.at.as_microsecond();
        // No finer than it is written.
        step.at = Timestamp::from_microsecond(at).unwrap_or(step.at);
        Ok(Self {
            kind: step.kind.name(),
            at,
            command: Cow::Owned(written(&step.command).into_owned()),
            trigger: own(step.trigger.clone()),
            from: own(step.from.clone()),
            to: own(step.to.clone()),
            body: serde_json::to_string(&step.body)?,
            record: Arc::new(record),
        })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.command.len() + self.trigger.len() + self.from.len() + self.to.len() + self.body.len()
    }
}

/// Names of triggers and states are mostly those of the program, and written as they are.
fn own(text: Cow<'static, str>) -> Cow<'static, str> {
    match written(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(written) => Cow::Owned(written),
    }
}

/// A record whose columns begin with column `first` of a row.
pub(crate) fn record(row: &Row, first: usize, stream: StreamId) -> Result<Record, Wrong> {
    let kind: &str = row.try_get(first + 1)?;
    let kind = Kind::named(kind).ok_or_else(|| Wrong(format!("`{kind}` is no kind of record")))?;
    let at = Timestamp::from_microsecond(row.try_get(first + 2)?).map_err(Wrong::of)?;
    let body: &str = row.try_get(first + 7)?;
    let step = RecordedStep {
        kind,
        at,
        command: (&*text(row, first + 3)?).into(),
        trigger: text(row, first + 4)?.into_owned().into(),
        from: text(row, first + 5)?.into_owned().into(),
        to: text(row, first + 6)?.into_owned().into(),
        body: serde_json::from_str(body).map_err(Wrong::of)?,
    };
    Ok(Record { stream, revision: Revision(row.try_get::<_, i64>(first)?.cast_unsigned()), step })
}

/// The address that stands in columns `first`, `first + 1` and `first + 2` of a row.
pub(crate) fn stream(row: &Row, first: usize) -> Result<StreamId, Wrong> {
    Ok(StreamId::new(&text(row, first)?, &text(row, first + 1)?, &text(row, first + 2)?))
}

fn text(row: &Row, column: usize) -> Result<Cow<'_, str>, Wrong> {
    let text: &str = row.try_get(column)?;
    meant(text).ok_or_else(|| Wrong(format!("column {column} holds a text that was not written by a store")))
}

/// What was found in a row and is not what a store writes.
#[derive(Debug)]
pub(crate) struct Wrong(pub(crate) String);

impl Wrong {
    fn of(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl From<tokio_postgres::Error> for Wrong {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::of(error)
    }
}
