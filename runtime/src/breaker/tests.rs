use super::BreakerState::{Closed, HalfOpen};
use super::*;
use crate::clock::FakeClock;

const SECOND: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_nanos(1);

fn options() -> BreakerOptions {
    BreakerOptions::new("mail").failures(3).window(10 * SECOND).pause(5 * SECOND).probes(2)
}

fn breaker(options: BreakerOptions) -> (FakeClock, Breaker) {
    let clock = FakeClock::default();
    let breaker = Breaker::new(options, Arc::new(clock.clone())).expect("fine options");
    (clock, breaker)
}

fn fail(breaker: &Breaker, times: usize) {
    (0..times).for_each(|_| breaker.try_enter().expect("it lets calls through").fail());
}

fn succeed(breaker: &Breaker) {
    breaker.try_enter().expect("it lets calls through").succeed();
}

#[test]
fn it_opens_when_enough_failed_within_the_window_whatever_succeeds_between() {
    let (clock, breaker) = breaker(options());
    fail(&breaker, 2);
    clock.advance(10 * SECOND);
    fail(&breaker, 2);
    assert_eq!((breaker.state(), breaker.stats().failures), (BreakerState::Closed, 2), "two are too old");
    (0..100).for_each(|_| succeed(&breaker));
    clock.advance((10 * SECOND).saturating_sub(MOMENT));
    fail(&breaker, 1);
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn it_is_half_open_at_the_end_of_the_pause_and_not_before() {
    let (clock, breaker) = breaker(options());
    fail(&breaker, 3);
    clock.advance(2 * SECOND);
    let open = breaker.try_enter().expect_err("it is open");
    assert_eq!((&*open.name, open.retry_after), ("mail", 3 * SECOND));
    clock.advance(open.retry_after.saturating_sub(MOMENT));
    let open = breaker.try_enter().expect_err("a moment is left");
    assert_eq!(open.retry_after, MOMENT);
    clock.advance(open.retry_after);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    assert!(breaker.try_enter().is_ok());
}

#[test]
fn probes_are_bounded_and_close_it_when_all_succeeded() {
    let (clock, breaker) = breaker(options());
    fail(&breaker, 3);
    clock.advance(5 * SECOND);
    let (first, second) = (breaker.try_enter().expect("a probe"), breaker.try_enter().expect("a probe"));
    assert!(breaker.try_enter().is_err(), "two are out");
    first.succeed();
    assert!(breaker.try_enter().is_err(), "one is out and one has come back");
    drop(second);
    let third = breaker.try_enter().expect("one was given back");
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    third.succeed();
    assert_eq!(breaker.state(), BreakerState::Closed);
    fail(&breaker, 2);
    assert_eq!(breaker.state(), BreakerState::Closed, "earlier failures are forgotten");
}

#[test]
fn a_probe_that_fails_opens_it_for_another_pause() {
    let (clock, breaker) = breaker(options());
    fail(&breaker, 3);
    clock.advance(5 * SECOND);
    let late = breaker.try_enter().expect("a probe");
    fail(&breaker, 1);
    assert_eq!(breaker.try_enter().expect_err("it is open").retry_after, 5 * SECOND);
    late.succeed();
    assert_eq!(breaker.state(), BreakerState::Open, "a probe of before says nothing now");
    clock.advance(5 * SECOND);
    succeed(&breaker);
    succeed(&breaker);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn calls_of_an_earlier_state_neither_close_nor_open_it() {
    let (clock, breaker) = breaker(options());
    let early: Vec<_> = (0..8).map(|_| breaker.try_enter().expect("it is closed")).collect();
    fail(&breaker, 3);
    clock.advance(5 * SECOND);
    for (n, permit) in early.into_iter().enumerate() {
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        if n % 2 == 0 { permit.succeed() } else { permit.fail() }
    }
    succeed(&breaker);
    succeed(&breaker);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn changes_are_told_once_and_a_hook_may_ask_and_panic() {
    let told: Arc<Mutex<Vec<BreakerChange>>> = Arc::default();
    let within: Arc<Mutex<Option<Breaker>>> = Arc::default();
    let (hears, asks) = (Arc::clone(&told), Arc::clone(&within));
    let (clock, breaker) = breaker(options().on_change(move |change| {
        let asked = asks.lock().expect("no panic").as_ref().map(Breaker::state);
        assert!(asked.is_some());
        hears.lock().expect("no panic").push(change.clone());
        panic!("a hook that panics, to be survived");
    }));
    *within.lock().expect("no panic") = Some(breaker.clone());
    fail(&breaker, 3);
    clock.advance(5 * SECOND);
    succeed(&breaker);
    succeed(&breaker);
    let told = told.lock().expect("no panic");
    let changes: Vec<_> = told.iter().map(|change| (change.from, change.to, change.at)).collect();
    let end = 5 * SECOND;
    assert_eq!(
        changes,
        [
            (Closed, BreakerState::Open, Duration::ZERO),
            (BreakerState::Open, HalfOpen, end),
            (HalfOpen, Closed, end)
        ]
    );
    *within.lock().expect("no panic") = None;
}

#[test]
fn stats_count_everything_as_of_now() {
    let (clock, breaker) = breaker(options());
    succeed(&breaker);
    drop(breaker.try_enter());
    fail(&breaker, 2);
    let running = breaker.try_enter();
    let stats = breaker.stats();
    assert_eq!((stats.succeeded, stats.failed, stats.abandoned, stats.running), (1, 2, 1, 1));
    assert_eq!(stats.failures, 2);
    clock.advance(10 * SECOND);
    assert_eq!(breaker.stats().failures, 0, "they are too old, and nobody had to call");
    drop(running);
    fail(&breaker, 3);
    assert!(breaker.try_enter().is_err());
    let stats = breaker.stats();
    assert_eq!((stats.state, stats.opened, stats.refused), (BreakerState::Open, 1, 1));
    assert_eq!(stats.since, 10 * SECOND);
    clock.advance(5 * SECOND);
    assert_eq!(breaker.stats().state, BreakerState::HalfOpen);
}

#[test]
fn options_that_mean_nothing_are_refused_by_name() {
    let zero = Duration::ZERO;
    for (options, name) in [
        (options().failures(0), "failures"),
        (options().window(zero), "window"),
        (options().pause(zero), "pause"),
        (options().probes(0), "probes"),
    ] {
        let BreakerError::Zero { option, .. } =
            Breaker::new(options, Arc::new(FakeClock::default())).expect_err("it is zero");
        assert_eq!(option, name);
    }
}

#[test]
fn of_many_threads_no_more_get_through_than_there_are_probes() {
    let (clock, breaker) = breaker(options());
    for _ in 0..50 {
        fail(&breaker, 3);
        clock.advance(5 * SECOND);
        let entered: Vec<Permit> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(|| breaker.try_enter().ok())).collect();
            threads.into_iter().filter_map(|thread| thread.join().expect("no panic")).collect()
        });
        assert_eq!(entered.len(), 2);
        entered.into_iter().for_each(Permit::succeed);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
}
