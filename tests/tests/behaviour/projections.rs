//! Tables that are built from records, in the store's own file: each record once, and a new build beside the old one.

mod memory;

use statewright::Host;
use statewright::history::Transition;
use statewright::projection::{ApplyError, Projection, Unapplied};
use statewright::store::Store;
use statewright::subscription::Start;
use statewright_sqlite::rusqlite::{self, params};
use statewright_sqlite::{Progress, ProjectionError, Projector, SqliteProjection, SqliteStore, Tables};
use statewright_tests::{Door, DoorEvent, DoorTrigger, files};
use std::path::Path;
use std::sync::Arc;

/// How often somebody knocked at each door, times a weight that is the number of its build.
struct Knocks {
    build: u32,
    /// The record that it does not get past, and how.
    trips: Option<(u64, Trip)>,
}

#[derive(Clone, Copy)]
enum Trip {
    Fails,
    Panics,
    /// A statement that is none of its business.
    Runs(&'static str),
}

impl Knocks {
    fn new(build: u32) -> Self {
        Self { build, trips: None }
    }
}

impl Projection<Tables> for Knocks {
    type Item = Transition<Door>;

    fn name(&self) -> &'static str {
        "knocks"
    }

    fn build(&self) -> u32 {
        self.build
    }

    fn apply(&self, tables: &mut Tables, item: &Transition<Door>) -> Result<(), ApplyError> {
        for event in &item.events {
            if let DoorEvent::Knocked(_) = event {
                let sql =
                    "INSERT INTO {doors} VALUES (?1, ?2) ON CONFLICT DO UPDATE SET knocks = knocks + ?2";
                let door = &*item.record.stream.instance;
                tables.statement(sql)?.execute(params![door, self.build])?;
            }
        }
        match self.trips {
            Some((revision, trip)) if item.record.revision.0 == revision => match trip {
                Trip::Fails => Err("a bell that is broken".into()),
                Trip::Panics => panic!("a projection that panics, to be survived"),
                Trip::Runs(sql) => Ok(tables.statement(sql)?.raw_execute().map(|_| ())?),
            },
            _ => Ok(()),
        }
    }
}

impl SqliteProjection for Knocks {
    fn schema(&self) -> &'static str {
        "CREATE TABLE {doors} (door TEXT PRIMARY KEY, knocks INTEGER NOT NULL) WITHOUT ROWID;
         CREATE INDEX {by_knocks} ON {doors} (knocks);"
    }
}

struct Desk {
    store: Arc<SqliteStore>,
    host: Host<Door>,
}

impl Desk {
    async fn open(folder: &Path) -> Self {
        let store = Arc::new(SqliteStore::open(folder.join("doors.db")).expect("it opens"));
        let host = Host::builder(Arc::clone(&store)).effects_elsewhere().build().await.expect("fine");
        Self { store, host }
    }

    async fn close(self) {
        self.host.shutdown().await;
    }

    /// So many side by side.
    async fn knock(&self, door: &str, times: usize) {
        let mut tasks = Vec::new();
        for _ in 0..times {
            let door = self.host.instance(door);
            tasks.push(tokio::spawn(async move { door.fire(DoorTrigger::Knock { times: 1 }).await }));
        }
        for task in tasks {
            task.await.expect("no panic").expect("always");
        }
    }

    fn project(&self, knocks: Knocks) -> Projector<Knocks> {
        self.store.project(knocks, self.host.subscribe(Start::Beginning)).expect("a name")
    }

    /// What is read of a door; `None`: there is no view, or not this door.
    async fn knocks(&self, door: &'static str) -> Option<i64> {
        let sql = "SELECT knocks FROM knocks_doors WHERE door = ?1";
        self.store.query(move |file| file.query_row(sql, [door], |row| row.get(0))).await.ok()
    }

    async fn tables(&self) -> Vec<String> {
        let sql = "SELECT name FROM sqlite_schema WHERE name LIKE 'knocks%' ORDER BY name";
        let read =
            move |file: &rusqlite::Connection| file.prepare(sql)?.query_map([], |row| row.get(0))?.collect();
        self.store.query(read).await.expect("it is read")
    }
}

/// Until a build has done everything there is, and serves.
async fn finish(projector: &mut Projector<Knocks>, build: u32) -> Progress {
    loop {
        let progress = projector.advance().await.expect("it goes on");
        if progress.done == progress.end && progress.serving == Some(build) {
            return progress;
        }
    }
}

