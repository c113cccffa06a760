//! Moving from one store to another: all that is recorded, what waits on the shelf, and no effect twice.

use statewright::copy::{Copy, CopyError, copy};
use statewright::effect::{EffectAnswer, EffectCx, EffectError};
use statewright::store::faulty::{Fault, Faulty};
use statewright::store::{
    Append, Head, MemoryStore, Outcome, Put, RecordedStep, Revision, Shard, Store, StreamId, Unit,
};
use statewright::{Host, KeyRing, Personal};
use statewright_sqlite::SqliteStore;
use statewright_tests::stay::{Stay, StayTrigger};
use statewright_tests::{Door, DoorEffects, DoorTrigger};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use tokio::sync::mpsc;

/// A bell that says which keys it was rung for, and fails for good at thirteen knocks.
struct Bell(mpsc::UnboundedSender<String>);

impl DoorEffects for Bell {
    async fn ring(&self, cx: &EffectCx, times: u64) -> EffectAnswer<Door> {
        if times == 13 {
            return Err(EffectError::fatal(std::io::Error::other("the bell has cracked")));
        }
        self.0.send(cx.key()).map_err(EffectError::fatal)?;
        Ok(Some(DoorTrigger::Rung))
    }
}

async fn doors<S: Store>(store: &Arc<S>) -> (Host<Door>, mpsc::UnboundedReceiver<String>) {
    let (rung, keys) = mpsc::unbounded_channel();
    let host = Host::builder(Arc::clone(store)).effects(Bell(rung)).build().await.expect("it has handlers");
    (host, keys)
}

async fn stays<S: Store>(store: &Arc<S>) -> Host<Stay> {
    let host =
        Host::builder(Arc::clone(store)).effects_elsewhere().personal_key(KeyRing::new("2026", [26; 32]));
    host.build().await.expect("it has a key")
}

fn book(n: u64) -> StayTrigger {
    StayTrigger::Book { guest: format!("g-{n}"), name: format!("Guest {n}") }
}

async fn name(host: &Host<Stay>, room: u64) -> Option<String> {
    let data = host.instance(&room.to_string()).view(|stay, _| stay.data().name.clone()).await;
    data.expect("it loads").and_then(Personal::into_known)
}

/// A store in which doors were knocked at, rooms booked, one of them erased, and one guest forgotten.
async fn lived_in() -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::with_shards(4));
    let (host, mut keys) = doors(&store).await;
    for n in 0..20 {
        host.instance(&format!("door-{n}"))
            .fire(DoorTrigger::Knock { times: 1 + n % 3 })
            .await
            .expect("always");
    }
    host.instance("cracked").fire(DoorTrigger::Knock { times: 13 }).await.expect("always");
    for _ in 0..20 {
        keys.recv().await.expect("it rings");
    }
    while host.dead_letters().list(None, 10).await.expect("memory").is_empty() {
        tokio::task::yield_now().await;
    }
    host.shutdown().await;
    let host = stays(&store).await;
    for n in 0..8 {
        host.instance(&n.to_string()).fire(book(n)).await.expect("free");
    }
    host.forget("g-3").await.expect("memory");
    host.instance("7").delete().await.expect("taken");
    store.erase(&StreamId::new("", "Stay", "7")).await.expect("memory");
    host.shutdown().await;
    store
}

fn sqlite(folder: &tempfile::TempDir) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(folder.path().join("new.db")).expect("a file"))
}

