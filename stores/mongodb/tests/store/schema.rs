//! Making, opening, and what is refused: a store that is not there, is newer, has other shards, or is none.

use crate::server::{Database, told};
use mongodb::bson::{Document, doc};
use statewright::store::conformance::Place;
use statewright::store::{Store, StoreError};

async fn set_schema(database: &Database, set: Document) {
    let meta = database.raw().await.collection::<Document>("meta");
    let changed =
        meta.update_one(doc! { "_id": "schema" }, doc! { "$set": set }).await.expect("it is written");
    assert_eq!(changed.matched_count, 1);
}

#[tokio::test]
async fn opening_makes_nothing_and_names_the_call_that_does() {
    let database = Database::new();
    let error = database.options().open().await.expect_err("there is none");
    assert!(told(&error).contains("make it with `Options::create`") && !error.is_retryable(), "{error:?}");
    let names = database.raw().await.list_collection_names().await.expect("they are listed");
    assert_eq!(names, Vec::<String>::new());
}

#[tokio::test]
async fn making_it_again_and_at_once_does_no_harm() {
    let database = Database::new();
    let (a, b) = tokio::join!(database.options().create(), database.options().create());
    a.and(b).expect("both have made it");
    crate::log::grow(&database.store().await, "a", 2).await;
    database.options().create().await.expect("it is there");
    let store = database.store().await;
    assert_eq!(crate::log::revision(&store, "a").await, 2, "what was there is there");
    assert_eq!(store.limits().shards, 4);
    database.remove().await;
}

#[tokio::test]
async fn another_number_of_shards_is_refused() {
    let database = Database::fresh().await;
    for error in [
        database.options().shards(8).open().await.map(|_| ()).expect_err("it has four"),
        database.options().shards(8).create().await.expect_err("it has four"),
    ] {
        let text = told(&error);
        assert!(text.contains("it has 4 shards") && text.contains("8 were asked for"), "{text}");
    }
    database.remove().await;
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let database = Database::fresh().await;
    set_schema(&database, doc! { "version": 9_i64 }).await;
    for error in [
        database.options().open().await.map(|_| ()).expect_err("it is newer"),
        database.options().create().await.expect_err("it is newer"),
    ] {
        assert!(matches!(error, StoreError::Newer { found: 9, known: 1, .. }), "{error:?}");
    }
    database.remove().await;
}

#[tokio::test]
async fn what_is_no_schema_is_not_trusted() {
    let database = Database::fresh().await;
    for set in [doc! { "version": "1" }, doc! { "version": 0_i64 }, doc! { "version": 1_i64, "shards": 0 }] {
        set_schema(&database, set.clone()).await;
        let error = database.options().open().await.expect_err("it is none");
        assert!(matches!(error, StoreError::Corrupt { .. }), "{set}: {error:?}");
    }
    database.remove().await;
}
