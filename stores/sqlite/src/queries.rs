//! Questions about many records, answered in SQL: only the answer leaves the database.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, ToSql, params_from_iter};
use statewright::store::StoreError;
use statewright::store::query::{By, GROUPS_MAX, Key, Place, Scope, Selection, Spent, Times, micros};
use std::collections::BTreeMap;
use std::time::Duration;

/// A piece of SQL and what stands in its places.
#[derive(Default)]
struct Sql {
    text: String,
    values: Vec<Value>,
}

/// Records of a selection by a key. More groups than are asked for are not read.
pub(crate) fn count(
    connection: &Connection,
    scope: &Scope,
    selection: &Selection,
    by: By,
) -> rusqlite::Result<BTreeMap<Key, u64>> {
    let mut sql = Sql::new("SELECT ");
    sql.key(by).add(", count(*) FROM records JOIN streams USING (sid) WHERE ").scope(scope);
    sql.selection(selection).add(" GROUP BY 1 LIMIT ").add(&limit().to_string());
    let mut find = connection.prepare_cached(&sql.text)?;
    let group = |row: &Row<'_>| {
        let key = match by {
            By::State | By::Trigger => Key::Name(row.get::<_, String>(0)?.into()),
            By::Time { .. } => Key::Time(row.get(0)?),
        };
        Ok((key, row.get::<_, i64>(1)?.cast_unsigned()))
    };
    find.query_map(params_from_iter(&sql.values), group)?.collect()
}

/// How long streams stood where.
pub(crate) fn times(connection: &Connection, scope: &Scope, span: (i64, i64)) -> rusqlite::Result<Times> {
    // One transaction, so that both are of the same moment.
    let moment = connection.unchecked_transaction()?;
    let mut times = Times::default();
    let mut sql = Sql::new("WITH ");
    sql.streams(scope).add("SELECT count(*), ");
    sql.spent("max(0, min(began, :to) - :from)", "began > :to").add(" FROM mine");
    sql.within(&moment, span, |row| {
        times.streams = row.get::<_, i64>(0)?.cast_unsigned();
        times.absent = spent(row, 1)?;
        Ok(())
    })?;
    let mut sql = Sql::new("WITH ");
    sql.streams(scope).add(STAYS).add("SELECT place, name, ");
    sql.spent("time", "at_end")
        .add(" FROM stays GROUP BY place, name HAVING max(time) > 0 OR max(at_end) LIMIT ");
    sql.add(&limit().to_string());
    sql.within(&moment, span, |row| {
        let place = match row.get_ref(0)?.as_str()? {
            "deleted" => Place::Deleted,
            "erased" => Place::Erased,
            _ => Place::In(row.get::<_, String>(1)?.into()),
        };
        times.places.insert(place, spent(row, 2)?);
        Ok(())
    })?;
    Ok(times)
}

/// A record lasts until the next one. Of a stream that is longer than the span nothing is read that lies before the
/// record in which the span begins.
const STAYS: &str = "
    , lasting AS (
        SELECT kind, to_state, at, lead(at) OVER (PARTITION BY records.sid ORDER BY records.revision) AS until
        FROM mine JOIN records ON records.sid = mine.sid AND records.revision >= CASE WHEN began >= :from THEN 1 ELSE (
            SELECT earlier.revision FROM records AS earlier
            WHERE earlier.sid = mine.sid AND earlier.at <= :from ORDER BY earlier.revision DESC LIMIT 1
        ) END
    ), stays AS (
        SELECT
            CASE WHEN kind IN ('deleted', 'erased') THEN kind ELSE '' END AS place,
            CASE WHEN kind IN ('deleted', 'erased') THEN '' ELSE to_state END AS name,
            max(0, min(coalesce(until, :to), :to) - max(at, :from)) AS time,
            until IS NULL OR until > :to AS at_end
        FROM lasting WHERE at <= :to
    ) ";