#[tokio::test]
async fn everything_moves_and_nothing_runs_again() {
    let (old, folder) = (lived_in().await, tempfile::tempdir().expect("a temporary folder"));
    let new = sqlite(&folder);
    let moving = copy(Arc::clone(&old), Arc::clone(&new));
    let copied = moving.cut_over().await.expect("it moves");
    let verified = moving.verify().await.expect("it is the same");
    assert_eq!((copied.shards, copied.records), (4, verified.records));
    assert_eq!(verified.streams, 29, "21 doors and 8 rooms");

    let host = stays(&new).await;
    assert_eq!(name(&host, 1).await.as_deref(), Some("Guest 1"));
    assert_eq!(name(&host, 3).await, None, "forgotten stays forgotten");
    host.forget("g-1").await.expect("the subject is found under the same key");
    assert_eq!(name(&host, 1).await, None);
    host.instance("7").state().await.expect_err("it is deleted");
    host.shutdown().await;

    let (host, mut keys) = doors(&new).await;
    assert_eq!(host.dead_letters().list(None, 10).await.expect("it is read").len(), 1);
    let knocked = host.instance("door-1").fire(DoorTrigger::Knock { times: 1 }).await.expect("always");
    let key = keys.recv().await.expect("it rings");
    assert!(key.contains("door-1") && key.ends_with(&format!("/{}/0", knocked.revision)), "{key}");
    host.shutdown().await;
    assert_eq!(keys.recv().await, None, "nothing that had rung in the old store rings again");
}

#[tokio::test]
async fn it_is_the_same_to_and_fro() {
    let (old, folder) = (lived_in().await, tempfile::tempdir().expect("a temporary folder"));
    let (new, back) = (sqlite(&folder), Arc::new(MemoryStore::with_shards(4)));
    let there = copy(Arc::clone(&old), Arc::clone(&new));
    let from_there = copy(Arc::clone(&new), Arc::clone(&back));
    there.cut_over().await.expect("it moves");
    from_there.cut_over().await.expect("it moves back");
    let straight = copy(old, back).verify().await.expect("it is the same");
    assert_eq!(straight, there.verify().await.expect("it is the same"), "the sum is the source's");
}

/// It is dropped after every number of polls that it can come to, and made again: what is there in the end is whole.
#[tokio::test]
async fn a_copy_that_is_cut_short_anywhere_goes_on() {
    let old = lived_in().await;
    let whole = copy(Arc::clone(&old), MemoryStore::with_shards(2));
    let records = whole.cut_over().await.expect("it moves").records;
    for polls in (1..40).chain([100, 400]) {
        let slow = Arc::new(statewright_tests::stepping::Stepping::new(MemoryStore::with_shards(2), polls));
        let moving = copy(Arc::clone(&old), Arc::clone(&slow));
        cut_short(&moving, &slow).await;
        slow.release();
        moving.cut_over().await.expect("it goes on");
        assert_eq!(moving.verify().await.expect("it is the same").records, records, "cut at {polls}");
    }
}

/// Until a call to the target stands still, or it is through.
async fn cut_short(moving: &Copy, slow: &statewright_tests::stepping::Stepping<MemoryStore>) {
    let mut call = pin!(moving.cut_over());
    std::future::poll_fn(|cx| match call.as_mut().poll(cx) {
        Poll::Pending if !slow.has_stopped() => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        _ => Poll::Ready(()),
    })
    .await;
}

#[tokio::test]
async fn the_source_may_serve_meanwhile() {
    let (old, new) = (Arc::new(MemoryStore::with_shards(4)), Arc::new(MemoryStore::with_shards(3)));
    let host = Host::<Door>::builder(Arc::clone(&old)).effects_elsewhere().build().await.expect("fine");
    let moving = copy(Arc::clone(&old), Arc::clone(&new));
    for round in 0..5_u64 {
        let writers = (0..10).map(|n| {
            let door = host.instance(&format!("door-{n}"));
            tokio::spawn(async move {
                for _ in 0..20 {
                    door.fire(DoorTrigger::Knock { times: round + 1 }).await.expect("always");
                }
            })
        });
        let writers: Vec<_> = writers.collect();
        moving.catch_up().await.expect("it follows");
        moving.verify().await.expect("as far as it has come it is the same");
        for writer in writers {
            writer.await.expect("no panic");
        }
    }
    host.shutdown().await;
    moving.cut_over().await.expect("nobody writes any more");
    let verified = moving.verify().await.expect("it is the same");
    assert_eq!((verified.streams, verified.records), (10, 1_000));
    assert_eq!(moving.catch_up().await.expect("there is nothing left").records, 0);
}

