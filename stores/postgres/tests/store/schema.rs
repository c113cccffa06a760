//! Making, opening and refusing what is there.

use crate::place::{Schema, told, unique};
use statewright::store::conformance::Place;
use statewright::store::{CellKey, Cursor, Put, Revision, Shard, Store, StoreError, StreamId};
use statewright_postgres::Durability;

#[tokio::test]
async fn opening_makes_nothing_and_names_the_call_that_does() {
    let place = Schema { name: unique("none") };
    let error = place.options().open().await.expect_err("there is none");
    let text = told(&error);
    assert!(text.contains(&place.name) && text.contains("Options::create"), "{text}");
}

#[tokio::test]
async fn making_it_again_and_at_once_does_no_harm() {
    let place = Schema { name: unique("made") };
    let options = place.options().shards(3);
    let (one, other) = tokio::join!(options.create(), options.create());
    one.expect("it is made");
    other.expect("it is made");
    place.options().create().await.expect("it is there");
    assert_eq!(place.store().await.limits().shards, 3);
    place.remove().await;
}

#[tokio::test]
async fn a_schema_may_have_any_name() {
    let place = Schema { name: unique("it's \"any\"") };
    place.options().create().await.expect("it is made");
    let store = place.store().await;
    let key = CellKey { shard: Shard(0), name: "a".into() };
    let put = |version| Put { key: key.clone(), version, value: Some("1".into()) };
    for version in [Some(0), None] {
        assert!(store.put(vec![put(version)]).await.expect("it is written")[0].is_some());
    }
    assert_eq!(store.get(&[key]).await.expect("it is read").len(), 1);
}

#[tokio::test]
async fn another_number_of_shards_is_refused() {
    let place = Schema { name: unique("shards") };
    place.options().shards(3).create().await.expect("it is made");
    for error in [
        place.options().shards(4).create().await.expect_err("it has 3"),
        place.options().shards(4).open().await.map(drop).expect_err("it has 3"),
    ] {
        assert!(told(&error).contains("the store has 3 shards"), "{}", told(&error));
    }
    place.remove().await;
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let place = Schema::fresh().await;
    place.script("UPDATE {schema}.shards SET version = 9").await;
    for error in [
        place.options().create().await.expect_err("it is newer"),
        place.options().open().await.map(drop).expect_err("it is newer"),
    ] {
        assert!(matches!(error, StoreError::Newer { found: 9, .. }), "{error:?}");
    }
    place.remove().await;
}

#[tokio::test]
async fn an_older_schema_is_refused_until_it_is_migrated() {
    let place = Schema { name: unique("older") };
    place.script(include_str!("schema-1.sql")).await;
    let error = place.options().open().await.map(drop).expect_err("it is older");
    assert!(told(&error).contains("migrate it with `Options::create`"), "{}", told(&error));
    place.options().create().await.expect("it is migrated");

    let store = place.store().await;
    let order = StreamId { tenant: "".into(), machine: "Order".into(), instance: "order-1".into() };
    let (records, head) = store.read(&order, Revision(0), 10).await.expect("it is read");
    assert_eq!((records.len(), head.revision), (2, Revision(2)));
    let page = store.scan(Shard(0), &Cursor::default(), 10).await.expect("it is scanned");
    assert_eq!(
        page.records.iter().map(|record| record.revision).collect::<Vec<_>>(),
        [Revision(1), Revision(2)]
    );
    let key = CellKey { shard: Shard(0), name: "a".into() };
    assert_eq!(&store.get(std::slice::from_ref(&key)).await.expect("it is read")[0].value[..], b"one");
    crate::failures::grow(&store, "order-2", 2).await;
    place.remove().await;
}

#[tokio::test]
async fn a_store_that_was_migrated_is_as_one_that_was_made() {
    let (older, newer) = (Schema { name: unique("older") }, Schema::fresh().await);
    older.script(include_str!("schema-1.sql")).await;
    older.options().create().await.expect("it is migrated");
    let client = crate::place::client().await;
    let mut told = Vec::new();
    for place in [&older, &newer] {
        let asked = "SELECT indexdef FROM pg_indexes WHERE schemaname = $1 ORDER BY indexname";
        let indexes = client.query(asked, &[&place.name]).await.expect("they are told");
        let indexes = indexes.iter().map(|row| row.get::<_, String>(0).replace(&place.name, ""));
        told.push(indexes.collect::<Vec<_>>());
    }
    assert_eq!(told[0], told[1]);
    older.remove().await;
    newer.remove().await;
}

/// What is set in every transaction does not depend on how the server is set.
#[tokio::test]
async fn every_durability_is_one_that_the_server_knows() {
    let place = Schema::fresh().await;
    let all = [
        Durability::Full,
        Durability::FullAndReadableOnStandbys,
        Durability::FailoverMayLoseTheNewest,
        Durability::PowerLossMayLoseTheNewest,
    ];
    for (n, durability) in (1..).zip(all) {
        let store = place.options().durability(durability).open().await.expect("it opens");
        crate::failures::grow(&store, "a", 1).await;
        crate::failures::grow_by_two(&store, "b").await;
        assert_eq!(crate::failures::revision(&store, "a").await, n);
        store.close().await;
    }
    place.remove().await;
}
