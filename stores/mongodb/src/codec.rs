//! Records as documents, both ways, and keys that sort as addresses do.
//!
//! Nothing here talks to a server.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use statewright::store::{Append, Head, Kind, Record, RecordedStep, Revision, Shard, StreamId};
use std::sync::Arc;

/// One record. `key` alone is looked up; the parts of the address stand beside it for whoever reads with stock tools.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    /// Address and revision, unique.
    pub(crate) key: String,
    pub(crate) tenant: Arc<str>,
    pub(crate) machine: Arc<str>,
    pub(crate) instance: Arc<str>,
    pub(crate) revision: i64,
    pub(crate) shard: i32,
    /// Its place in the order of the shard.
    pub(crate) position: i64,
    pub(crate) kind: Kind,
    /// Microseconds since 1970.
    pub(crate) at: i64,
    pub(crate) command: Arc<str>,
    pub(crate) trigger: String,
    pub(crate) from: String,
    pub(crate) to: String,
    /// JSON, as it was written.
    pub(crate) body: String,
}

/// An append whose rows are made by the task that asks, so that the writer only writes. Their positions are set by the
/// writer.
pub(crate) struct Prepared {
    pub(crate) stream: StreamId,
    pub(crate) shard: Shard,
    pub(crate) after: Head,
    pub(crate) rows: Vec<Row>,
    /// Of all rows, roughly.
    pub(crate) bytes: usize,
}

impl Prepared {
    pub(crate) fn of(append: Append, shard: Shard) -> Result<Self, serde_json::Error> {
        let Append { stream, after, steps } = append;
        let bytes = steps.iter().map(RecordedStep::bytes).sum();
        let rows = steps.into_iter().enumerate().map(|(n, step)| {
            let revision = after.revision.plus(n + 1);
            row(Record { stream: stream.clone(), revision, step }, shard)
        });
        let rows = rows.collect::<Result<_, _>>()?;
        Ok(Self { stream, shard, after, rows, bytes })
    }

    /// The revision behind which it is to stand.
    pub(crate) fn after(&self) -> i64 {
        self.after.revision.0.cast_signed()
    }

    /// The head once it is recorded.
    pub(crate) fn head(&self) -> Head {
        head(self.after().saturating_add(i64::try_from(self.rows.len()).unwrap_or(i64::MAX)))
    }
}

/// A head at a revision.
pub(crate) fn head(revision: i64) -> Head {
    Head { revision: Revision(revision.cast_unsigned()), token: revision.cast_unsigned() }
}

fn row(record: Record, shard: Shard) -> Result<Row, serde_json::Error> {
    let Record { stream, revision, step } = record;
    let revision = revision.0.cast_signed();
    Ok(Row {
        key: record_key(&stream, revision),
        tenant: stream.tenant,
        machine: stream.machine,
        instance: stream.instance,
        revision,
        shard: i32::from(shard.0),
        position: 0,
        kind: step.kind,
        at: step.at.as_microsecond(),
        command: step.command,
        trigger: step.trigger.into_owned(),
        from: step.from.into_owned(),
        to: step.to.into_owned(),
        body: serde_json::to_string(&step.body)?,
    })
}

impl Row {
    /// The record, or what is wrong with it.
    pub(crate) fn record(self) -> Result<Record, String> {
        let wrong = |what: &dyn std::fmt::Display| {
            format!(
                "revision {} of `{}/{}/{}`: {what}",
                self.revision, self.tenant, self.machine, self.instance
            )
        };
        let at = Timestamp::from_microsecond(self.at).map_err(|error| wrong(&error))?;
        let body = serde_json::from_str(&self.body).map_err(|error| wrong(&error))?;
        let step = RecordedStep {
            kind: self.kind,
            at,
            command: self.command,
            trigger: self.trigger.into(),
            from: self.from.into(),
            to: self.to.into(),
            body,
        };
        let stream = StreamId { tenant: self.tenant, machine: self.machine, instance: self.instance };
        Ok(Record { stream, revision: Revision(self.revision.cast_unsigned()), step })
    }
}

/// Sorts as [`StreamId`] does, byte by byte: each part is ended by U+0001, and U+0000 to U+0002 inside it are written as
/// U+0002 and a letter above all of these. So no part is mistaken for two, and no key holds a NUL.
pub(crate) fn stream_key(stream: &StreamId) -> String {
    let parts = [&stream.tenant, &stream.machine, &stream.instance];
    let mut key = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum::<usize>() + 16);
    for part in parts {
        for letter in part.chars() {
            match letter {
                '\u{0}' => key.push_str("\u{2}a"),
                '\u{1}' => key.push_str("\u{2}b"),
                '\u{2}' => key.push_str("\u{2}c"),
                other => key.push(other),
            }
        }
        key.push('\u{1}');
    }
    key
}

/// The key of one record: the stream's, and the revision with 16 hexadecimal digits.
pub(crate) fn record_key(stream: &StreamId, revision: i64) -> String {
    format!("{}{revision:016x}", stream_key(stream))
}

/// Behind every key of the stream: no digit is above `f`.
pub(crate) fn behind_stream(stream: &StreamId) -> String {
    stream_key(stream) + "g"
}

/// The id of a cell: its shard with four hexadecimal digits, `/`, its name.
pub(crate) fn cell_id(shard: Shard, name: &str) -> String {
    format!("{:04x}/{name}", shard.0)
}

/// The least text above everything that begins with `prefix`; `None` when there is none.
pub(crate) fn behind_prefix(prefix: &str) -> Option<String> {
    let mut letters: Vec<char> = prefix.chars().collect();
    while let Some(last) = letters.pop() {
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            other => char::from_u32(u32::from(other) + 1),
        };
        if let Some(next) = next {
            letters.push(next);
            return Some(letters.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{behind_prefix, behind_stream, record_key, stream_key};
    use statewright::store::StreamId;

    const PARTS: [&str; 13] = [
        "",
        "\u{0}",
        "\u{0}a",
        "\u{1}",
        "\u{1}\u{1}",
        "\u{2}",
        "\u{2}a",
        "\u{3}",
        "a",
        "a\u{0}",
        "ab",
        "é",
        "\u{10ffff}",
    ];

    #[test]
    fn keys_sort_as_addresses_do_and_none_is_two() {
        let mut ids = Vec::new();
        for tenant in PARTS {
            for machine in PARTS {
                ids.extend(PARTS.map(|instance| StreamId::new(tenant, machine, instance)));
            }
        }
        ids.sort();
        let keys: Vec<_> = ids.iter().map(stream_key).collect();
        assert!(keys.is_sorted_by(|a, b| a < b), "they sort alike, and none is there twice");
        assert!(keys.iter().all(|key| !key.contains('\u{0}')));
    }

    #[test]
    fn the_keys_of_a_stream_stand_together_in_order() {
        let ids = PARTS.map(|part| StreamId::new("t", "M", part));
        let mut keys = Vec::new();
        for id in &ids {
            keys.extend([0, 1, 9, 16, 255, i64::MAX].map(|revision| record_key(id, revision)));
            keys.push(behind_stream(id));
        }
        assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
    }

    #[test]
    fn a_prefix_ends_where_it_is_no_prefix_any_more() {
        for prefix in ["a", "a/", "é", "\u{d7ff}", "a\u{10ffff}", "\u{0}"] {
            let end = behind_prefix(prefix).expect("there is one");
            assert!(format!("{prefix}\u{10ffff}\u{10ffff}") < end && !end.starts_with(prefix), "{prefix:?}");
        }
        assert_eq!(behind_prefix("\u{10ffff}"), None);
        assert_eq!(behind_prefix(""), None);
    }
}
