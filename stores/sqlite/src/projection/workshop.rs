//! What the thread that writes does for projections: each call is one transaction, on a connection of its own.

use super::tables::{Gate, Tables, expand};
use super::{ProjectionError, SqliteProjection};
use crate::error::sqlite;
use crate::writer::write_cell;
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension};
use serde_json::{Value, json};
use statewright::projection::apply;
use statewright::store::{CellKey, Cursor, Put, Shard, StoreError};
use statewright::subscription::Position;
use std::path::{Path, PathBuf};

pub(crate) struct Workshop {
    path: PathBuf,
    tables: Tables,
}

/// Where a build stands.
pub(super) struct Opened {
    /// The version of its cell.
    pub(super) version: u64,
    /// `None`: it has not begun.
    pub(super) position: Option<Position>,
    pub(super) serving: Option<u32>,
}

impl Workshop {
    /// Beside the connection of the writer, with its settings.
    pub(crate) fn open(path: &Path, writer: &Connection) -> Result<Self, StoreError> {
        let open = || {
            let connection = Connection::open(path)?;
            connection.set_prepared_statement_cache_capacity(64);
            connection.pragma_update(None, "busy_timeout", 5_000)?;
            connection.pragma_update(None, "wal_autocheckpoint", 16_384)?;
            for setting in ["synchronous", "max_page_count", "secure_delete"] {
                let value: i64 = writer.pragma_query_value(None, setting, |row| row.get(0))?;
                connection.pragma_update(None, setting, value)?;
            }
            Tables::over(connection)
        };
        let tables = open().map_err(|error| sqlite(path, "open the file for projections", error))?;
        Ok(Self { path: path.to_owned(), tables })
    }

    /// Finds out how far a build has come, and makes its tables if it has not begun.
    pub(super) fn open_build<P: SqliteProjection>(
        &mut self,
        projection: &P,
    ) -> Result<Opened, ProjectionError> {
        let (name, build) = (projection.name(), projection.build());
        self.transact(|this| {
            let serving = this.serving(name)?;
            if let Some(serving) = serving.filter(|serving| *serving > build) {
                return Err(ProjectionError::Superseded { name: name.to_owned(), build, serving });
            }
            if let Some((version, position)) = this.position(name, build)? {
                return Ok(Opened { version, position, serving });
            }
            let (prefix, schema) = (prefix(name, build), projection.schema());
            let made = this.tables.behind(Gate::Schema(prefix.clone()), |tables| {
                tables.connection.execute_batch(&expand(schema, &prefix))
            });
            made.map_err(|source| ProjectionError::Schema { name: name.to_owned(), source })?;
            let version = this.put(&build_cell(name, build), &json!({ "position": null }))?;
            Ok(Opened { version, position: None, serving })
        })
    }

    /// Applies records and says so: the new version; `None`: the build does not stand where it stood.
    pub(super) fn apply<P: SqliteProjection>(
        &mut self,
        projection: &P,
        items: &[P::Item],
        (version, position): (u64, &Position),
    ) -> Result<Option<u64>, ProjectionError> {
        let (name, build) = (projection.name(), projection.build());
        self.transact(|this| {
            if this.position(name, build)?.is_none_or(|(stands, _)| stands != version) {
                return Ok(None);
            }
            this.tables.behind(Gate::Rows(prefix(name, build)), |tables| {
                items.iter().try_for_each(|item| apply(projection, tables, item))
            })?;
            this.put(&build_cell(name, build), &json!({ "position": position.to_string() })).map(Some)
        })
    }

    /// A build that has caught up takes the place of the one that serves. The build that serves then.
    pub(super) fn swap<P: SqliteProjection>(&mut self, projection: &P) -> Result<u32, ProjectionError> {
        let (name, build) = (projection.name(), projection.build());
        self.transact(|this| {
            let own = this.position(name, build)?.and_then(|(_, position)| position);
            if let Some(serving) = this.serving(name)? {
                if serving > build {
                    return Err(ProjectionError::Superseded { name: name.to_owned(), build, serving });
                }
                let before = this.position(name, serving)?.and_then(|(_, position)| position);
                // Nobody is to see go away again what was there.
                if serving == build || order(before.as_ref()) > order(own.as_ref()) {
                    return Ok(serving);
                }
            }
            this.replace(name, build)?;
            this.put(&name_cell(name), &json!({ "serving": build }))?;
            Ok(build)
        })
    }

