//! Cases of connections that are lost: every call, and every way to lose one.
//!
//! A call may fail then; it may not hang, and what it answers is true. When the trouble is over, the handle works again by
//! itself.

use super::proxy::{Proxy, Trouble};
use super::{NetworkPlace, commands, grow, request, step, stream};
use crate::store::{
    CellKey, Cursor, Kind, Outcome, Put, RecordedStep, Revision, Shard, Store, StoreError, StreamId, Unit,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Appends under one trouble, each over a connection that was fine until then.
const APPENDS: usize = 4;
/// How many times as long as one call a handle may take until it works again.
const PATIENCE: u32 = 20;
/// How many times as long as it may take a call is waited for: machines are slow at times, and a call that hangs never ends.
const SLACK: u32 = 5;

/// The server goes away, and comes back.
pub async fn a_server_that_is_gone_is_survived<P: NetworkPlace>(place: &P) {
    trouble(place, Trouble::Gone).await;
}

/// The connection ends before a byte of the request is through.
pub async fn a_cut_before_the_request_is_survived<P: NetworkPlace>(place: &P) {
    trouble(place, Trouble::CutBefore).await;
}

/// The connection ends in the middle of the request.
pub async fn a_cut_within_the_request_is_survived<P: NetworkPlace>(place: &P) {
    trouble(place, Trouble::CutWithin(24)).await;
}

/// The request is through, and the connection ends before the answer.
pub async fn a_cut_before_the_answer_is_survived<P: NetworkPlace>(place: &P) {
    trouble(place, Trouble::CutAnswer).await;
}

/// The connection ends behind the answer, or behind the first part of it.
pub async fn a_cut_behind_the_answer_is_survived<P: NetworkPlace>(place: &P) {
    trouble(place, Trouble::CutBehind).await;
}

/// What is sent is through, and the answers' way is at its end.
pub async fn a_half_closed_connection_is_survived<P: NetworkPlace>(place: &P) {
    trouble(place, Trouble::HalfClosed).await;
}

/// Nothing is through, nothing is said, and when callers have given up it goes on where it was.
pub async fn a_connection_that_is_held_is_survived<P: NetworkPlace>(place: &P) {
    trouble(place, Trouble::Held).await;
}

/// Everything is late, by less than a call may take.
pub async fn a_slow_connection_is_only_slow<P: NetworkPlace>(place: &P) {
    let (proxy, store) = through(place).await;
    proxy.make(Trouble::Late(P::CALL_MAX / 40));
    append(place, &proxy, &store, &stream("slow")).await;
    every_call::<P>(&store).await;
    proxy.restore();
    works_again::<P>(&store).await;
}

/// Who waits for something new while the connection is cut is told when it is back.
pub async fn a_reader_that_waits_outlives_its_connection<P: NetworkPlace>(place: &P) {
    let (proxy, store) = through(place).await;
    let (direct, id) = (place.open().await, stream("waited"));
    let shard = direct.shard(&id);
    for trouble in [Trouble::Gone, Trouble::HalfClosed, Trouble::Held] {
        let end = direct.end(shard).await.expect("the end is told");
        let wait = {
            let (store, end) = (Arc::clone(&store), end.clone());
            tokio::spawn(async move { while !has_more(&*store, shard, &end).await {} })
        };
        // It is on its way, or waits: both are tried over the rounds.
        tokio::task::yield_now().await;
        proxy.make(trouble);
        grow(&*direct, &id, 1).await;
        proxy.restore();
        let told = tokio::time::timeout(P::CALL_MAX * PATIENCE, wait).await;
        told.expect("it is told in time").expect("no panic");
    }
}

/// Waits once; a call that fails is one more reason to look.
async fn has_more(store: &dyn Store, shard: Shard, end: &Cursor) -> bool {
    if store.changed(shard, end).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    store.scan(shard, end, 1).await.is_ok_and(|page| !page.records.is_empty())
}

async fn through<P: NetworkPlace>(place: &P) -> (Proxy, Arc<dyn Store>) {
    let proxy = Proxy::to(place.server()).await.expect("a port is free");
    let store = place.open_at(proxy.address()).await;
    (proxy, store)
}

async fn trouble<P: NetworkPlace>(place: &P, trouble: Trouble) {
    let (proxy, store) = through(place).await;
    let id = stream("troubled");
    for _ in 0..APPENDS {
        works_again::<P>(&store).await;
        proxy.make(trouble);
        append(place, &proxy, &store, &id).await;
    }
    works_again::<P>(&store).await;
    proxy.make(trouble);
    every_call::<P>(&store).await;
    proxy.restore();
    works_again::<P>(&store).await;
    let expected: Vec<_> = commands(&*place.open().await, &id).await;
    let mut once = expected.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), expected.len(), "nothing is recorded twice");
    assert_eq!(commands(&*store, &id).await, expected, "and every handle says so");
}