#[tokio::test]
async fn every_record_is_applied_once_and_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let desk = Desk::open(folder.path()).await;
    desk.knock("front", 300).await;
    let mut projector = desk.project(Knocks::new(1));
    let progress = projector.advance().await.expect("it goes on");
    assert_eq!(progress, Progress { done: 256, end: 300, serving: None });
    assert_eq!(desk.knocks("front").await, None, "nothing is shown that is not whole");
    let progress = finish(&mut projector, 1).await;
    assert_eq!(progress, Progress { done: 300, end: 300, serving: Some(1) });
    assert_eq!(desk.knocks("front").await, Some(300));
    desk.knock("back", 1).await;
    finish(&mut projector, 1).await;
    assert_eq!(desk.knocks("back").await, Some(1), "it is live");
    drop(projector);
    desk.close().await;
    let desk = Desk::open(folder.path()).await;
    desk.knock("back", 2).await;
    finish(&mut desk.project(Knocks::new(1)), 1).await;
    assert_eq!((desk.knocks("front").await, desk.knocks("back").await), (Some(300), Some(3)));
}

#[tokio::test]
async fn the_old_build_serves_until_the_new_one_has_caught_up() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let desk = Desk::open(folder.path()).await;
    desk.knock("front", 600).await;
    let mut old = desk.project(Knocks::new(1));
    finish(&mut old, 1).await;
    let mut new = desk.project(Knocks::new(2));
    for done in [256, 512] {
        let progress = new.advance().await.expect("it goes on");
        assert_eq!(progress, Progress { done, end: 600, serving: Some(1) });
        assert_eq!(desk.knocks("front").await, Some(600), "the old one is read");
        assert!(desk.tables().await.contains(&"knocks_1_doors".to_owned()));
    }
    desk.knock("front", 1).await;
    finish(&mut old, 1).await;
    assert_eq!(desk.knocks("front").await, Some(601), "and goes on");
    assert_eq!(finish(&mut new, 2).await.serving, Some(2));
    assert_eq!(desk.knocks("front").await, Some(1_202));
    assert_eq!(desk.tables().await, ["knocks_2_by_knocks", "knocks_2_doors", "knocks_doors"]);
    desk.knock("front", 1).await;
    let error = old.advance().await.map(|_| ());
    let error = match error {
        // It finds its tables gone, and then why.
        Ok(()) => old.advance().await.expect_err("it is over"),
        Err(error) => error,
    };
    assert!(matches!(error, ProjectionError::Superseded { build: 1, serving: 2, .. }), "{error:?}");
}

/// A rebuild that was killed goes on where it was.
#[tokio::test]
async fn a_build_that_was_begun_is_gone_on_with() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let desk = Desk::open(folder.path()).await;
    desk.knock("front", 600).await;
    let mut projector = desk.project(Knocks::new(1));
    projector.advance().await.expect("it goes on");
    drop(projector);
    let mut projector = desk.project(Knocks::new(1));
    let progress = projector.advance().await.expect("it goes on");
    assert_eq!(progress.done, 512, "not from the beginning");
    finish(&mut projector, 1).await;
    assert_eq!(desk.knocks("front").await, Some(600));
}

#[tokio::test]
async fn a_record_that_cannot_be_applied_stops_it_and_nothing_of_it_is_kept() {
    let cases = [
        (Trip::Fails, "a bell that is broken"),
        (Trip::Panics, "it panicked"),
        (Trip::Runs("COMMIT"), "not authorized"),
        (Trip::Runs("DELETE FROM records"), "not authorized"),
        (Trip::Runs("UPDATE cells SET version = 9"), "not authorized"),
        (Trip::Runs("DROP TABLE {doors}"), "not authorized"),
        (Trip::Runs("PRAGMA synchronous = OFF"), "not authorized"),
        (Trip::Runs("SELECT count(*) FROM records"), "not authorized"),
    ];
    for (trip, said) in cases {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let desk = Desk::open(folder.path()).await;
        desk.knock("front", 40).await;
        let mut projector = desk.project(Knocks { build: 1, trips: Some((30, trip)) });
        for _ in 0..2 {
            let error = loop {
                match projector.advance().await {
                    Ok(progress) => assert!(progress.done < 30, "{progress:?}"),
                    Err(error) => break error,
                }
            };
            let ProjectionError::Apply(Unapplied { revision, source, .. }) = &error else {
                panic!("{error:?}")
            };
            assert_eq!(revision.0, 30);
            assert!(source.to_string().contains(said), "{source}");
        }
        desk.knock("front", 1).await;
        let sql = "SELECT knocks FROM knocks_1_doors";
        let kept: i64 =
            desk.store.query(|file| file.query_row(sql, [], |row| row.get(0))).await.expect("it is read");
        assert_eq!(kept, 29, "what stands before it is applied");
        let mut mended = desk.project(Knocks::new(1));
        finish(&mut mended, 1).await;
        assert_eq!(desk.knocks("front").await, Some(41));
    }
}