impl Sql {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), values: Vec::new() }
    }

    fn add(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    fn value(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        self.add(&format!("?{}", self.values.len()))
    }

    /// Values, separated.
    fn values<'v>(&mut self, values: impl Iterator<Item = &'v str>) -> &mut Self {
        for (n, value) in values.enumerate() {
            self.add(if n == 0 { "" } else { ", " }).value(value.to_owned());
        }
        self
    }

    /// The condition of a scope on `streams`.
    fn scope(&mut self, scope: &Scope) -> &mut Self {
        self.add("machine = ").value(scope.machine.to_string());
        for (column, wanted) in [("tenant", &scope.tenant), ("instance", &scope.instance)] {
            if let Some(wanted) = wanted {
                self.add(" AND ").add(column).add(" = ").value(wanted.to_string());
            }
        }
        self
    }

    /// The streams of a scope, and when they began.
    fn streams(&mut self, scope: &Scope) -> &mut Self {
        self.add(
            "mine AS (SELECT sid, at AS began FROM streams JOIN records USING (sid) WHERE revision = 1 AND ",
        );
        self.scope(scope).add(") ")
    }

    fn selection(&mut self, selection: &Selection) -> &mut Self {
        let kinds = selection.kinds.iter().map(|kind| kind.name());
        self.add(" AND kind IN (").values(kinds).add(") AND at >= ").value(micros(selection.since));
        self.add(" AND at < ").value(micros(selection.until));
        if let Some(triggers) = &selection.triggers {
            self.add(" AND trigger IN (").values(triggers.iter().map(|trigger| &**trigger)).add(")");
        }
        for (column, names) in [("from_state", &selection.from), ("to_state", &selection.to)] {
            let Some(names) = names else { continue };
            self.add(" AND (0");
            for name in names {
                self.add(" OR instr('+' || ")
                    .add(column)
                    .add(" || '+', ")
                    .value(format!("+{name}+"))
                    .add(")");
            }
            self.add(")");
        }
        if selection.changes { self.add(" AND from_state <> to_state") } else { self }
    }

    fn key(&mut self, by: By) -> &mut Self {
        match by {
            By::State => self.add("to_state"),
            By::Trigger => self.add("trigger"),
            By::Time { width, offset } => {
                let width = width.max(1);
                self.add("at - (((at + ").value(offset).add(") % ").value(width).add(") + ").value(width);
                self.add(") % ").value(width)
            }
        }
    }

    /// Sums of microseconds, and of streams. Seconds apart: the microseconds of many streams are more than 64 bits hold.
    fn spent(&mut self, time: &str, at_end: &str) -> &mut Self {
        let sums = format!(
            "coalesce(sum(({time}) / 1000000), 0), coalesce(sum(({time}) % 1000000), 0), coalesce(sum({at_end}), 0)"
        );
        self.add(&sums)
    }

    /// Runs it over a span.
    fn within(
        &self,
        connection: &Connection,
        (from, to): (i64, i64),
        mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let mut find = connection.prepare_cached(&self.text)?;
        for (place, value) in (1..).zip(&self.values) {
            find.raw_bind_parameter(place, value)?;
        }
        for (name, value) in [(":from", &from as &dyn ToSql), (":to", &to)] {
            if let Some(place) = find.parameter_index(name)? {
                find.raw_bind_parameter(place, value)?;
            }
        }
        let mut rows = find.raw_query();
        while let Some(row) = rows.next()? {
            each(row)?;
        }
        Ok(())
    }
}

fn spent(row: &Row<'_>, first: usize) -> rusqlite::Result<Spent> {
    let part = |place| row.get::<_, i64>(place).map(i64::cast_unsigned);
    let micros = Duration::from_micros(part(first + 1)?);
    Ok(Spent { time: Duration::from_secs(part(first)?).saturating_add(micros), at_end: part(first + 2)? })
}

/// One more than there may be, so that it is seen.
fn limit() -> i64 {
    i64::try_from(GROUPS_MAX).unwrap_or(i64::MAX - 1) + 1
}

/// An answer with too many groups is none.
pub(crate) fn within<T>(answer: T, groups: usize) -> Result<T, StoreError> {
    if groups > GROUPS_MAX { Err(StoreError::TooManyGroups { max: GROUPS_MAX }) } else { Ok(answer) }
}
