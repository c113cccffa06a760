//! A projection whose view is in memory: built anew, kept up, and not past what it cannot apply.

use super::super::subscriptions::{doors, knock};
use statewright::history::Transition;
use statewright::projection::{ApplyError, InMemory, InMemoryError, Projection, Unapplied};
use statewright::store::MemoryStore;
use statewright::subscription::{Message, Start};
use statewright_tests::Door;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The last revision of each door, as long as it is not told to stop.
struct Last {
    broken: Arc<AtomicBool>,
}

type View = BTreeMap<String, u64>;

impl Projection<View> for Last {
    type Item = Transition<Door>;

    fn name(&self) -> &'static str {
        "last"
    }

    fn build(&self) -> u32 {
        1
    }

    fn apply(&self, view: &mut View, item: &Transition<Door>) -> Result<(), ApplyError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err("it is broken".into());
        }
        view.insert(item.record.stream.instance.to_string(), item.record.revision.0);
        Ok(())
    }
}

#[tokio::test]
async fn a_view_in_memory_is_built_anew_and_kept_up() {
    let store = Arc::new(MemoryStore::new());
    let host = doors(&store).await;
    knock(&host, "x", 3).await;
    knock(&host, "y", 1).await;
    let broken = Arc::new(AtomicBool::new(false));
    let last = || Last { broken: Arc::clone(&broken) };
    let open =
        async || InMemory::open(last(), View::new(), host.subscribe(Start::Beginning)).await.expect("fine");
    let mut memory = open().await;
    while !memory.advance().await.expect("it goes on").is_caught_up() {}
    let both = View::from([("x".to_owned(), 3), ("y".to_owned(), 1)]);
    assert_eq!(memory.view(), &both);
    knock(&host, "y", 1).await;
    broken.store(true, Ordering::Relaxed);
    for _ in 0..2 {
        let error = memory.advance().await.expect_err("it is broken");
        let InMemoryError::Apply(Unapplied { revision, stream, .. }) = &error else { panic!("{error:?}") };
        assert_eq!((&*stream.instance, revision.0), ("y", 2));
        assert_eq!(memory.view(), &both);
    }
    broken.store(false, Ordering::Relaxed);
    assert!(matches!(memory.advance().await, Ok(Message::Record(()))), "it was not passed over");
    assert_eq!(memory.view()["y"], 2);
    let mut anew = open().await;
    while !anew.advance().await.expect("it goes on").is_caught_up() {}
    assert_eq!(anew.view(), memory.view());
}
