//! Records as rows, both ways.

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::Type;
use statewright::store::{Append, Head, Kind, Record, RecordedStep, Revision, StoreError, StreamId};

/// An append, serialised by the task that asks so that the writer only writes.
pub(crate) struct Prepared {
    pub(crate) stream: StreamId,
    pub(crate) after: Head,
    pub(crate) rows: Vec<PreparedRow>,
}

pub(crate) struct PreparedRow {
    pub(crate) step: RecordedStep,
    pub(crate) body: String,
}

impl Prepared {
    pub(crate) fn of(append: Append) -> Result<Self, StoreError> {
        let Append { stream, after, steps } = append;
        let row =
            |step: RecordedStep| serde_json::to_string(&step.body).map(|body| PreparedRow { step, body });
        let rows = steps.into_iter().map(row).collect::<Result<_, _>>();
        let rows =
            rows.map_err(|error| StoreError::Corrupt { store: stream.to_string(), what: error.to_string() })?;
        Ok(Self { stream, after, rows })
    }
}

/// What a query for records selects, in this order, from `records`.
pub(crate) const COLUMNS: &str = "records.revision, kind, at, command, trigger, from_state, to_state, body";

pub(crate) fn read_record(row: &Row<'_>, stream: StreamId) -> rusqlite::Result<Record> {
    let kind: String = row.get(1)?;
    let kind = Kind::named(&kind).ok_or_else(|| wrong(1, format!("`{kind}` is no kind of record")))?;
    let at = Timestamp::from_microsecond(row.get(2)?).map_err(|error| wrong(2, error.to_string()))?;
    let body = row.get_ref(7)?.as_str()?;
    let body = serde_json::from_str(body).map_err(|error| wrong(7, error.to_string()))?;
    let step = RecordedStep {
        kind,
        at,
        command: row.get_ref(3)?.as_str()?.into(),
        trigger: row.get::<_, String>(4)?.into(),
        from: row.get::<_, String>(5)?.into(),
        to: row.get::<_, String>(6)?.into(),
        body,
    };
    Ok(Record { stream, revision: Revision(row.get::<_, i64>(0)?.cast_unsigned()), step })
}

fn wrong(column: usize, why: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, why.into())
}
