//! What is particular to this store: how it reads far into a stream, erases, marks removed cells, and counts.

use crate::place::OnServer;
use statewright::store::conformance::Place;
use statewright::store::{
    Append, CellKey, Cursor, Head, Kind, Outcome, Put, RecordedStep, Revision, Shard, Store, StreamId, Unit,
};
use statewright_nats::NatsStore;

fn id(instance: &str) -> StreamId {
    StreamId::new("acme", "Order", instance)
}

fn steps(from: u64, count: u64) -> Vec<RecordedStep> {
    let step = |n: u64| RecordedStep { command: n.to_string().into(), ..RecordedStep::default() };
    (from..from + count).map(step).collect()
}

async fn append(store: &NatsStore, stream: &StreamId, after: Head, steps: Vec<RecordedStep>) -> Head {
    let outcome = store.append(vec![Append { stream: stream.clone(), after, steps }], Unit::Each).await.pop();
    let Some(Outcome::Appended(head)) = outcome else { panic!("nobody else writes: {outcome:?}") };
    head
}

/// Streams that grow among each other, so that revisions say little about sequences; and a handle that has seen none of it.
#[tokio::test]
async fn a_page_begins_anywhere_in_a_long_stream() {
    let place = OnServer::fresh().await;
    let store = place.store().await;
    let (long, other) = (id("long"), id("other"));
    let (mut head, mut beside) = (Head::default(), Head::default());
    for round in 0..12 {
        head = append(&store, &long, head, steps(head.revision.0 + 1, 1 + round * 5 % 37)).await;
        beside = append(&store, &other, beside, steps(0, 1 + round * 11 % 53)).await;
    }
    for after in (0..=head.revision.0 + 1).rev() {
        let store = if after % 40 == 0 { &place.store().await } else { &store };
        let (records, now) = store.read(&long, Revision(after), 3).await.expect("it is read");
        let commands: Vec<_> = records.iter().map(|record| record.step.command.to_string()).collect();
        let expected: Vec<_> = (after + 1..=head.revision.0).take(3).map(|n| n.to_string()).collect();
        assert_eq!((commands, now), (expected, head), "behind {after}");
    }
    place.remove().await;
}

/// Batches of instances in several shards, each with an expectation of its own.
#[tokio::test]
async fn a_batch_spans_the_store_and_counts_as_one() {
    let place = OnServer::fresh().await;
    let store = place.store().await;
    let streams: Vec<_> = (0..20).map(|n| id(&n.to_string())).collect();
    let batch = |after: &[Head]| {
        let append = |(stream, after): (&StreamId, &Head)| Append {
            stream: stream.clone(),
            after: *after,
            steps: steps(after.revision.0, 3),
        };
        streams.iter().zip(after).map(append).collect::<Vec<_>>()
    };
    let outcomes = store.append(batch(&[Head::default(); 20]), Unit::Batch).await;
    let mut heads = Vec::new();
    for (stream, outcome) in streams.iter().zip(outcomes) {
        let Outcome::Appended(head) = outcome else { panic!("nobody else writes: {outcome:?}") };
        assert_eq!(
            store.head(stream).await.expect("the head is read"),
            head,
            "the answer says where it stands"
        );
        heads.push(head);
    }
    let shards: std::collections::BTreeSet<_> = streams.iter().map(|stream| store.shard(stream)).collect();
    assert!(shards.len() > 4, "they are in many shards");
    let moved = append(&store, &streams[7], heads[7], steps(9, 1)).await;
    let outcomes = store.append(batch(&heads), Unit::Batch).await;
    for (n, outcome) in outcomes.iter().enumerate() {
        let expected = match outcome {
            Outcome::Conflict(head) => n == 7 && *head == moved,
            Outcome::Refused(_) => n != 7,
            _ => false,
        };
        assert!(expected, "{n}: {outcome:?}");
    }
    let counted = store.statistics();
    assert_eq!((counted.appends, counted.batches, counted.conflicts), (21, 1, 1), "{counted:?}");
    let many = vec![Append { stream: id("a"), after: Head::default(), steps: steps(0, 999) }];
    let two = Append { stream: id("b"), after: Head::default(), steps: steps(0, 2) };
    let outcomes = store.append([many, vec![two]].concat(), Unit::Batch).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Refused(_))), "{outcomes:?}");
    assert_eq!(store.head(&id("a")).await.expect("the head is read"), Head::default());
    place.remove().await;
}

