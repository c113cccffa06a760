//! Two releases on one store: what the older one cannot read stops that instance alone, says so, and is left as it is.

use statewright::error::NewerHost;
use statewright::store::{Append, Cursor, Head, MemoryStore, Record, Revision, Store, StreamId, Unit};
use statewright::{FireError, Host, Instance, LoadError, Machine};
use statewright_sqlite::SqliteStore;
use statewright_tests::ticket::{v1, v2};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

const NEWER: Option<NewerHost> = Some(NewerHost { there: 2, here: 1 });

#[tokio::test]
async fn one_release_after_the_other_in_processes_of_their_own() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("tickets.db");
    let before = ["a:note", "version:note", "name:note", "state:note", "b:solve"];
    assert_eq!(
        release("1", &file, &before),
        ["a: Open", "version: Open", "name: Open", "state: Open", "b: Done"]
    );
    let newer = ["version:note", "name:hand", "state:ask", "a:shelve", "c:solve"];
    let done = ["version: Open", "name: Open", "state: Waiting", "a: Shelved", "c: Done"];
    assert_eq!(release("2", &file, &newer), done);
    let left = records(&file).await;
    let again = ["version:note", "a:reopen", "name:note", "b:reopen", "state:reopen", "c:note", "d:note"];
    let why = "a newer host wrote it (machine version 2 there, 1 here), run the newer program";
    let expected = [
        format!(
            "version! the trigger was not decided: instance `Ticket/version` cannot be loaded: {why}: event `ticket.noted` version 2 of record 2 of `version` (Ticket, tenant ``) cannot be read: the newest version known here is 1; a newer program wrote it, run that one"
        ),
        "a: Open".to_owned(),
        format!(
            "name! the trigger was not decided: instance `Ticket/name` cannot be loaded: {why}: event `ticket.handed_on` version 1 of record 2 of `name` (Ticket, tenant ``) cannot be read: the machine lists no event of this name; list its type in `events`, retire it there, or run the program that lists it"
        ),
        "b: Open".to_owned(),
        format!(
            "state! the trigger was not decided: record 2 of `Ticket/state` entered state `Waiting`, which the machine does not have: {why}"
        ),
        "c: Open".to_owned(),
        "d: Open".to_owned(),
    ];
    assert_eq!(release("1", &file, &again), expected);
    let now = records(&file).await;
    for stopped in ["version", "name", "state"] {
        let of = |records: &[Record]| -> Vec<Record> {
            records.iter().filter(|record| *record.stream.instance == *stopped).cloned().collect()
        };
        assert_eq!((of(&now).len(), of(&now)), (2, of(&left)), "{stopped} is as it was");
    }
    assert_eq!(now.len(), left.len() + 4, "the others went on");
    assert_eq!(
        release("2", &file, &["version:solve", "name:solve", "state:reopen"]),
        ["version: Done", "name: Done", "state: Open"]
    );
}

