//! The file: its tables, its settings, and the checks before it is trusted.

use crate::error::{other, sqlite};
use crate::store::Durability;
use rusqlite::{Connection, OpenFlags};
use statewright::store::StoreError;
use std::fs;
use std::io::Read;
use std::path::Path;

/// "STWR": says to `file` and to us whose database it is.
const APPLICATION_ID: i32 = 0x5354_5752;

/// Raised with every change of the tables, forward only.
const SCHEMA: u32 = 1;

/// Older libraries can lose acknowledged commits when the WAL is reset.
const SQLITE_MIN: i32 = 3_051_003;

const TABLES: &str = "
    CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 1), next_pos INTEGER NOT NULL, next_sid INTEGER NOT NULL);
    INSERT INTO meta VALUES (1, 1, 1);
    CREATE TABLE streams (
        sid INTEGER PRIMARY KEY,
        tenant TEXT NOT NULL, machine TEXT NOT NULL, instance TEXT NOT NULL,
        UNIQUE (tenant, machine, instance)
    );
    CREATE TABLE records (
        pos INTEGER PRIMARY KEY,
        sid INTEGER NOT NULL, revision INTEGER NOT NULL,
        kind TEXT NOT NULL, at INTEGER NOT NULL, command TEXT NOT NULL,
        trigger TEXT NOT NULL, from_state TEXT NOT NULL, to_state TEXT NOT NULL,
        body TEXT NOT NULL,
        UNIQUE (sid, revision)
    );
    CREATE TABLE cells (name TEXT PRIMARY KEY, version INTEGER NOT NULL, value BLOB) WITHOUT ROWID;
";

/// Opens the file for writing, and makes it if it is not there.
pub(crate) fn open_writer(path: &Path, durability: Durability) -> Result<Connection, StoreError> {
    if rusqlite::version_number() < SQLITE_MIN {
        let why = format!(
            "SQLite {} can lose acknowledged commits; 3.51.3 or newer is needed",
            rusqlite::version()
        );
        return Err(other(path, "trust the library", why));
    }
    check_file(path)?;
    let connection = Connection::open(path).map_err(|error| sqlite(path, "open the file", error))?;
    set_up(&connection, durability).map_err(|error| sqlite(path, "set up the file", error))?;
    make_tables(path, &connection)?;
    Ok(connection)
}

/// Opens the file for reading only.
pub(crate) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.pragma_update(None, "busy_timeout", 5_000)?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    Ok(connection)
}

fn set_up(connection: &Connection, durability: Durability) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(32);
    connection.pragma_update(None, "busy_timeout", 5_000)?;
    connection.pragma_update(None, "page_size", 4_096)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::PowerLossMayLoseTheNewest => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "cache_size", -262_144)?;
    // A key that is destroyed leaves nothing behind in the file.
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "mmap_size", 0)?;
    // 64 MB of WAL: checkpointing oftener costs random writers most of their time.
    connection.pragma_update(None, "wal_autocheckpoint", 16_384)
}

fn make_tables(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    let fail = |error| sqlite(path, "read the schema", error);
    let store = || path.display().to_string();
    let application: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(fail)?;
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(fail)?;
    let tables: u32 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(fail)?;
    match (application, tables) {
        (APPLICATION_ID, _) if found > SCHEMA => {
            Err(StoreError::Newer { store: store(), found, known: SCHEMA })
        }
        (APPLICATION_ID, 1..) => Ok(()),
        (0 | APPLICATION_ID, 0) => {
            let make = format!(
                "BEGIN IMMEDIATE; {TABLES} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA}; COMMIT;"
            );
            connection.execute_batch(&make).map_err(|error| sqlite(path, "make the tables", error))
        }
        _ => Err(StoreError::Corrupt {
            store: store(),
            what: "the database belongs to another program".to_owned(),
        }),
    }
}

/// What SQLite would find out late or not at all: a read-only file, and one that was cut off.
fn check_file(path: &Path) -> Result<(), StoreError> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(other(path, "look at the file", error)),
    };
    if metadata.permissions().readonly() {
        return Err(other(path, "open the file for writing", "the file is read-only"));
    }
    let mut header = [0; 32];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    if metadata.len() == 0 || (read.is_err() && metadata.len() >= 32) {
        return Ok(());
    }
    let [.., a, b, c, d] = header;
    let pages = u64::from(u32::from_be_bytes([a, b, c, d]));
    let page_size = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    // With frames in the WAL the file may be behind its header; recovery makes it whole.
    let wal = fs::metadata(wal_path(path)).map_or(0, |wal| wal.len());
    if header.starts_with(b"SQLite format 3\0") && wal == 0 && metadata.len() < pages * page_size {
        let what = format!(
            "the file is cut off: {} of {} bytes are there; restore a backup",
            metadata.len(),
            pages * page_size
        );
        return Err(StoreError::Corrupt { store: path.display().to_string(), what });
    }
    Ok(())
}

fn wal_path(path: &Path) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}
