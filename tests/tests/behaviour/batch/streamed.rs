//! The streaming form: results as they finish, in bounded memory, from an iterator or a stream.

use super::{numbered, records};
use futures_core::Stream;
use statewright::Host;
use statewright::clock::FakeClock;
use statewright::host::{BatchOptions, BatchRequest, BatchStream, OnFailure};
use statewright::store::faulty::Faulty;
use statewright::store::{MemoryStore, Store};
use statewright_tests::{Door, DoorTrigger};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;

async fn host(store: impl Store) -> Host<Door> {
    let builder = Host::builder(store).clock(FakeClock::default()).effects_elsewhere();
    builder.cache_max(64).build().await.expect("fine")
}

/// Requests that come in from elsewhere.
struct Inbox(mpsc::Receiver<BatchRequest<Door>>);

impl Stream for Inbox {
    type Item = BatchRequest<Door>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}

/// Polls once; whoever else is ready goes on first.
async fn poll_once(results: &mut BatchStream<Door>) -> Poll<Option<u64>> {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    let place = |item: Option<statewright::host::BatchItem<Door>>| item.map(|item| item.place);
    std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut *results).poll_next(cx).map(place))).await
}

#[tokio::test]
async fn each_result_comes_when_it_is_known() {
    let store = Arc::new(Faulty::new(MemoryStore::new()));
    let host = host(Arc::clone(&store)).await;
    let (sender, inbox) = mpsc::channel(8);
    let mut results = host.batch(BatchOptions::default()).fire_stream(Inbox(inbox));
    assert!(poll_once(&mut results).await.is_pending(), "nothing has come in");
    let [first, second] =
        numbered([("a", DoorTrigger::Open), ("b", DoorTrigger::Open)]).try_into().expect("two");
    sender.send(first).await.expect("there is room");
    while results.counts().total == 0 {
        assert!(poll_once(&mut results).await.is_pending());
    }
    let mut first = poll_once(&mut results).await;
    while first.is_pending() {
        first = poll_once(&mut results).await;
    }
    assert_eq!(first, Poll::Ready(Some(0)), "before the second has come in");
    sender.send(second).await.expect("there is room");
    drop(sender);
    assert_eq!(results.next().await.map(|item| item.place), Some(1));
    assert!(results.next().await.is_none() && results.next().await.is_none(), "and it stays over");
}

/// What is alive of a million requests, and of their results.
#[tokio::test]
async fn no_more_is_taken_than_ahead_max_of_a_million() {
    const AHEAD: u64 = 1_000;
    const ALL: u64 = 1_000_000;
    let host = host(MemoryStore::new()).await;
    for id in 0..7 {
        host.instance(&id.to_string()).fire(DoorTrigger::Open).await.expect("it is shut");
    }
    let taken = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&taken);
    // An open door ignores it, so nothing is kept of it anywhere.
    let requests = (0..ALL).map(move |n| {
        count.fetch_add(1, Ordering::Relaxed);
        BatchRequest::new(&(n % 7).to_string(), DoorTrigger::Rung)
    });
    let options = BatchOptions::default().ahead_max(1_000).parallelism(3);
    let mut results = host.batch(options).fire_each(requests);
    let mut given = 0;
    while results.next().await.is_some() {
        given += 1;
        let ahead = taken.load(Ordering::Relaxed) - given;
        assert!(ahead <= AHEAD, "{ahead} are ahead");
    }
    assert_eq!((given, results.counts().succeeded), (ALL, ALL));
}

#[tokio::test]
async fn a_stream_that_stops_takes_nothing_more() {
    let store = Arc::new(MemoryStore::new());
    let host = host(Arc::clone(&store)).await;
    let endless = std::iter::repeat_with(|| BatchRequest::new("a", DoorTrigger::Open));
    let options = BatchOptions::default().ahead_max(10).on_failure(OnFailure::Stop);
    let mut results = host.batch(options).fire_each(endless);
    while results.next().await.is_some() {}
    let counts = results.counts();
    assert_eq!((counts.succeeded, counts.failed, counts.skipped), (1, 1, counts.total - 2));
    assert!((10..=20).contains(&counts.total), "{counts}");
    assert_eq!(records(&store).await.len(), 1);
}

#[tokio::test]
async fn a_stream_that_nobody_feeds_ends_with_its_time() {
    let clock = FakeClock::default();
    let builder = Host::<Door>::builder(MemoryStore::new()).clock(clock.clone()).effects_elsewhere();
    let host = builder.build().await.expect("fine");
    let (_sender, inbox) = mpsc::channel(8);
    let options = BatchOptions::default().timeout(Duration::from_secs(10));
    let mut results = host.batch(options).fire_stream(Inbox(inbox));
    assert!(poll_once(&mut results).await.is_pending());
    clock.advance(Duration::from_secs(10));
    assert_eq!(poll_once(&mut results).await, Poll::Ready(None));
}

/// Dropping the runtime drops everything that is under way, in any order; the batch itself is dropped last.
#[test]
fn a_runtime_may_end_while_appends_are_under_way_and_others_wait() {
    let current = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let many = || tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    for runtime in [current(), many()] {
        let store = Arc::new(Faulty::new(MemoryStore::new()));
        let results = runtime.block_on(async {
            let host = host(Arc::clone(&store)).await;
            store.close();
            let (sender, inbox) = mpsc::channel(64);
            let mut results = host.batch(BatchOptions::default()).fire_stream(Inbox(inbox));
            // Two calls of the store's, and what would be a third.
            for (n, waiting) in (0..).zip([1, 2, 2]) {
                let request = BatchRequest::new(&n.to_string(), DoorTrigger::Open);
                sender.send(request).await.expect("there is room");
                assert!(poll_once(&mut results).await.is_pending());
                while store.waiting() < waiting {
                    tokio::task::yield_now().await;
                }
            }
            for _ in 0..1_000 {
                tokio::task::yield_now().await;
            }
            results
        });
        drop(runtime);
        drop(results);
        assert_eq!(store.waiting(), 2, "no append was begun on the way out");
    }
}