/// One append in trouble: its outcome is true, and the same steps can be appended again until they stand there once.
async fn append<P: NetworkPlace>(place: &P, proxy: &Proxy, store: &Arc<dyn Store>, id: &StreamId) {
    let direct = place.open().await;
    let head = direct.head(id).await.expect("the head is read");
    let (first, second) = (format!("{}/1", head.revision), format!("{}/2", head.revision));
    let steps = vec![step(&first), step(&second)];
    let call = store.append(vec![request(id, head, steps.clone())], Unit::Each);
    let outcome = in_time::<P, _>(call).await.pop().expect("one outcome for one request");
    proxy.restore();
    let count = async || commands(&*direct, id).await.iter().filter(|command| **command == first).count();
    match outcome {
        Outcome::Appended(next) => {
            assert_eq!(next.revision, head.revision.plus(2));
            assert_eq!(count().await, 1, "what was acknowledged stands there");
        }
        Outcome::Unknown(error) => {
            may_be_tried_again(&error);
            again::<P>(store, id, (&first, steps)).await;
            assert_eq!(count().await, 1, "appended again, and there once");
        }
        Outcome::Refused(error) => {
            may_be_tried_again(&error);
            let mut now = direct.head(id).await.expect("the head is read");
            assert_eq!((count().await, now), (0, head), "what was refused does not stand there");
            now = grow(&*direct, id, 1).await;
            works_again::<P>(store).await;
            assert_eq!(store.head(id).await.expect("the head is read"), now, "and never comes");
        }
        other => panic!("nobody else writes: {other:?}"),
    }
}

/// Appends behind the head as read, unless the steps stand there.
async fn again<P: NetworkPlace>(
    store: &Arc<dyn Store>,
    id: &StreamId,
    (first, steps): (&str, Vec<RecordedStep>),
) {
    let began = Instant::now();
    while began.elapsed() < P::CALL_MAX * PATIENCE {
        let Ok((records, head)) = in_time::<P, _>(store.read(id, Revision(0), 1_000)).await else { continue };
        if records.iter().any(|record| &*record.step.command == first) {
            return;
        }
        store.append(vec![request(id, head, steps.clone())], Unit::Each).await;
    }
    panic!("the handle does not work again");
}

/// Every call but `append`: it may fail, in its time.
async fn every_call<P: NetworkPlace>(store: &Arc<dyn Store>) {
    let (id, shard, beginning) = (stream("troubled"), Shard(0), Cursor::default());
    let key = CellKey { shard, name: "cell".into() };
    let put = Put { key: key.clone(), version: None, value: Some("value".into()) };
    let keys = [key];
    let calls = async {
        tokio::join!(
            async { store.head(&id).await.err() },
            async { store.read(&id, Revision(0), 9).await.err() },
            async { store.scan(shard, &beginning, 9).await.err() },
            async { store.end(shard).await.err() },
            async { store.streams(shard, None, 9).await.err() },
            async { store.erase(&id).await.err() },
            async { store.get(&keys).await.err() },
            async { store.put(vec![put]).await.err() },
            async { store.list(shard, "", None, 9).await.err() },
            async { store.scrub().await.err() },
        )
    };
    let (head, read, scan, end, streams, erase, get, put, list, scrub) = in_time::<P, _>(calls).await;
    for error in [head, read, scan, end, streams, erase, get, put, list, scrub].iter().flatten() {
        may_be_tried_again(error);
    }
}

/// What a lost connection is to a caller.
fn may_be_tried_again(error: &StoreError) {
    assert!(error.is_retryable(), "a connection that is lost comes back: {error:?}");
}

/// Until every call succeeds, one behind the other.
async fn works_again<P: NetworkPlace>(store: &Arc<dyn Store>) {
    let began = Instant::now();
    while let Err(error) = all(&**store).await {
        assert!(began.elapsed() < P::CALL_MAX * PATIENCE, "the handle does not work again: {error:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Every call of the contract, each with its own effect looked at.
async fn all(store: &dyn Store) -> Result<(), StoreError> {
    let id = stream("well");
    let (shard, beginning) = (store.shard(&id), Cursor::default());
    let mut head = store.head(&id).await?;
    let outcome = store.append(vec![request(&id, head, vec![step("well")])], Unit::Each).await.pop();
    head = match outcome {
        Some(Outcome::Appended(head)) => head,
        Some(Outcome::Refused(error) | Outcome::Unknown(error)) => return Err(error),
        // One that was unknown has landed.
        Some(Outcome::Conflict(_)) => return Err(StoreError::Contended { stream: id, tries: 1 }),
        other => panic!("nobody deletes it: {other:?}"),
    };
    let (records, now) = store.read(&id, Revision(0), 1_000).await?;
    assert_eq!((records.len() as u64, now), (head.revision.0, head));
    store.changed(shard, &beginning).await?;
    assert!(!store.scan(shard, &beginning, 9).await?.records.is_empty());
    assert_ne!(store.end(shard).await?, beginning);
    assert!(store.streams(shard, None, 1_000).await?.contains(&id));
    let key = CellKey { shard, name: "well".into() };
    let put = Put { key: key.clone(), version: None, value: Some("value".into()) };
    let version = store.put(vec![put]).await?[0];
    assert_eq!(store.get(std::slice::from_ref(&key)).await?.first().map(|cell| cell.version), version);
    assert_eq!(store.list(shard, "well", None, 9).await?.len(), 1);
    let gone = StreamId::new("acme", "Order", "well gone");
    let end = RecordedStep { kind: Kind::Deleted, ..step("gone") };
    let head = store.head(&gone).await?;
    store.append(vec![request(&gone, head, vec![end])], Unit::Each).await;
    store.erase(&gone).await?;
    store.scrub().await
}

/// What a call answers; that it answers at all is part of every case.
async fn in_time<P: NetworkPlace, F: Future + Send>(call: F) -> F::Output {
    tokio::time::timeout(P::CALL_MAX * SLACK, call).await.expect("a call answers in its time")
}