    /// Views over the tables of a build; the tables of all before it go.
    fn replace(&self, name: &str, build: u32) -> Result<(), ProjectionError> {
        let run = |sql: String| self.tables.connection.execute_batch(&sql).map_err(|error| self.fail(error));
        for view in self.named("view", name)? {
            run(format!("DROP VIEW \"{view}\""))?;
        }
        for table in self.named("table", name)? {
            let Some((number, own)) = table.get(name.len() + 1..).and_then(|rest| rest.split_once('_'))
            else {
                continue;
            };
            match number.parse::<u32>() {
                Ok(number) if number == build => {
                    run(format!("CREATE VIEW \"{name}_{own}\" AS SELECT * FROM \"{table}\""))?;
                }
                Ok(number) if number < build => {
                    run(format!("DROP TABLE \"{table}\""))?;
                    self.remove(&build_cell(name, number))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Tables or views whose names begin with that of a projection.
    fn named(&self, kind: &str, name: &str) -> Result<Vec<String>, ProjectionError> {
        let find = || -> rusqlite::Result<Vec<String>> {
            let sql = "SELECT name FROM sqlite_schema WHERE type = ?1 AND substr(name, 1, length(?2)) = ?2";
            let mut find = self.tables.connection.prepare_cached(sql)?;
            find.query_map([kind, &format!("{name}_")], |row| row.get(0))?.collect()
        };
        find().map_err(|error| self.fail(error))
    }

    fn serving(&self, name: &str) -> Result<Option<u32>, ProjectionError> {
        let Some((_, value)) = self.get(&name_cell(name))? else { return Ok(None) };
        let serving = value["serving"].as_u64().and_then(|serving| u32::try_from(serving).ok());
        serving.map(Some).ok_or_else(|| self.corrupt(&name_cell(name)))
    }

    /// Version and contents of a build's cell.
    fn position(&self, name: &str, build: u32) -> Result<Option<(u64, Option<Position>)>, ProjectionError> {
        let cell = build_cell(name, build);
        let Some((version, value)) = self.get(&cell)? else { return Ok(None) };
        let position = value["position"].as_str().map(str::parse).transpose();
        Ok(Some((version, position.map_err(|_| self.corrupt(&cell))?)))
    }

    fn get(&self, name: &str) -> Result<Option<(u64, Value)>, ProjectionError> {
        let find = || {
            let sql = "SELECT version, value FROM cells WHERE name = ?1 AND value IS NOT NULL";
            let mut find = self.tables.connection.prepare_cached(sql)?;
            find.query_row([name], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))).optional()
        };
        let Some((version, value)) = find().map_err(|error| self.fail(error))? else { return Ok(None) };
        let value = serde_json::from_slice(&value).map_err(|_| self.corrupt(name))?;
        Ok(Some((version.cast_unsigned(), value)))
    }

    fn put(&self, name: &str, value: &Value) -> Result<u64, ProjectionError> {
        self.write(name, Some(Bytes::from(value.to_string())))
    }

    fn remove(&self, name: &str) -> Result<u64, ProjectionError> {
        self.write(name, None)
    }

    fn write(&self, name: &str, value: Option<Bytes>) -> Result<u64, ProjectionError> {
        let put = Put { key: CellKey { shard: Shard(0), name: name.into() }, version: None, value };
        let written = write_cell(&self.tables.connection, &put);
        written.map(Option::unwrap_or_default).map_err(|error| self.fail(error))
    }

    fn transact<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, ProjectionError>,
    ) -> Result<T, ProjectionError> {
        self.run("BEGIN IMMEDIATE")?;
        let done = work(self).and_then(|done| self.run("COMMIT").map(|()| done));
        if done.is_err() && !self.tables.connection.is_autocommit() {
            self.run("ROLLBACK")?;
        }
        done
    }

    fn run(&self, sql: &str) -> Result<(), ProjectionError> {
        self.tables.connection.execute_batch(sql).map_err(|error| self.fail(error))
    }

    fn fail(&self, error: rusqlite::Error) -> ProjectionError {
        sqlite(&self.path, "write a projection", error).into()
    }

    fn corrupt(&self, name: &str) -> ProjectionError {
        let what = format!("the cell `{name}` was not written by a projection: remove it");
        StoreError::Corrupt { store: self.path.display().to_string(), what }.into()
    }
}

fn order(position: Option<&Position>) -> u64 {
    position.and_then(|position| position.cursor(Shard(0))).map_or(0, Cursor::position)
}

fn prefix(name: &str, build: u32) -> String {
    format!("{name}_{build}_")
}

fn name_cell(name: &str) -> String {
    format!("projection/{name}")
}

fn build_cell(name: &str, build: u32) -> String {
    format!("projection/{name}/{build}")
}
