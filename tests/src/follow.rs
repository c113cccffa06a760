//! A projection that keeps every record it was given, in order: what the tests hold against the log.

use statewright::history::Transition;
use statewright::projection::{ApplyError, Projection};
use statewright_sqlite::rusqlite::params;
use statewright_sqlite::{SqliteProjection, Tables};

use crate::Door;

/// Every record of the doors, numbered as it came. A record that comes twice does not fit.
#[derive(Debug)]
pub struct Seen {
    /// The projection's name.
    pub name: &'static str,
}

impl Projection<Tables> for Seen {
    type Item = Transition<Door>;

    fn name(&self) -> &str {
        self.name
    }

    fn build(&self) -> u32 {
        1
    }

    fn apply(&self, tables: &mut Tables, item: &Transition<Door>) -> Result<(), ApplyError> {
        let (door, revision) = (&*item.record.stream.instance, item.record.revision.0.cast_signed());
        let insert = "INSERT INTO {records} (door, revision) VALUES (?1, ?2)";
        tables.statement(insert)?.execute(params![door, revision])?;
        Ok(())
    }
}

impl SqliteProjection for Seen {
    fn schema(&self) -> &'static str {
        "CREATE TABLE {records} (n INTEGER PRIMARY KEY, door TEXT NOT NULL, revision INTEGER NOT NULL, UNIQUE (door, revision))"
    }
}