#[tokio::test]
async fn effects_that_nobody_has_begun_are_not_left_behind() {
    let (old, new) = (lived_in().await, Arc::new(MemoryStore::with_shards(2)));
    let host = Host::<Door>::builder(Arc::clone(&old)).effects_elsewhere().build().await.expect("fine");
    host.instance("door-1").fire(DoorTrigger::Knock { times: 5 }).await.expect("always");
    host.shutdown().await;
    let moving = copy(Arc::clone(&old), Arc::clone(&new));
    let error = moving.cut_over().await.expect_err("one is left");
    assert!(matches!(&error, CopyError::EffectsLeft { machine } if machine == "Door"), "{error:?}");
    let (host, mut keys) = doors(&old).await;
    keys.recv().await.expect("it rings");
    host.shutdown().await;
    moving.cut_over().await.expect("none is left");
}

#[tokio::test]
async fn a_tenant_or_a_machine_moves_alone() {
    let old = Arc::new(MemoryStore::with_shards(4));
    let host = Host::<Door>::builder(Arc::clone(&old)).effects_elsewhere().build().await.expect("fine");
    for tenant in ["acme", "other"] {
        let tenant = host.tenant(tenant).expect("an id");
        tenant.instance("door").fire(DoorTrigger::Open).await.expect("shut");
    }
    host.shutdown().await;
    let rooms = stays(&old).await;
    rooms.instance("1").fire(book(1)).await.expect("free");
    rooms.shutdown().await;
    for (moving, stream) in [
        (copy(Arc::clone(&old), MemoryStore::new()).tenant("acme"), StreamId::new("acme", "Door", "door")),
        (copy(Arc::clone(&old), MemoryStore::new()).machine("Stay"), StreamId::new("", "Stay", "1")),
    ] {
        assert_eq!(moving.cut_over().await.expect("it moves").records, 1);
        assert_eq!(moving.verify().await.expect("it is the same").streams, 1, "{stream}");
    }
}

#[tokio::test]
async fn what_is_erased_afterwards_is_erased_in_the_target() {
    let (old, new) = (lived_in().await, Arc::new(MemoryStore::with_shards(2)));
    let moving = copy(Arc::clone(&old), Arc::clone(&new));
    moving.catch_up().await.expect("it follows");
    let host = stays(&old).await;
    host.instance("1").delete().await.expect("taken");
    host.shutdown().await;
    moving.cut_over().await.expect("it moves");
    let room = StreamId::new("", "Stay", "1");
    old.erase(&room).await.expect("memory");
    assert_eq!(moving.verify().await.expect("it is mended").erased, 1);
    let (records, _) = new.read(&room, Revision(0), 1).await.expect("memory");
    assert!(records[0].step.body.events.is_empty());
    assert_eq!(moving.verify().await.expect("it is the same").erased, 0);
}

#[tokio::test]
async fn what_the_target_has_of_its_own_is_named() {
    let (old, new) = (Arc::new(MemoryStore::new()), Arc::new(MemoryStore::new()));
    for (store, knocks) in [(&old, 1), (&new, 2)] {
        let host = Host::<Door>::builder(Arc::clone(store)).effects_elsewhere().build().await.expect("fine");
        for _ in 0..knocks {
            host.instance("door").fire(DoorTrigger::Knock { times: knocks }).await.expect("always");
        }
        host.shutdown().await;
    }
    for (from, to, first) in [(&old, &new, 2), (&new, &old, 1)] {
        let moving = copy(Arc::clone(from), Arc::clone(to));
        if first == 2 {
            let error = moving.catch_up().await.expect_err("the target has more");
            assert!(error.to_string().contains("revision 2 of `Door/door`"), "{error}");
        }
        let error = moving.verify().await.expect_err("they are not the same");
        assert!(matches!(error, CopyError::Differs { .. }), "{error}");
    }
}

#[tokio::test]
async fn personal_data_does_not_move_to_another_secret() {
    let (old, new) = (lived_in().await, Arc::new(MemoryStore::new()));
    let host = stays(&new).await;
    host.instance("9").fire(book(9)).await.expect("free");
    host.shutdown().await;
    let error = copy(old, new).cut_over().await.expect_err("they could not be forgotten there");
    assert!(matches!(error, CopyError::PersonalSecret), "{error}");
}