/// Runs a process of a release to its end; the lines that it says.
fn release(release: &str, file: &Path, commands: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_release")).arg(release).arg(file).args(commands).output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}

/// Every record of the file, in order.
async fn records(file: &Path) -> Vec<Record> {
    let store = SqliteStore::open(file).expect("nobody has it open");
    let shard = store.shard(&StreamId::new("", "Ticket", "a"));
    store.scan(shard, &Cursor::default(), 1_000).await.expect("it reads").records
}

async fn host<M: Machine>(store: &Arc<MemoryStore>) -> Host<M> {
    Host::builder(Arc::clone(store)).snapshot_every(1).build().await.expect("fine")
}

#[tokio::test]
async fn both_releases_side_by_side() {
    let store = Arc::new(MemoryStore::new());
    let (old, new) = (host::<v1::Ticket>(&store).await, host::<v2::Ticket>(&store).await);
    // Live copies of what the other host will go on with.
    for ticket in ["version", "name", "state", "common"] {
        old.instance(ticket).fire(v1::TicketTrigger::Solve).await.expect("it is open");
        old.instance(ticket).fire(v1::TicketTrigger::Reopen).await.expect("it is done");
    }
    let author = "ann".to_owned();
    let note = v2::TicketTrigger::Note { text: "dark".to_owned(), author };
    new.instance("version").fire(note).await.expect("it is open");
    new.instance("name").fire(v2::TicketTrigger::HandOn { to: "ben".to_owned() }).await.expect("it is open");
    new.instance("state").fire(v2::TicketTrigger::Ask).await.expect("it is open");
    for ticket in ["version", "name", "state"] {
        for _ in 0..2 {
            let fired = old.instance(ticket).fire(v1::TicketTrigger::Solve).await;
            assert_eq!(newer(&fired.expect_err("it cannot be read")), NEWER, "{ticket}");
            let seen = old.instance(ticket).state().await;
            assert_eq!(newer(&seen.expect_err("it cannot be read")), NEWER, "{ticket}");
            // What is common to both goes on in between, from host to host.
            old.instance("common").fire(v1::TicketTrigger::Shelve).await.expect("it is open");
            new.instance("common").fire(v2::TicketTrigger::Reopen).await.expect("it is shelved");
        }
        let head = store.head(&old.repository().stream("", ticket)).await.expect("memory");
        assert_eq!(head.revision, Revision(3), "{ticket} is as it was");
        assert_eq!(new.instance(ticket).revision().await.expect("it loads"), Revision(3));
    }
    let common = old.instance("common").revision().await.expect("it loads");
    assert_eq!((common, new.instance("common").revision().await.expect("it loads")), (Revision(14), common));
}

/// Who wrote what stopped an instance.
fn newer(error: &FireError) -> Option<NewerHost> {
    match error {
        FireError::Load(cause) => match &**cause {
            LoadError::Decode { newer, .. } | LoadError::UnknownState { newer, .. } => *newer,
            _ => None,
        },
        _ => None,
    }
}

/// Nobody clears a timer that the older release does not know, when that leaves its state.
#[tokio::test]
async fn a_timer_ends_with_its_state_whoever_leaves_it() {
    let store = Arc::new(MemoryStore::new());
    let (old, new) = (host::<v1::Ticket>(&store).await, host::<v2::Ticket>(&store).await);
    let timers = async |ticket: &str| {
        let look = |ticket: &Instance<v2::Ticket>, _| ticket.timers().count();
        new.instance(ticket).view(look).await.expect("it loads")
    };
    for ticket in ["left", "kept"] {
        new.instance(ticket).start().await.expect("it has not begun");
        assert_eq!(timers(ticket).await, 1);
    }
    old.instance("left").fire(v1::TicketTrigger::Solve).await.expect("it is open");
    old.instance("kept").fire(v1::TicketTrigger::Note { text: "dark".to_owned() }).await.expect("it is open");
    assert_eq!((timers("left").await, timers("kept").await), (0, 1));
}

#[tokio::test]
async fn a_state_that_is_gone_blames_no_newer_host() {
    let store = Arc::new(MemoryStore::new());
    let (old, new) = (host::<v1::Ticket>(&store).await, host::<v2::Ticket>(&store).await);
    new.instance("a").fire(v2::TicketTrigger::Ask).await.expect("it is open");
    let stream = new.repository().stream("", "a");
    let (records, _) = store.read(&stream, Revision(0), 1).await.expect("memory");
    let stream = StreamId::new("", "Ticket", "same");
    let steps = records.into_iter().map(|mut record| {
        record.step.body.envelope.machine_version = 1;
        record.step
    });
    let append = Append { stream, after: Head::default(), steps: steps.collect() };
    store.append(vec![append], Unit::Each).await;
    let error = old.instance("same").state().await.expect_err("it has no such state");
    assert_eq!(newer(&error), None);
    let FireError::Load(cause) = error else { panic!("{error}") };
    assert_eq!(
        cause.to_string(),
        "record 1 of `Ticket/same` entered state `Waiting`, which the machine does not have: keep the state, or say in `migrate` what it became"
    );
}