/// Each batch is applied by whoever is first, and the other one notices.
#[tokio::test]
async fn two_of_one_build_apply_every_record_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let desk = Desk::open(folder.path()).await;
    for _ in 0..4 {
        desk.knock("front", 500).await;
    }
    let [mut a, mut b] = [desk.project(Knocks::new(1)), desk.project(Knocks::new(1))];
    for _ in 0..4 {
        let (one, other) = tokio::join!(a.advance(), b.advance());
        one.expect("it goes on");
        other.expect("it goes on");
    }
    finish(&mut a, 1).await;
    assert_eq!(desk.knocks("front").await, Some(2_000));
}

/// The file's bound holds for projections too, and what finds no room leaves nothing.
#[tokio::test]
async fn a_full_file_stops_it_and_it_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let desk = Desk::open(folder.path()).await;
    let knocks = (0..2_000).map(|door| {
        let door = desk.host.instance(&format!("{door}-{}", "x".repeat(200)));
        tokio::spawn(async move { door.fire(DoorTrigger::Knock { times: 1 }).await })
    });
    for knock in knocks.collect::<Vec<_>>() {
        knock.await.expect("no panic").expect("always");
    }
    desk.close().await;
    let path = folder.path().join("doors.db");
    let pages = u32::try_from(std::fs::metadata(&path).expect("it is there").len() / 4_096).expect("few");
    let store = Arc::new(SqliteStore::builder(&path).pages_max(pages + 20).open().expect("it opens"));
    let host = Host::<Door>::builder(Arc::clone(&store)).effects_elsewhere().build().await.expect("fine");
    let full = Desk { store, host };
    let mut projector = full.project(Knocks::new(1));
    let error = loop {
        match projector.advance().await {
            Ok(progress) => assert!(progress.done < 2_000),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, ProjectionError::Apply(_) | ProjectionError::Store(_)), "{error:?}");
    drop(projector);
    full.close().await;
    let desk = Desk::open(folder.path()).await;
    finish(&mut desk.project(Knocks::new(1)), 1).await;
    let sql = "SELECT sum(knocks) FROM knocks_doors";
    let sum: i64 =
        desk.store.query(|file| file.query_row(sql, [], |row| row.get(0))).await.expect("it is read");
    assert_eq!(sum, 2_000);
}

#[tokio::test]
async fn a_name_that_can_be_no_tables_is_refused() {
    struct Odd;
    impl Projection<Tables> for Odd {
        type Item = Transition<Door>;
        fn name(&self) -> &'static str {
            "odd_one"
        }
        fn build(&self) -> u32 {
            1
        }
        fn apply(&self, _tables: &mut Tables, _item: &Transition<Door>) -> Result<(), ApplyError> {
            Ok(())
        }
    }
    impl SqliteProjection for Odd {
        fn schema(&self) -> &'static str {
            "CREATE TABLE records_too (x)"
        }
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let desk = Desk::open(folder.path()).await;
    let refused = desk.store.project(Odd, desk.host.subscribe(Start::Beginning));
    assert!(matches!(refused, Err(ProjectionError::Name { name }) if name == "odd_one"));
}

/// What stood beside each record, in tables of one build each.
struct Names(u32);

const NAME: &str = "a-name-that-is-to-be-gone";

impl Projection<Tables> for Names {
    type Item = Transition<Door>;

    fn name(&self) -> &'static str {
        "names"
    }

    fn build(&self) -> u32 {
        self.0
    }

    fn apply(&self, tables: &mut Tables, item: &Transition<Door>) -> Result<(), ApplyError> {
        let name = if self.0 == 1 { NAME } else { "nobody" };
        let row = params![item.record.revision.0.cast_signed(), name];
        tables.statement("INSERT INTO {names} VALUES (?1, ?2)")?.execute(row)?;
        Ok(())
    }
}

impl SqliteProjection for Names {
    fn schema(&self) -> &'static str {
        "CREATE TABLE {names} (revision INTEGER PRIMARY KEY, name TEXT NOT NULL)"
    }
}

#[tokio::test]
async fn what_a_build_held_is_in_no_file_once_another_serves() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let desk = Desk::open(folder.path()).await;
    desk.knock("front", 200).await;
    for build in [1, 2] {
        let names = desk.store.project(Names(build), desk.host.subscribe(Start::Beginning));
        let mut names = names.expect("a name");
        while names.advance().await.expect("it goes on").serving != Some(build) {}
        desk.store.scrub().await.expect("the log is emptied");
        let holds = files::holds(&files::bytes(folder.path()), NAME);
        assert_eq!(holds, build == 1, "build {build}");
    }
    desk.close().await;
}
