//! Cases of the log.

use super::{append_one, commands, grow, request, step, stream};
use crate::store::{
    Envelope, Head, Kind, Outcome, Payload, RecordedEffect, RecordedStep, Revision, Store, StoreError,
    TimerChange, Unit,
};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A stale, a phantom and an empty request fail; the good one between them does not.
pub async fn requests_fail_alone(store: Arc<dyn Store>) {
    let (good, stale) = (stream("good"), stream("stale"));
    let one = grow(&*store, &good, 1).await;
    grow(&*store, &stale, 2).await;
    let phantom = Head { revision: Revision(7), token: 7 };
    let batch = vec![
        request(&stale, one, vec![step("z")]),
        request(&good, one, vec![step("x"), step("y")]),
        request(&stream("phantom"), phantom, vec![step("p")]),
        request(&stream("empty"), Head::default(), vec![]),
    ];
    let outcomes = store.append(batch, Unit::Each).await;
    assert!(matches!(outcomes[0], Outcome::Conflict(Head { revision: Revision(2), .. })), "{outcomes:?}");
    assert!(matches!(outcomes[1], Outcome::Appended(Head { revision: Revision(3), .. })), "{outcomes:?}");
    assert!(matches!(outcomes[2], Outcome::Conflict(Head { revision: Revision(0), .. })), "{outcomes:?}");
    assert!(matches!(outcomes[3], Outcome::Refused(StoreError::Empty { .. })), "{outcomes:?}");
    assert_eq!(commands(&*store, &good).await, ["0/0", "x", "y"]);
}

/// Revision n of a stream that does not exist.
pub async fn a_phantom_head_is_a_conflict(store: Arc<dyn Store>) {
    let phantom = Head { revision: Revision(1), token: 1 };
    let outcome = append_one(&*store, &stream("a"), phantom, step("x")).await;
    assert!(matches!(outcome, Outcome::Conflict(head) if head == Head::default()), "{outcome:?}");
    assert_eq!(store.head(&stream("a")).await.expect("the head is read"), Head::default());
    grow(&*store, &stream("a"), 1).await;
}

/// All steps of a request, or none.
pub async fn several_steps_are_one(store: Arc<dyn Store>) {
    let id = stream("a");
    let stale = grow(&*store, &id, 1).await;
    grow(&*store, &id, 1).await;
    let outcomes = store.append(vec![request(&id, stale, vec![step("x"), step("y")])], Unit::Each).await;
    assert!(matches!(outcomes[0], Outcome::Conflict(_)), "{outcomes:?}");
    assert_eq!(commands(&*store, &id).await.len(), 2);
    let head = store.head(&id).await.expect("the head is read");
    let many = (0..store.limits().steps_max.min(100)).map(|n| step(&n.to_string())).collect::<Vec<_>>();
    let count = many.len();
    let outcomes = store.append(vec![request(&id, head, many)], Unit::Each).await;
    assert!(
        matches!(outcomes[0], Outcome::Appended(next) if next.revision == head.revision.plus(count)),
        "{outcomes:?}"
    );
    let (page, newest) = store.read(&id, Revision(3), 5).await.expect("the stream is read");
    assert_eq!(page.iter().map(|record| record.revision.0).collect::<Vec<_>>(), [4, 5, 6, 7, 8]);
    assert_eq!(newest.revision, head.revision.plus(count), "a page tells the head too");
}

/// Where the store can: one conflict, and nothing of the batch is written.
pub async fn a_batch_is_all_or_nothing(store: Arc<dyn Store>) {
    let (a, b) = (stream("a"), stream("b"));
    let one = grow(&*store, &a, 1).await;
    let batch = |head| vec![request(&a, one, vec![step("x")]), request(&b, head, vec![step("y")])];
    let outcomes = store.append(batch(one), Unit::Batch).await;
    assert!(!outcomes.iter().any(|outcome| matches!(outcome, Outcome::Appended(_))), "{outcomes:?}");
    assert_eq!(store.head(&a).await.expect("the head is read"), one);
    let outcomes = store.append(batch(Head::default()), Unit::Batch).await;
    let whole = outcomes.iter().all(|outcome| matches!(outcome, Outcome::Appended(_)));
    let cannot =
        outcomes.iter().all(|outcome| matches!(outcome, Outcome::Refused(StoreError::NotAtomic { .. })));
    assert!(whole || cannot, "{outcomes:?}");
}