/// A log of one shard in which streams grew all at once, `at_once` records of each and then of the next.
async fn grown(streams: u64, rounds: u64, at_once: u64) -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::with_shards(1));
    for round in 0..rounds {
        let after = Head { revision: Revision(round * at_once), token: round * at_once };
        let append = |n| {
            let step =
                |k| RecordedStep { command: format!("{n}/{round}/{k}").into(), ..RecordedStep::default() };
            let stream = StreamId::new("", "Door", &format!("door-{n}"));
            Append { stream, after, steps: (0..at_once).map(step).collect() }
        };
        let outcomes = store.append((0..streams).map(append).collect(), Unit::Each).await;
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Appended(_))), "{outcomes:?}");
    }
    store
}

#[tokio::test]
async fn many_streams_come_in_one_call() {
    let old = grown(100, 6, 1).await;
    let new = Arc::new(statewright_tests::stepping::Stepping::new(MemoryStore::with_shards(3), usize::MAX));
    let moving = copy(Arc::clone(&old), Arc::clone(&new));
    assert_eq!(moving.catch_up().await.expect("it moves").records, 600);
    let calls = new.appends();
    assert!(calls.len() < 20, "{calls:?}");
    assert_eq!(calls.iter().map(|(_, steps)| steps).sum::<usize>(), 600, "nothing twice: {calls:?}");
    // What comes later finds its streams there.
    let host = Host::<Door>::builder(Arc::clone(&old)).effects_elsewhere().build().await.expect("fine");
    for n in 0..100 {
        host.instance(&format!("new-{n}")).fire(DoorTrigger::Open).await.expect("shut");
        host.instance(&format!("new-{n}")).fire(DoorTrigger::Close).await.expect("open");
    }
    host.shutdown().await;
    assert_eq!(moving.catch_up().await.expect("it follows").records, 200);
    assert!(new.appends().len() < 30, "{:?}", new.appends());
    assert_eq!(moving.verify().await.expect("it is the same").records, 800);
}

#[tokio::test]
async fn a_stream_may_have_more_than_one_append_takes() {
    for (streams, rounds, at_once) in [(1, 1, 200), (3, 3, 70), (2, 300, 1)] {
        let moving = copy(grown(streams, rounds, at_once).await, MemoryStore::with_shards(2));
        let records = streams * rounds * at_once;
        assert_eq!(moving.catch_up().await.expect("it moves").records, records);
        assert_eq!(moving.verify().await.expect("it is the same").records, records);
    }
}

#[tokio::test]
async fn appends_that_fail_are_made_good() {
    for fault in [Fault::LostAnswer, Fault::LostRequest, Fault::Refused] {
        for nth in 0..4 {
            let old = grown(50, 12, 1).await;
            let new = Arc::new(Faulty::new(MemoryStore::with_shards(2)));
            let moving = copy(Arc::clone(&old), Arc::clone(&new)).on_progress({
                let (new, pages) = (Arc::clone(&new), AtomicU64::new(0));
                move |_| {
                    if pages.fetch_add(1, Ordering::SeqCst) + 1 == nth {
                        new.fail_next(fault);
                    }
                }
            });
            if nth == 0 {
                new.fail_next(fault);
            }
            assert_eq!(moving.catch_up().await.expect("it moves").records, 600, "{fault:?} {nth}");
            assert_eq!(moving.verify().await.expect("it is the same").records, 600, "{fault:?} {nth}");
        }
    }
}

#[tokio::test]
async fn a_target_that_does_not_know_how_far_it_was_is_read() {
    let (old, new) = (grown(40, 10, 1).await, Arc::new(MemoryStore::with_shards(2)));
    let moving = copy(Arc::clone(&old), Arc::clone(&new));
    moving.catch_up().await.expect("it moves");
    let places = new.list(Shard(0), "copy/", None, 10).await.expect("memory");
    assert!(!places.is_empty());
    let gone = places.into_iter().map(|place| Put { key: place.key, version: None, value: None });
    new.put(gone.collect()).await.expect("memory");
    assert_eq!(moving.catch_up().await.expect("it begins anew").records, 0);
    assert_eq!(moving.verify().await.expect("it is the same").records, 400);
}
