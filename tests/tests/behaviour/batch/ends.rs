//! Cancelled, late or dropped at every await point of the store and of the batch: every request has one result, and it is
//! true.

use super::{numbered, records, word};
use statewright::Host;
use statewright::clock::{Clock, FakeClock};
use statewright::host::{BatchOptions, BatchReport, OnFailure, Retry};
use statewright::store::MemoryStore;
use statewright::store::faulty::{Fault, Faulty};
use statewright_tests::stepping::Stepping;
use statewright_tests::{Door, DoorTrigger};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(100);
const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// Times that others are let go on before something is held to have come to a rest.
const REST: usize = 60;

/// What ends it.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Act {
    Cancel,
    Timeout,
    StepTimeout,
    Drop,
}

/// The shape of a batch.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Shape {
    on_failure: OnFailure,
    attempts: u32,
    fault: Option<Fault>,
    parallelism: usize,
    atomic: bool,
}

const SHAPES: [Shape; 8] = [
    Shape { on_failure: OnFailure::Continue, attempts: 1, fault: None, parallelism: 64, atomic: false },
    Shape { on_failure: OnFailure::Continue, attempts: 1, fault: None, parallelism: 1, atomic: false },
    Shape { on_failure: OnFailure::Stop, attempts: 1, fault: None, parallelism: 2, atomic: false },
    Shape {
        on_failure: OnFailure::Continue,
        attempts: 3,
        fault: Some(Fault::LostAnswer),
        parallelism: 2,
        atomic: false,
    },
    Shape {
        on_failure: OnFailure::Continue,
        attempts: 3,
        fault: Some(Fault::LostRequest),
        parallelism: 2,
        atomic: false,
    },
    Shape { on_failure: OnFailure::Continue, attempts: 1, fault: None, parallelism: 1, atomic: true },
    Shape {
        on_failure: OnFailure::Continue,
        attempts: 3,
        fault: Some(Fault::LostAnswer),
        parallelism: 1,
        atomic: true,
    },
    Shape {
        on_failure: OnFailure::Continue,
        attempts: 3,
        fault: Some(Fault::LostRequest),
        parallelism: 1,
        atomic: true,
    },
];

type Firing = Pin<Box<dyn Future<Output = BatchReport<Door>>>>;

struct Scene {
    clock: FakeClock,
    store: Arc<Stepping<Faulty<MemoryStore>>>,
    host: Host<Door>,
    shape: Shape,
}

impl Scene {
    /// The store stands still at this point.
    async fn new(shape: Shape, stop_at: usize) -> Self {
        let (clock, faulty) = (FakeClock::default(), Faulty::new(MemoryStore::new()));
        shape.fault.into_iter().for_each(|fault| faulty.fail_next(fault));
        let store = Arc::new(Stepping::new(faulty, stop_at));
        let builder = Host::builder(Arc::clone(&store)).clock(clock.clone()).effects_elsewhere();
        let host = builder.conflict_retries(0).build().await.expect("fine");
        Self { clock, store, host, shape }
    }

    fn options(&self) -> BatchOptions {
        let retry = Retry::attempts(self.shape.attempts).first_pause(Duration::from_millis(1));
        BatchOptions::default()
            .parallelism(self.shape.parallelism)
            .on_failure(self.shape.on_failure)
            .retry(retry)
            .atomic(self.shape.atomic)
            .timeout(TIMEOUT)
            .step_timeout(STEP_TIMEOUT)
    }

    /// Polls, with everybody else going on in between, until the report is there or `until` holds.
    async fn poll_until(
        &self,
        firing: &mut Firing,
        until: impl Fn(usize) -> bool,
    ) -> Option<BatchReport<Door>> {
        for n in 0.. {
            if let Poll::Ready(report) =
                std::future::poll_fn(|cx| Poll::Ready(firing.as_mut().poll(cx))).await
            {
                return Some(report);
            }
            if until(n) {
                return None;
            }
            // Pauses of retries pass.
            self.clock.advance(Duration::from_millis(1));
            tokio::task::yield_now().await;
        }
        None
    }

    async fn rest(&self, firing: &mut Firing) -> Option<BatchReport<Door>> {
        self.poll_until(firing, |n| n > REST).await
    }

    /// The host comes to its end; what was in commit is recorded by then.
    async fn close(&self) {
        self.store.release();
        let host = self.host.clone();
        let closing = tokio::spawn(async move { host.shutdown().await });
        while !closing.is_finished() {
            self.clock.advance(Duration::from_millis(1));
            tokio::task::yield_now().await;
        }
    }

    /// What is reported is what is recorded; nothing is recorded twice, and no instance changed its order.
    async fn check(&self, report: Option<&BatchReport<Door>>, place: &str) {
        self.close().await;
        let records = records(&self.store).await;
        let mut commands: Vec<_> = records.iter().map(|(_, command)| command).collect();
        commands.sort();
        commands.dedup();
        assert_eq!(commands.len(), records.len(), "{place}: recorded twice: {records:?}");
        for id in ["a", "b", "c"] {
            let own: Vec<_> = records.iter().filter(|(instance, _)| instance == id).collect();
            assert!(own.is_sorted(), "{place}: out of order: {records:?}");
        }
        if self.shape.atomic {
            assert!([0, 6].contains(&records.len()), "{place}: neither all nor nothing: {records:?}");
        }
        let Some(report) = report else { return };
        assert_eq!((report.counts.total, report.counts.done()), (6, 6), "{place}");
        assert_eq!(report.items.len(), 6, "{place}");
        for (n, item) in (0..).zip(&report.items) {
            assert_eq!(item.place, n, "{place}");
            let recorded = records.iter().any(|(_, command)| **command == *item.command);
            let fits = match word(item) {
                "succeeded" => recorded,
                "unknown" => true,
                _ => !recorded,
            };
            assert!(fits, "{place}: {item:?}, recorded: {recorded}");
        }
    }
}

