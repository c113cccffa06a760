//! What one batch of the service holds: several streams of a shard, at most a hundred operations, at most two megabytes.

use crate::account::Account;
use crate::steps::{appended, commands, request, step, step_of, stream};
use statewright::store::conformance::Place;
use statewright::store::{
    Atomic, Cursor, Kind, Outcome, Payload, RecordedStep, Revision, Shard, Store, StoreError, StreamId, Unit,
};
use statewright_cosmos::CosmosStore;

/// Streams of one shard, that many.
fn neighbours(store: &CosmosStore, count: usize) -> Vec<StreamId> {
    let all = (0..).map(|n| stream(&n.to_string()));
    all.filter(|id| store.shard(id) == Shard(0)).take(count).collect()
}

async fn store() -> (Account, CosmosStore) {
    let account = Account::new();
    let store = account.made().await;
    (account, store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_of_one_shard_stand_or_fall_together() {
    let (account, store) = store().await;
    let ids = neighbours(&store, 3);
    let batch = |after: [u64; 3]| {
        ids.iter().zip(after).map(|(id, after)| request(id, after, vec![step("x"), step("y")])).collect()
    };
    let outcomes = store.append(batch([0, 0, 0]), Unit::Batch).await;
    assert!(outcomes.iter().all(|outcome| appended(outcome) == 2), "{outcomes:?}");
    assert_eq!(store.statistics().batches, 1, "one batch of the service");
    for wrong in [[2, 1, 2], [2, 9, 2]] {
        let outcomes = store.append(batch(wrong), Unit::Batch).await;
        let [a, b, c] = &outcomes[..] else { panic!("three outcomes: {outcomes:?}") };
        assert!(matches!(b, Outcome::Conflict(head) if head.revision == Revision(2)), "{b:?}");
        let both = [a, c].into_iter().all(|outcome| matches!(outcome, Outcome::Refused(StoreError::Batch)));
        assert!(both, "{outcomes:?}");
    }
    for id in &ids {
        assert_eq!(commands(&store, id).await, ["x", "y"]);
    }
    account.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_of_several_shards_are_refused_as_one() {
    let (account, store) = store().await;
    let ids: Vec<_> = (0..16).map(|n| stream(&n.to_string())).collect();
    let batch = ids.iter().map(|id| request(id, 0, vec![step("x")])).collect();
    let outcomes = store.append(batch, Unit::Batch).await;
    assert_eq!(outcomes.len(), 16);
    for outcome in outcomes {
        assert!(
            matches!(outcome, Outcome::Refused(StoreError::NotAtomic { can: Atomic::Shard })),
            "{outcome:?}"
        );
    }
    assert_eq!(commands(&store, &ids[0]).await, Vec::<String>::new());
    account.remove().await;
}

/// What waits for a shard goes together; one that falls does not take the others along.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_goes_together_and_falls_alone() {
    let (account, store) = store().await;
    let ids = neighbours(&store, 30);
    let batch = |steps: u64| {
        let one = |(n, id): (usize, &StreamId)| {
            let after = if n == 7 { 99 } else { steps };
            request(id, after, vec![step("x")])
        };
        ids.iter().enumerate().map(one).collect()
    };
    for steps in 0..3 {
        for (n, outcome) in store.append(batch(steps), Unit::Each).await.iter().enumerate() {
            match n {
                7 => assert!(matches!(outcome, Outcome::Conflict(_)), "{outcome:?}"),
                _ => assert_eq!(appended(outcome), steps + 1),
            }
        }
    }
    let statistics = store.statistics();
    assert_eq!((statistics.appends, statistics.conflicts), (87, 3));
    assert!(statistics.batches < 20, "{statistics:?}");
    account.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_a_batch_takes_is_refused_with_what_it_takes() {
    let (account, store) = store().await;
    let max = store.limits().steps_max;
    let steps = |count: usize| (0..count).map(|n| step(&n.to_string())).collect::<Vec<_>>();
    let mut last = steps(max);
    last[max - 1].kind = Kind::Deleted;
    // Behind a head and up to the end of its stream: the most operations that there can be.
    assert_eq!(appended(&store.append(vec![request(&stream("a"), 0, steps(1))], Unit::Each).await[0]), 1);
    assert_eq!(
        appended(&store.append(vec![request(&stream("a"), 1, last)], Unit::Each).await[0]),
        max as u64 + 1
    );
    let outcomes = store.append(vec![request(&stream("b"), 0, steps(max + 1))], Unit::Each).await;
    assert!(
        matches!(outcomes[..], [Outcome::Refused(StoreError::TooMany { steps, max: most })] if (steps, most) == (max + 1, max)),
        "{outcomes:?}"
    );
    let ids = neighbours(&store, 2);
    let both = ids.iter().map(|id| request(id, 0, steps(60))).collect();
    let outcomes = store.append(both, Unit::Batch).await;
    assert!(
        matches!(
            outcomes[..],
            [
                Outcome::Refused(StoreError::TooMany { steps: 120, max: 60 }),
                Outcome::Refused(StoreError::Batch)
            ]
        ),
        "{outcomes:?}"
    );
    account.remove().await;
}

/// Each is small enough; together they are not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_of_an_append_are_bounded_too() {
    let (account, store) = store().await;
    let large = || step_of("large", Payload::of(&"x".repeat(500_000)).expect("plain"));
    let many = |count: usize| vec![request(&stream("a"), 0, (0..count).map(|_| large()).collect())];
    let outcomes = store.append(many(5), Unit::Each).await;
    assert!(
        matches!(outcomes[..], [Outcome::Refused(StoreError::TooMany { steps: 5, max: 3 })]),
        "{outcomes:?}"
    );
    assert_eq!(appended(&store.append(many(3), Unit::Each).await[0]), 3);
    // Within the limit by what is counted, and four times as much as it is kept.
    let nulls = RecordedStep { command: "\u{0}".repeat(500_000).into(), ..step("") };
    let outcomes = store.append(vec![request(&stream("b"), 0, vec![nulls])], Unit::Each).await;
    assert!(
        matches!(outcomes[..], [Outcome::Refused(StoreError::TooLarge { bytes: 3_000_000.., .. })]),
        "{outcomes:?}"
    );
    account.remove().await;
}

/// The service reads numbers as doubles and objects as it likes; what was recorded comes back to the letter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payloads_come_back_to_the_letter() {
    let (account, store) = store().await;
    let payload: Payload = serde_json::from_str(
        r#"{"big":18446744073709551615,"b":1.10,"a": 1e400,"twice":1,"twice":2,"_ts":"mine","text":"\u0000\ud83d\ude00é"}"#,
    )
    .expect("it is JSON");
    let request = request(&stream("a"), 0, vec![step_of("c", payload.clone())]);
    assert_eq!(appended(&store.append(vec![request], Unit::Each).await[0]), 1);
    let (records, _) = store.read(&stream("a"), Revision(0), 9).await.expect("it is read");
    assert_eq!(records[0].step.body.events[0].payload.get(), payload.get());
    account.remove().await;
}

/// Emptied records keep their places: who reads from the beginning finds them there, who was behind them finds nothing new.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_erased_keeps_its_place_in_the_order() {
    let (account, store) = store().await;
    let ids = neighbours(&store, 2);
    let mut steps: Vec<_> = (0..90).map(|n| step(&n.to_string())).collect();
    steps.push(RecordedStep { kind: Kind::Deleted, ..step("bye") });
    let mut outcomes = store.append(vec![request(&ids[0], 0, steps)], Unit::Each).await;
    outcomes.extend(store.append(vec![request(&ids[1], 0, vec![step("x")])], Unit::Each).await);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Appended(_))), "{outcomes:?}");
    let before = store.scan(Shard(0), &Cursor::default(), 500).await.expect("it is read");
    store.erase(&ids[0]).await.expect("it is erased");
    let other = account.open().await;
    let after = other.scan(Shard(0), &Cursor::default(), 500).await.expect("it is read");
    assert_eq!(after.cursors, before.cursors);
    let kinds: Vec<_> = after.records.iter().map(|record| record.step.kind).collect();
    assert!(kinds[..90].iter().all(|kind| *kind == Kind::Erased), "{kinds:?}");
    assert_eq!(kinds[90..], [Kind::Deleted, Kind::Step]);
    assert!(after.records[..90].iter().all(|record| record.step.command.is_empty()));
    assert_eq!(store.scan(Shard(0), &before.next, 9).await.expect("it is read").records, []);
    assert_eq!(store.streams(Shard(0), None, 9).await.expect("they are listed").len(), 2);
    account.remove().await;
}
