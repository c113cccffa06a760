//! What goes wrong between a store and its server: shards that somebody holds, commits whose answer is lost, servers that
//! are killed. Failures are made by the server's own `failCommand`, for one handle alone, by its application's name.

use crate::log::{append, commands, grow, id, request, revision};
use crate::server::{Database, told};
use mongodb::bson::{Document, doc};
use mongodb::{ClientSession, Collection};
use statewright::store::conformance::Place;
use statewright::store::{CellKey, Cursor, Outcome, Put, Shard, Store, StoreError, Unit};
use statewright_mongodb::{MongoStore, Options};
use statewright_services::Durability;
use statewright_services::Mongodb;
use std::time::Duration;

/// A handle whose commands can be told from those of others.
async fn marked(database: &Database) -> MongoStore {
    let url = format!("{}&appName={}", Database::url(), database.name());
    let options = Options::from_url(&url).expect("a connection string").database(database.name());
    options.call_timeout(Duration::from_secs(5)).open().await.expect("it opens")
}

/// A server makes one kind of failure at a time, whoever asked for it.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The next commands of this name that the marked handle sends fail like this.
async fn fail(database: &Database, command: &str, times: i32, how: Document) {
    let mut data = doc! { "failCommands": [command], "appName": database.name() };
    data.extend(how);
    let point = doc! { "configureFailPoint": "failCommand", "mode": { "times": times }, "data": data };
    let admin = database.raw().await.client().database("admin");
    admin.run_command(point).await.expect("the server makes failures on demand");
}

/// It is carried out, and the answer is that the network was too slow for a majority.
fn lost() -> Document {
    doc! {
        "writeConcernError": { "code": 89, "errmsg": "the network was too slow" },
        "errorLabels": ["RetryableWriteError"],
    }
}

/// Somebody who raised the counter of every shard and does not go on.
async fn hold(database: &Database) -> ClientSession {
    let raw = database.raw().await;
    let mut session = raw.client().start_session().await.expect("a session");
    session.start_transaction().await.expect("a transaction");
    let counters: Collection<Document> = raw.collection("counters");
    let raise = counters.update_many(doc! {}, doc! { "$inc": { "position": 100_i64 } });
    raise.session(&mut session).await.expect("nobody else has them");
    session
}

#[tokio::test]
async fn an_append_waits_for_its_shard() {
    let database = Database::fresh().await;
    let store = marked(&database).await;
    let mut held = hold(&database).await;
    let mut wait = Box::pin(append(&store, "a", 0));
    while store.statistics().retries < 3 {
        let early = tokio::time::timeout(Duration::from_millis(5), &mut wait).await;
        assert!(early.is_err(), "the shard is held: {early:?}");
    }
    held.abort_transaction().await.expect("it lets go");
    assert!(matches!(wait.await, Outcome::Appended(_)));
    let end = store.end(store.shard(&id("a"))).await.expect("it is told");
    assert_eq!(end.position(), 1, "what was not committed has left nothing");
    database.remove().await;
}

#[tokio::test]
async fn an_append_whose_shard_is_held_for_long_is_refused_and_never_written() {
    let database = Database::fresh().await;
    let options = database.options().call_timeout(Duration::from_millis(300));
    let store = options.open().await.expect("it opens");
    let mut held = hold(&database).await;
    let outcome = append(&store, "a", 0).await;
    assert!(matches!(&outcome, Outcome::Refused(error) if error.is_retryable()), "{outcome:?}");
    held.abort_transaction().await.expect("it lets go");
    let other = database.store().await;
    grow(&other, "a", 1).await;
    assert_eq!(revision(&store, "a").await, 1);
    database.remove().await;
}

/// Each commit is carried out, and its answer says that nobody knows: it is found behind the counter.
#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_found() {
    let _alone = ALONE.lock().await;
    let database = Database::fresh().await;
    let store = marked(&database).await;
    grow(&store, "a", 1).await;
    let how = doc! { "writeConcernError": { "code": 64, "errmsg": "no majority in time" } };
    fail(&database, "commitTransaction", 8, how).await;
    let batch = vec![request("a", 1, "x"), request("b", 0, "y"), request("c", 7, "z")];
    let outcomes = store.append(batch, Unit::Each).await;
    let fates = [
        matches!(outcomes[0], Outcome::Appended(head) if head.revision.0 == 2),
        matches!(outcomes[1], Outcome::Appended(head) if head.revision.0 == 1),
        matches!(outcomes[2], Outcome::Conflict(head) if head.revision.0 == 0),
    ];
    assert_eq!(fates, [true; 3], "{outcomes:?}");
    assert!(store.statistics().lost_commits > 0, "{:?}", store.statistics());
    assert_eq!((commands(&store, "a").await.len(), commands(&store, "b").await), (2, vec!["y".to_owned()]));
    database.remove().await;
}

/// The connection ends before the commit is carried out: it is not there, and is written once.
#[tokio::test]
async fn a_commit_that_was_not_carried_out_is_tried_again() {
    let _alone = ALONE.lock().await;
    let database = Database::fresh().await;
    let store = marked(&database).await;
    grow(&store, "a", 1).await;
    fail(&database, "commitTransaction", 8, doc! { "closeConnection": true }).await;
    let outcome = store.append(vec![request("a", 1, "x")], Unit::Batch).await.remove(0);
    assert!(matches!(outcome, Outcome::Appended(head) if head.revision.0 == 2), "{outcome:?}");
    assert_eq!(commands(&store, "a").await, ["a/0", "x"]);
    database.remove().await;
}