/// Sixteen writers on one stream: every revision has one winner.
pub async fn of_many_writers_one_wins(store: Arc<dyn Store>) {
    let write = |writer: usize| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let (mut head, mut won) = (Head::default(), 0);
            while won < 20 {
                match append_one(&*store, &stream("hot"), head, step(&format!("{writer}/{won}"))).await {
                    Outcome::Appended(next) => (head, won) = (next, won + 1),
                    Outcome::Conflict(now) => head = now,
                    other => panic!("{other:?}"),
                }
                tokio::task::yield_now().await;
            }
        })
    };
    for writer in (0..16).map(write).collect::<Vec<_>>() {
        writer.await.expect("the writer ends");
    }
    let mut commands = commands(&*store, &stream("hot")).await;
    commands.sort();
    commands.dedup();
    assert_eq!(commands.len(), 320);
}

/// Behind a deletion nothing fits, and erasing leaves keys, kinds and times.
pub async fn a_deleted_stream_stays_gone(store: Arc<dyn Store>) {
    let id = stream("a");
    let head = grow(&*store, &id, 2).await;
    store.erase(&id).await.expect("a living stream is left alone");
    assert_eq!(commands(&*store, &id).await, ["0/0", "1/1"]);
    let Outcome::Appended(end) =
        append_one(&*store, &id, head, RecordedStep { kind: Kind::Deleted, ..step("bye") }).await
    else {
        panic!("nobody else writes")
    };
    for turn in 0..2 {
        for stale in [Head::default(), head, end] {
            let outcome = append_one(&*store, &id, stale, step("late")).await;
            assert!(matches!(outcome, Outcome::Gone), "turn {turn}: {outcome:?}");
        }
        store.erase(&id).await.expect("it is erased, also twice");
    }
    let (records, _) = store.read(&id, Revision(0), 9).await.expect("the stream is read");
    assert_eq!(
        records.iter().map(|r| r.step.kind).collect::<Vec<_>>(),
        [Kind::Erased, Kind::Erased, Kind::Deleted]
    );
    assert!(records[..2].iter().all(|r| r.step.command.is_empty() && r.step.body.events.is_empty()));
}

/// Every field comes back as it went in, to the microsecond.
pub async fn a_step_is_kept_whole(store: Arc<dyn Store>) {
    let mut whole = step("ünïcode \u{0} '; DROP TABLE records; --");
    whole.at = Timestamp::from_microsecond(1_270_047_582_123_456).expect("in range");
    (whole.from, whole.to) = ("Draft".into(), "Submitted".into());
    whole
        .body
        .effects
        .push(RecordedEffect { name: "Mail".into(), payload: Payload::of(&[1, 2]).expect("plain") });
    whole.body.effects.push(RecordedEffect { name: "Ping".into(), payload: Payload::default() });
    whole.body.timers.push(TimerChange { name: "t".into(), due: Some(whole.at), every: Some(1) });
    whole.body.timers.push(TimerChange { name: "u".into(), due: None, every: None });
    whole.body.envelope = Envelope {
        machine_version: 3,
        correlation: Some("c".into()),
        causation: Some("d".into()),
        actor: Some("ann".into()),
        metadata: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
    };
    let refused = RecordedStep { kind: Kind::Rejection, at: whole.at, ..RecordedStep::default() };
    let refused = RecordedStep {
        body: crate::store::Body {
            rejection: Some(Payload::of(&"no").expect("plain")),
            ..whole.body.clone()
        },
        ..refused
    };
    let steps = vec![whole, refused];
    store.append(vec![request(&stream("a"), Head::default(), steps.clone())], Unit::Each).await;
    let (records, _) = store.read(&stream("a"), Revision(0), 9).await.expect("the stream is read");
    assert_eq!(records.into_iter().map(|record| record.step).collect::<Vec<_>>(), steps);
}

/// A step at the limit is kept; one above it is refused with both numbers.
pub async fn large_steps_are_taken_up_to_the_limit(store: Arc<dyn Store>) {
    let max = store.limits().step_bytes_max;
    let sized = |bytes: usize| {
        let mut step = RecordedStep { command: "c".into(), ..step("") };
        step.body.events[0].payload = Payload::of(&"x".repeat(bytes - 3)).expect("plain");
        assert_eq!(step.bytes(), bytes);
        step
    };
    let outcome = append_one(&*store, &stream("a"), Head::default(), sized(max + 1)).await;
    assert!(
        matches!(outcome, Outcome::Refused(StoreError::TooLarge { bytes, max: m, .. }) if (bytes, m) == (max + 1, max)),
        "{outcome:?}"
    );
    let outcome = append_one(&*store, &stream("a"), Head::default(), sized(max)).await;
    assert!(matches!(outcome, Outcome::Appended(_)), "{outcome:?}");
    assert_eq!(commands(&*store, &stream("a")).await, ["c"]);
}