/// The second is refused, unless all are to be recorded.
fn asked(atomic: bool) -> Vec<statewright::host::BatchRequest<Door>> {
    numbered([
        ("a", DoorTrigger::Open),
        ("a", if atomic { DoorTrigger::Knock { times: 1 } } else { DoorTrigger::Open }),
        ("a", DoorTrigger::Close),
        ("b", DoorTrigger::Open),
        ("b", DoorTrigger::Close),
        ("c", DoorTrigger::Knock { times: 1 }),
    ])
}

/// Whether the store came to the point at all.
async fn run(shape: Shape, (act, stop_at, released): (Act, usize, bool)) -> bool {
    let place = format!("{shape:?}, {act:?} at point {stop_at}, released: {released}");
    let scene = Scene::new(shape, stop_at).await;
    let batch = scene.host.batch(scene.options());
    let canceller = batch.canceller();
    let mut firing: Firing = Box::pin(batch.fire_all(asked(shape.atomic)));
    let report = scene.poll_until(&mut firing, |_| scene.store.has_stopped()).await;
    if let Some(report) = &report {
        assert!(!scene.store.has_stopped() && report.counts.unknown == 0, "{place}");
        scene.check(Some(report), &place).await;
        return false;
    }
    // All others go as far as they can.
    let mut report = scene.rest(&mut firing).await;
    match act {
        Act::Cancel => canceller.cancel(),
        Act::Timeout => scene.clock.advance(TIMEOUT.saturating_sub(scene.clock.monotonic())),
        Act::StepTimeout => scene.clock.advance(STEP_TIMEOUT),
        Act::Drop => {
            drop(firing);
            if released {
                scene.store.release();
            }
            scene.check(None, &place).await;
            return true;
        }
    }
    if released {
        scene.store.release();
    }
    if report.is_none() {
        report = scene.rest(&mut firing).await;
    }
    if report.is_none() && act == Act::Timeout {
        scene.clock.advance(TIMEOUT / 100);
        report = scene.rest(&mut firing).await;
        assert!(report.is_some(), "{place}: longer than its time");
    }
    // What stands still is given up step by step.
    for _ in 0..10 {
        if report.is_none() {
            scene.clock.advance(STEP_TIMEOUT / 2);
            report = scene.rest(&mut firing).await;
        }
    }
    let report = report.unwrap_or_else(|| panic!("{place}: it does not end"));
    if released && act == Act::Cancel && shape.fault != Some(Fault::LostRequest) {
        assert_eq!(report.counts.unknown, 0, "{place}: its fate could be learned: {:?}", report.items);
    }
    scene.check(Some(&report), &place).await;
    true
}

#[tokio::test]
async fn at_every_await_point_of_the_store_every_request_has_one_true_result() {
    for shape in SHAPES {
        for act in [Act::Cancel, Act::Timeout, Act::StepTimeout, Act::Drop] {
            for released in [true, false] {
                let mut points = 0;
                while run(shape, (act, points, released)).await {
                    points += 1;
                }
                assert!(points >= 8, "{shape:?}: {points} points are too few");
            }
        }
    }
}

#[tokio::test]
async fn at_every_poll_of_the_batch_every_request_has_one_true_result() {
    for shape in SHAPES {
        for act in [Act::Cancel, Act::Timeout, Act::Drop] {
            for polls in 0.. {
                let place = format!("{shape:?}, {act:?} behind {polls} polls");
                let scene = Scene::new(shape, usize::MAX).await;
                let batch = scene.host.batch(scene.options());
                let canceller = batch.canceller();
                let mut firing: Firing = Box::pin(batch.fire_all(asked(shape.atomic)));
                if polls > 0 && scene.poll_until(&mut firing, |n| n + 1 == polls).await.is_some() {
                    assert!(polls > 5, "{place}: too few");
                    break;
                }
                match act {
                    Act::Timeout => scene.clock.advance(TIMEOUT),
                    Act::Drop => {
                        drop(firing);
                        scene.check(None, &place).await;
                        continue;
                    }
                    _ => canceller.cancel(),
                }
                let report = scene.poll_until(&mut firing, |n| n > 1_000).await;
                let report = report.unwrap_or_else(|| panic!("{place}: it does not end"));
                if polls == 0 && act == Act::Cancel {
                    assert_eq!(report.counts.skipped, 6, "{place}");
                }
                scene.check(Some(&report), &place).await;
            }
        }
    }
}

#[tokio::test]
async fn a_step_whose_answer_is_lost_in_the_store_is_found_in_its_records() {
    let shape = SHAPES[0];
    for stop_at in 0.. {
        let scene = Scene::new(shape, stop_at).await;
        let batch = scene.host.batch(scene.options());
        let knock = numbered([("c", DoorTrigger::Knock { times: 1 })]);
        let mut firing: Firing = Box::pin(batch.fire_all(knock));
        let report = scene.poll_until(&mut firing, |_| scene.store.has_stopped()).await;
        assert!(report.is_none(), "the append has a point behind it");
        if !(scene.store.is_behind() && scene.store.appends().len() == 1) {
            continue;
        }
        scene.clock.advance(STEP_TIMEOUT);
        let report = scene.rest(&mut firing).await.expect("the records tell");
        assert_eq!(word(&report.items[0]), "succeeded");
        return;
    }
}
