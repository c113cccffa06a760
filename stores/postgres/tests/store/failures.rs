//! What goes wrong at the server, and that it costs nobody else anything.

use crate::place::{Schema, told, unique};
use statewright::store::conformance::Place;
use statewright::store::{
    Append, Cursor, Head, Outcome, Payload, RecordedEvent, RecordedStep, Revision, Store, StoreError,
    StreamId, Unit,
};
use std::time::Duration;

fn id(name: &str) -> StreamId {
    StreamId::new("", "M", name)
}

fn request(name: &str, after: u64, commands: &[&str]) -> Append {
    let step = |command: &&str| {
        let payload = Payload::of(command).expect("plain");
        let mut step = RecordedStep { command: (*command).into(), ..RecordedStep::default() };
        step.body.events.push(RecordedEvent { name: "e".into(), version: 1, payload });
        step
    };
    let after = Head { revision: Revision(after), token: after };
    Append { stream: id(name), after, steps: commands.iter().map(step).collect() }
}

pub(crate) async fn revision(store: &dyn Store, name: &str) -> u64 {
    store.head(&id(name)).await.expect("the head is read").revision.0
}

pub(crate) async fn grow(store: &dyn Store, name: &str, n: u64) {
    for _ in 0..n {
        let after = revision(store, name).await;
        let outcome = store.append(vec![request(name, after, &["one"])], Unit::Each).await.remove(0);
        assert!(matches!(outcome, Outcome::Appended(_)), "{outcome:?}");
    }
}

/// Two steps at once, which are no single statement.
pub(crate) async fn grow_by_two(store: &dyn Store, name: &str) {
    let after = revision(store, name).await;
    let outcome = store.append(vec![request(name, after, &["one", "two"])], Unit::Each).await.remove(0);
    assert!(matches!(outcome, Outcome::Appended(_)), "{outcome:?}");
}

#[tokio::test]
async fn what_the_server_refuses_fails_alone() {
    let place = Schema::fresh().await;
    place.script("ALTER TABLE {schema}.records ADD CHECK (command <> 'poison')").await;
    let store = place.store().await;
    let batch: Vec<_> = (0..40)
        .map(|n| request(&format!("i-{n}"), 0, if n == 17 { &["poison"] } else { &["fine"] }))
        .collect();
    let outcomes = store.append(batch, Unit::Each).await;
    for (n, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Outcome::Refused(error) if n == 17 => {
                assert!(!error.is_retryable(), "{error:?}");
                assert!(!told(error).contains("poison"), "no values of rows: {}", told(error));
            }
            Outcome::Appended(_) if n != 17 => {}
            other => panic!("{n}: {other:?}"),
        }
    }
    assert!(store.statistics().bisections > 0, "{:?}", store.statistics());
    let alone = store.append(vec![request("j", 0, &["poison"])], Unit::Each).await.remove(0);
    assert!(matches!(alone, Outcome::Refused(_)), "{alone:?}");
    place.remove().await;
}

#[tokio::test]
async fn of_a_batch_that_stands_or_falls_as_one_nothing_stands() {
    let place = Schema::fresh().await;
    place.script("ALTER TABLE {schema}.records ADD CHECK (command <> 'poison')").await;
    let store = place.store().await;
    let batch = vec![request("a", 0, &["fine"]), request("b", 0, &["poison"])];
    let outcomes = store.append(batch, Unit::Batch).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Refused(_))), "{outcomes:?}");
    let batch = vec![request("a", 0, &["fine"]), request("b", 7, &["fine"])];
    let outcomes = store.append(batch, Unit::Batch).await;
    assert!(matches!(outcomes[0], Outcome::Refused(StoreError::Batch)), "{outcomes:?}");
    assert!(matches!(outcomes[1], Outcome::Conflict(head) if head == Head::default()), "{outcomes:?}");
    assert_eq!((revision(&store, "a").await, revision(&store, "b").await), (0, 0));
    place.remove().await;
}

/// A shard that somebody holds: the append waits, and is refused or unknown when its time is over; it never comes twice.
#[tokio::test]
async fn a_shard_that_is_held_is_waited_for_in_time() {
    let place = Schema::fresh().await;
    let store = place.options().call_timeout(Duration::from_millis(300)).open().await.expect("it opens");
    let holder = crate::place::client().await;
    let hold = format!("BEGIN; UPDATE {}.shards SET position = position + 100", place.name);
    holder.batch_execute(&hold).await.expect("nobody else has them");
    let outcome = store.append(vec![request("a", 0, &["held"])], Unit::Each).await.remove(0);
    let (Outcome::Refused(error) | Outcome::Unknown(error)) = &outcome else { panic!("{outcome:?}") };
    assert!(error.is_retryable(), "{error:?}");
    holder.batch_execute("ROLLBACK").await.expect("it lets go");
    let direct = place.store().await;
    let found = revision(&direct, "a").await;
    let again = direct.append(vec![request("a", found, &["again"])], Unit::Each).await.remove(0);
    assert!(matches!(again, Outcome::Appended(head) if head.revision.0 == found + 1), "{again:?}");
    place.remove().await;
}