/// More records than are erased at once; another handle stands in the middle of the shard.
#[tokio::test]
async fn erasing_leaves_keys_and_times_and_no_payload_anywhere() {
    let place = OnServer::fresh().await;
    let (store, reader) = (place.store().await, place.store().await);
    let (gone, beside) = (id("gone"), id("beside"));
    let mut head = Head::default();
    for round in 0..3 {
        let mut steps = steps(round * 400, 400);
        for (step, n) in steps.iter_mut().zip(0..) {
            step.at = jiff::Timestamp::from_microsecond(round.cast_signed() * 400 + n).expect("in range");
            step.trigger = "s3cr3t".into();
        }
        head = append(&store, &gone, head, steps).await;
        append(&store, &id(&format!("beside {round}")), Head::default(), steps_of(&beside)).await;
    }
    let shard = store.shard(&gone);
    let page = reader.scan(shard, &Cursor::default(), 700).await.expect("it is read");
    let end = RecordedStep { kind: Kind::Deleted, ..RecordedStep::default() };
    append(&store, &gone, head, vec![end]).await;
    store.erase(&gone).await.expect("it is erased");
    let (records, now) = reader.read(&gone, Revision(0), 10_000).await.expect("it is read");
    assert_eq!((records.len(), now.revision), (1_201, Revision(1_201)));
    for (record, n) in records[..1_200].iter().zip(0..) {
        assert_eq!((record.revision.0, record.step.kind), (n + 1, Kind::Erased));
        assert_eq!(record.step.at.as_microsecond(), n.cast_signed());
        assert_eq!((record.step.trigger.len(), record.step.command.len()), (0, 0));
    }
    let (middle, _) = reader.read(&gone, Revision(777), 2).await.expect("it is read");
    assert_eq!(middle.iter().map(|record| record.revision.0).collect::<Vec<_>>(), [778, 779]);
    let rest = reader.scan(shard, &page.next, 1_000).await.expect("the cursor is what it was");
    let of_gone = rest.records.iter().filter(|record| record.stream == gone).map(|record| record.step.kind);
    assert_eq!(of_gone.collect::<Vec<_>>(), [Kind::Deleted], "only the deletion is still in the order");
    let jetstream = OnServer::jetstream().await;
    let stream = jetstream.get_stream(&place.name).await.expect("it is there");
    let last = stream.cached_info().state.last_sequence;
    for sequence in 1..=last {
        if let Ok(message) = stream.get_raw_message(sequence).await {
            assert!(!String::from_utf8_lossy(&message.payload).contains("s3cr3t"), "message {sequence}");
        }
    }
    place.remove().await;
}

fn steps_of(stream: &StreamId) -> Vec<RecordedStep> {
    vec![RecordedStep { command: stream.instance.clone(), ..RecordedStep::default() }]
}

/// What is removed is marked for a moment, and then nothing of it takes memory.
#[tokio::test]
async fn names_of_removed_cells_go_from_the_server() {
    let place = OnServer::fresh().await;
    let store = place.store().await;
    let key = |n: usize| CellKey { shard: Shard(1), name: format!("agenda/Order/{n:03}/x").into() };
    let put =
        |n, version, value: Option<&'static str>| Put { key: key(n), version, value: value.map(Into::into) };
    let set =
        store.put((0..150).map(|n| put(n, Some(0), Some("due"))).collect()).await.expect("they are set");
    let removals = set.iter().enumerate().take(149).map(|(n, version)| put(n, *version, None)).collect();
    let removed: Vec<_> = store.put(removals).await.expect("they are removed");
    assert!(removed.iter().zip(&set).all(|(removed, set)| removed > set));
    let left = store.list(Shard(1), "agenda/Order/", None, 5).await.expect("they are listed");
    assert_eq!(left.iter().map(|cell| &*cell.key.name).collect::<Vec<_>>(), ["agenda/Order/149/x"]);
    assert_eq!(store.put(vec![put(3, removed[3], Some("late"))]).await.expect("it is asked"), [None]);
    let again = store.put(vec![put(3, Some(0), Some("again"))]).await.expect("it is asked")[0];
    assert!(again > removed[3], "versions never repeat");
    let jetstream = OnServer::jetstream().await;
    let shelf = format!("KV_{}-cells", place.name);
    let waited = tokio::time::timeout(std::time::Duration::from_secs(30), async {
        loop {
            let info = jetstream.get_stream(&shelf).await.expect("it is there").cached_info().clone();
            if info.state.subjects_count == 2 {
                break;
            }
            tokio::task::yield_now().await;
        }
    });
    waited.await.expect("the marks go by themselves");
    assert_eq!(store.put(vec![put(5, removed[5], Some("late"))]).await.expect("it is asked"), [None]);
    assert!(store.put(vec![put(5, Some(0), Some("again"))]).await.expect("it is asked")[0] > again);
    place.remove().await;
}

#[tokio::test]
async fn a_handle_says_whether_its_streams_are_there() {
    let place = OnServer::fresh().await;
    let store = place.store().await;
    assert!(store.is_healthy().await);
    place.remove().await;
    assert!(!store.is_healthy().await);
}