/// Nothing comes of any commit in time: nobody knows, and it is said so.
#[tokio::test]
async fn a_commit_of_which_nothing_is_learned_in_time_is_unknown() {
    let _alone = ALONE.lock().await;
    let database = Database::fresh().await;
    let store = marked(&database).await;
    fail(&database, "commitTransaction", 10_000, doc! { "closeConnection": true }).await;
    let outcome = append(&store, "a", 0).await;
    assert!(matches!(&outcome, Outcome::Unknown(error) if error.is_retryable()), "{outcome:?}");
    fail(&database, "commitTransaction", 0, doc! { "closeConnection": true }).await;
    grow(&store, "a", 1).await;
    database.remove().await;
}

#[tokio::test]
async fn a_connection_that_is_lost_within_a_transaction_costs_a_retry() {
    let _alone = ALONE.lock().await;
    let database = Database::fresh().await;
    let store = marked(&database).await;
    for command in ["update", "find", "insert"] {
        let retries = store.statistics().retries;
        fail(&database, command, 1, doc! { "closeConnection": true }).await;
        grow_by_batch(&store).await;
        assert!(store.statistics().retries > retries || command == "find", "{command}");
    }
    assert_eq!(commands(&store, "a").await.len(), 3);
    database.remove().await;
}

/// Without a look at the head, which would meet the failure first.
async fn grow_by_batch(store: &MongoStore) {
    let mut after = 0;
    loop {
        match append(store, "a", after).await {
            Outcome::Appended(_) => return,
            Outcome::Conflict(now) => after = now.revision.0,
            other => panic!("{other:?}"),
        }
    }
}

/// The first call takes a number, and the answer of the write itself is lost: the driver asks again, and once is once.
#[tokio::test]
async fn a_cell_whose_answer_is_lost_is_written_once() {
    let _alone = ALONE.lock().await;
    let database = Database::fresh().await;
    let store = marked(&database).await;
    let key = CellKey { shard: Shard(0), name: "x".into() };
    let put = |version| Put { key: key.clone(), version: Some(version), value: Some("v".into()) };
    fail(&database, "insert", 1, lost()).await;
    let first = store.put(vec![put(0)]).await.expect("it is written")[0].expect("it was not there");
    fail(&database, "update", 1, lost()).await;
    let second = store.put(vec![put(first)]).await.expect("it is written")[0].expect("it is at that version");
    assert!(second > first);
    assert_eq!(store.get(&[key]).await.expect("cells are read")[0].version, second);
    database.remove().await;
}

#[tokio::test]
async fn a_cell_that_is_too_large_is_refused_and_one_that_is_removed_leaves_nothing() {
    let database = Database::fresh().await;
    let store = database.store().await;
    let key = CellKey { shard: Shard(0), name: "x".into() };
    let put = |bytes: Option<usize>| Put {
        key: key.clone(),
        version: None,
        value: bytes.map(|bytes| vec![b'v'; bytes].into()),
    };
    let max = store.limits().cell_bytes_max;
    let error = store.put(vec![put(Some(max + 1))]).await.expect_err("it is too large");
    assert!(told(&error).contains(&max.to_string()) && !error.is_retryable(), "{error:?}");
    store.put(vec![put(Some(max))]).await.expect("it is written");
    store.put(vec![put(None)]).await.expect("it is removed");
    let cells: Collection<Document> = database.raw().await.collection("cells");
    assert_eq!(cells.count_documents(doc! {}).await.expect("they are counted"), 0);
    database.remove().await;
}

/// Where the server has no change streams the counters are looked at.
#[tokio::test]
async fn without_a_change_stream_a_reader_is_told_all_the_same() {
    let _alone = ALONE.lock().await;
    let database = Database::fresh().await;
    fail(&database, "aggregate", 10_000, doc! { "errorCode": 40_573 }).await;
    let (reader, writer) = (marked(&database).await, database.store().await);
    let shard = reader.shard(&id("a"));
    for n in 0..3 {
        let end = Cursor::of(n);
        let (told, ()) = tokio::join!(reader.changed(shard, &end), grow(&writer, "a", 1));
        told.expect("it is told");
    }
    assert_eq!(reader.statistics().change_streams, 0);
    assert!(reader.statistics().polls > 0);
    database.remove().await;
}

#[tokio::test]
async fn a_closed_store_takes_nothing_and_has_written_what_waited() {
    let database = Database::fresh().await;
    let store = database.store().await;
    let waiting = store.append((0..20).map(|n| request(&n.to_string(), 0, "c")).collect(), Unit::Each);
    let (outcomes, ()) = tokio::join!(waiting, store.close());
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Appended(_))), "{outcomes:?}");
    let late = append(&store, "late", 0).await;
    assert!(matches!(late, Outcome::Refused(StoreError::Closed { .. })), "{late:?}");
    assert!(!store.is_healthy().await);
    database.remove().await;
}

#[tokio::test]
async fn what_was_acknowledged_outlives_a_server_that_is_killed() {
    let server = Mongodb::start(Durability::Full).expect("a server");
    let options = Options::from_url(&server.url()).expect("a connection string").database("killed").shards(2);
    let options = options.call_timeout(Duration::from_secs(2)).connect_timeout(Duration::from_secs(1));
    options.clone().create().await.expect("it is made");
    let store = options.open().await.expect("it opens");
    assert!(store.is_healthy().await);
    for round in 1..=3_u64 {
        grow(&store, "a", 5).await;
        server.kill().expect("it is killed");
        let outcome = append(&store, "b", 0).await;
        assert!(!matches!(outcome, Outcome::Appended(_)), "{outcome:?}");
        assert!(!store.is_healthy().await);
        server.restart().expect("it is there again");
        assert!(store.is_healthy().await, "the handle works again by itself");
        assert_eq!(revision(&store, "a").await, round * 5);
    }
    store.close().await;
}