/// What is committed behind a transaction that is still under way is not seen before it.
#[tokio::test]
async fn nothing_becomes_visible_behind_a_cursor() {
    let place = Schema::fresh().await;
    let (store, other) = (place.options().open().await.expect("it opens"), place.store().await);
    let shard = store.shard(&id("a"));
    let slow = crate::place::client().await;
    let begin =
        format!("BEGIN; UPDATE {}.shards SET position = position + 1 WHERE shard = {}", place.name, shard.0);
    slow.batch_execute(&begin).await.expect("nobody else has it");
    let append = tokio::spawn(async move {
        let outcome = other.append(vec![request("a", 0, &["behind"])], Unit::Each).await.remove(0);
        assert!(matches!(outcome, Outcome::Appended(_)), "{outcome:?}");
    });
    // The one behind cannot come before the one that has the shard.
    let waits = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%{}%'",
        place.name
    );
    let watch = crate::place::client().await;
    while watch.query_one(&waits, &[]).await.expect("it counts").get::<_, i64>(0) == 0 {
        tokio::task::yield_now().await;
    }
    assert!(store.scan(shard, &Cursor::default(), 9).await.expect("it scans").records.is_empty());
    slow.batch_execute("COMMIT").await.expect("it is committed");
    append.await.expect("it is appended");
    let page = store.scan(shard, &Cursor::default(), 9).await.expect("it scans");
    assert_eq!(
        (page.records.len(), page.cursors[0].position()),
        (1, 2),
        "the place that stayed empty is passed over"
    );
    place.remove().await;
}

/// Appends of one each to streams of one shard, which are as long as this.
async fn extend(store: &dyn Store, lengths: [u64; 8]) -> Vec<Outcome> {
    let batch = lengths.iter().enumerate().map(|(n, after)| request(&format!("i-{n}"), *after, &["one"]));
    store.append(batch.collect(), Unit::Each).await
}

#[tokio::test]
async fn heads_that_are_known_are_asked_for_once_another_handle_has_written() {
    let place = Schema { name: unique("known") };
    place.options().shards(1).create().await.expect("it is made");
    let (one, other) = (place.store().await, place.store().await);
    let known = || one.statistics().known;
    let all_fit = |outcomes: &[Outcome]| outcomes.iter().all(|it| matches!(it, Outcome::Appended(_)));
    // Connections are made while something is written for the first times.
    let mut length = 0;
    while known() == 0 {
        assert!(all_fit(&extend(&one, [length; 8]).await));
        length += 1;
        assert!(length < 20, "{:?}", one.statistics());
    }

    grow(&other, "i-3", 1).await;
    let before = known();
    let outcomes = extend(&one, [length; 8]).await;
    for (n, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Outcome::Conflict(head) if n == 3 => assert_eq!(head.revision, Revision(length + 1)),
            Outcome::Appended(head) if n != 3 => assert_eq!(head.revision, Revision(length + 1)),
            outcome => panic!("{n}: {outcome:?}"),
        }
    }
    assert_eq!(known(), before, "the shard has grown by another");
    let outcomes = extend(&one, [length + 1; 8]).await;
    assert!(all_fit(&outcomes), "{outcomes:?}");
    assert!(all_fit(&extend(&one, [length + 2; 8]).await));
    assert_eq!(known(), before + 1, "it has been alone again since");

    // What was expected wrongly is not written, whatever is known.
    let outcomes =
        extend(&one, [length + 3, length + 3, length + 2, length + 3, length + 9, 0, length + 3, length + 3])
            .await;
    let fits = |n: usize| matches!(outcomes[n], Outcome::Appended(_));
    assert_eq!((0..8).map(fits).collect::<Vec<_>>(), [true, true, false, true, false, false, true, true]);
    for n in [2, 4, 5] {
        assert!(
            matches!(outcomes[n], Outcome::Conflict(head) if head.revision == Revision(length + 3)),
            "{n}: {outcomes:?}"
        );
    }
    place.remove().await;
}
