//! What is written together: who shares a transaction, whom nobody disturbs, and what stands or falls as one.

use crate::log::{append, commands, grow, id, request, revision};
use crate::server::Database;
use mongodb::bson::doc;
use statewright::store::conformance::Place;
use statewright::store::{Cursor, Outcome, Shard, Store, StoreError, Unit};
use std::sync::Arc;

/// Every shard's positions, from the beginning; that they end where the counter stands is looked at as well.
async fn positions(store: &dyn Store) -> Vec<Vec<u64>> {
    let mut all = Vec::new();
    for shard in (0..store.limits().shards).map(Shard) {
        let page = store.scan(shard, &Cursor::default(), 1_000).await.expect("the shard is read");
        assert_eq!(page.next.position(), store.end(shard).await.expect("it is told").position());
        all.push(page.cursors.iter().map(Cursor::position).collect());
    }
    all
}

fn has_no_hole(positions: &[Vec<u64>]) -> bool {
    positions.iter().all(|shard| shard.iter().copied().eq(1..=shard.len() as u64))
}

#[tokio::test]
async fn what_waits_shares_transactions_and_leaves_no_hole() {
    let database = Database::fresh().await;
    let store = Arc::new(database.store().await);
    let write = |n: usize| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let name = (n % 40).to_string();
            // Every second one comes too late.
            append(&*store, &name, 0).await
        })
    };
    let (mut appended, mut conflicts) = (0, 0);
    for task in (0..80).map(write).collect::<Vec<_>>() {
        match task.await.expect("it ends") {
            Outcome::Appended(_) => appended += 1,
            Outcome::Conflict(now) if now.revision.0 == 1 => conflicts += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((appended, conflicts), (40, 40));
    let counted = store.statistics();
    assert_eq!((counted.appends, counted.conflicts, counted.bisections), (40, 40, 0));
    assert!(counted.transactions <= 40, "{counted:?}");
    assert!(has_no_hole(&positions(&*store).await));
    database.remove().await;
}

#[tokio::test]
async fn a_batch_over_all_shards_is_one() {
    let database = Database::fresh().await;
    let store = database.store().await;
    let names: Vec<_> = (0..12).map(|n| n.to_string()).collect();
    let batch = |after: u64| names.iter().map(|name| request(name, after, "whole")).collect::<Vec<_>>();
    let outcomes = store.append(batch(0), Unit::Batch).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Appended(_))), "{outcomes:?}");
    assert_eq!(store.statistics().transactions, 1);
    grow(&store, "7", 1).await;
    let outcomes = store.append(batch(1), Unit::Batch).await;
    for (outcome, name) in outcomes.iter().zip(&names) {
        match name.as_str() {
            "7" => assert!(matches!(outcome, Outcome::Conflict(now) if now.revision.0 == 2), "{outcome:?}"),
            _ => assert!(matches!(outcome, Outcome::Refused(StoreError::Batch)), "{outcome:?}"),
        }
    }
    assert_eq!(commands(&store, "3").await, ["whole"]);
    let found = positions(&store).await;
    assert!(has_no_hole(&found), "{found:?}");
    assert!(found.iter().filter(|shard| !shard.is_empty()).count() > 1, "more than one shard was touched");
    database.remove().await;
}

/// Batches and single appends of two handles, over the same shards: all of them come through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_and_single_appends_do_not_starve_each_other() {
    let database = Database::fresh().await;
    let stores = [Arc::new(database.store().await), Arc::new(database.store().await)];
    let tasks = (0..8).map(|n: usize| {
        let store = Arc::clone(&stores[n % 2]);
        tokio::spawn(async move {
            for k in 0..4 {
                let batch = (0..4).map(|m| request(&format!("{n}/{m}"), k, "c")).collect();
                let unit = if n < 4 { Unit::Batch } else { Unit::Each };
                let outcomes = store.append(batch, unit).await;
                assert!(
                    outcomes.iter().all(|outcome| matches!(outcome, Outcome::Appended(_))),
                    "{outcomes:?}"
                );
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("it comes through");
    }
    let found = positions(&*stores[0]).await;
    assert!(has_no_hole(&found));
    assert_eq!(found.iter().map(Vec::len).sum::<usize>(), 8 * 4 * 4);
    database.remove().await;
}

/// The server refuses one document for a reason of its own; it stands alone in the end, and its neighbours are written.
#[tokio::test]
async fn what_the_server_refuses_fails_alone() {
    let database = Database::fresh().await;
    let store = database.store().await;
    let validator = doc! { "command": { "$ne": "poison" } };
    let rule = doc! { "collMod": "records", "validator": validator };
    database.raw().await.run_command(rule).await.expect("the server takes a rule");
    let mut batch: Vec<_> = (0..9).map(|n| request(&n.to_string(), 0, "fine")).collect();
    batch[4].steps[0].command = "poison".into();
    let (each, whole) = (store.append(batch.clone(), Unit::Each).await, batch);
    for (n, outcome) in each.iter().enumerate() {
        match outcome {
            Outcome::Refused(error) if n == 4 => assert!(!error.is_retryable(), "{error:?}"),
            other => assert!(n != 4 && matches!(other, Outcome::Appended(_)), "{n}: {other:?}"),
        }
    }
    assert!(store.statistics().bisections > 0);
    let again = whole.into_iter().map(|mut append| {
        append.stream = id(&format!("again {}", append.stream.instance));
        append
    });
    let outcomes = store.append(again.collect(), Unit::Batch).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Refused(_))), "{outcomes:?}");
    assert_eq!(revision(&store, "again 0").await, 0);
    assert!(has_no_hole(&positions(&store).await));
    database.remove().await;
}
