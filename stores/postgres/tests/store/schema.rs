//! Making, opening and refusing what is there.

use crate::place::{Schema, told, unique};
use statewright::store::conformance::Place;
use statewright::store::{CellKey, Put, Shard, Store, StoreError};
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
    let place = Schema::fresh().await;
    place.script("UPDATE {schema}.shards SET version = 0").await;
    let error = place.options().open().await.map(drop).expect_err("it is older");
    assert!(told(&error).contains("migrate it with `Options::create`"), "{}", told(&error));
    place.options().create().await.expect("it is migrated");
    place.store().await;
    place.remove().await;
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
