//! What goes wrong with files: each time the error names the file, and what was acknowledged is there.

use rusqlite::Connection;
use statewright::store::{
    Append, Head, Outcome, Payload, RecordedEvent, RecordedStep, Revision, Store, StoreError, StreamId, Unit,
};
use statewright_sqlite::SqliteStore;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: TempDir::new().expect("a temporary folder") }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("test.db")
    }
}

async fn append(store: &SqliteStore, bytes: usize) -> Outcome {
    let stream = StreamId::new("", "M", "1");
    let after = store.head(&stream).await.expect("the head is read");
    let payload = Payload::of(&"x".repeat(bytes)).expect("plain");
    let mut step = RecordedStep { command: "c".into(), ..RecordedStep::default() };
    step.body.events.push(RecordedEvent { name: "e".into(), version: 1, payload });
    store.append(vec![Append { stream, after, steps: vec![step] }], Unit::Each).await.remove(0)
}

async fn revision(store: &SqliteStore) -> u64 {
    let head = store.head(&StreamId::new("", "M", "1")).await.expect("the head is read");
    let (records, _) = store.read(&StreamId::new("", "M", "1"), Revision(0), 10_000).await.expect("it reads");
    assert_eq!(records.len() as u64, head.revision.0);
    head.revision.0
}

fn refused(path: &Path) -> String {
    let error = SqliteStore::open(path).expect_err("it must not open");
    let text = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    let text = text.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    assert!(text.contains(&path.display().to_string()), "the error names the file: {text}");
    text
}

#[tokio::test]
async fn a_store_is_there_again_after_it_was_closed() {
    let place = Place::new();
    let store = SqliteStore::open(place.file()).expect("it opens");
    assert!(matches!(append(&store, 10).await, Outcome::Appended(Head { revision: Revision(1), .. })));
    store.close();
    assert!(matches!(append(&store, 10).await, Outcome::Unknown(StoreError::Closed { .. })));
    drop(store);
    let store = SqliteStore::open(place.file()).expect("it opens again");
    assert_eq!(revision(&store).await, 1);
    store.integrity_check().await.expect("it is whole");
}

#[tokio::test]
async fn a_second_writer_is_refused_and_the_holder_named() {
    let place = Place::new();
    let store = SqliteStore::open(place.file()).expect("it opens");
    let text = refused(&place.file());
    assert!(text.contains(&format!("in use by process {}", std::process::id())), "{text}");
    drop(store);
    SqliteStore::open(place.file()).expect("the lock is free");
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let place = Place::new();
    drop(SqliteStore::open(place.file()).expect("it opens"));
    Connection::open(place.file())
        .and_then(|db| db.pragma_update(None, "user_version", 9))
        .expect("it is written");
    assert!(refused(&place.file()).contains("schema 9 and this program knows 1"));
}

#[tokio::test]
async fn foreign_files_are_refused_and_left_alone() {
    let place = Place::new();
    fs::write(place.file(), "not a database, but long enough to look at: ".repeat(50))
        .expect("it is written");
    assert!(refused(&place.file()).contains("no SQLite database"));
    assert!(fs::read_to_string(place.file()).expect("it is read").starts_with("not a database"));
    fs::remove_file(place.file()).expect("it is removed");
    Connection::open(place.file())
        .and_then(|db| db.execute_batch("CREATE TABLE theirs (x)"))
        .expect("it is written");
    assert!(refused(&place.file()).contains("belongs to another program"));
}

#[tokio::test]
async fn a_read_only_file_is_refused() {
    let place = Place::new();
    drop(SqliteStore::open(place.file()).expect("it opens"));
    let mut permissions = fs::metadata(place.file()).expect("it is there").permissions();
    permissions.set_readonly(true);
    fs::set_permissions(place.file(), permissions).expect("they are set");
    assert!(refused(&place.file()).contains("read-only"));
}

#[tokio::test]
async fn a_truncated_file_is_refused() {
    let place = Place::new();
    let store = SqliteStore::open(place.file()).expect("it opens");
    for _ in 0..20 {
        append(&store, 10_000).await;
    }
    drop(store);
    let file = fs::OpenOptions::new().write(true).open(place.file()).expect("it opens");
    let len = file.metadata().expect("it is there").len();
    file.set_len(len / 2).expect("it is cut");
    assert!(refused(&place.file()).contains("cut off"));
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let place = Place::new();
    let file = place.folder.path().join("nowhere/test.db");
    let error = SqliteStore::open(&file).expect_err("there is no folder").to_string();
    assert!(error.contains(&file.display().to_string()), "{error}");
}

#[tokio::test]
async fn a_deleted_folder_stops_the_store_before_it_acknowledges() {
    let place = Place::new();
    let store = SqliteStore::open(place.file()).expect("it opens");
    assert!(matches!(append(&store, 10).await, Outcome::Appended(_)));
    fs::remove_dir_all(place.folder.path()).expect("it is removed");
    let stream = StreamId::new("", "M", "2");
    let step = RecordedStep { command: "c".into(), ..RecordedStep::default() };
    let outcome = store
        .append(vec![Append { stream, after: Head::default(), steps: vec![step] }], Unit::Each)
        .await
        .remove(0);
    let Outcome::Refused(error) = outcome else { panic!("it was acknowledged: {outcome:?}") };
    assert!(error.to_string().contains(&place.file().display().to_string()), "{error}");
}

/// The limit on pages stands in for a full disk: SQLite answers both with `SQLITE_FULL`.
#[tokio::test]
async fn a_full_disk_refuses_and_keeps_what_was_acknowledged() {
    let place = Place::new();
    let store = SqliteStore::builder(place.file()).pages_max(100).open().expect("it opens");
    let mut acknowledged = 0;
    let error = loop {
        match append(&store, 20_000).await {
            Outcome::Appended(head) => acknowledged = head.revision.0,
            Outcome::Refused(error) => break error,
            other => panic!("{other:?}"),
        }
        assert!(acknowledged < 100, "the disk never gets full");
    };
    assert!(acknowledged > 3 && error.is_retryable(), "{error:?}");
    assert!(error.to_string().contains(&place.file().display().to_string()), "{error}");
    assert_eq!(revision(&store).await, acknowledged);
    store.integrity_check().await.expect("it is whole");
    drop(store);
    let store = SqliteStore::open(place.file()).expect("there is room again");
    assert_eq!(revision(&store).await, acknowledged);
    assert!(matches!(append(&store, 20_000).await, Outcome::Appended(_)));
}
