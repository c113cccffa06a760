//! The limiter alone, on a fake clock: what it lets through, in whatever pattern it is asked.

use governor::clock::FakeRelativeClock;
use governor::{Quota, RateLimiter};
use jiff::Timestamp;
use proptest::prelude::*;
use statewright::clock::{Clock, FakeClock};
use statewright::limit::{Key, KeyedLimiter, LimitError, Limiter, RateLimit};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn limiter(clock: &FakeClock, limit: RateLimit) -> Arc<Limiter> {
    Arc::new(Limiter::new(limit, Arc::new(clock.clone())).expect("it means something"))
}

#[test]
fn what_is_sustained_is_the_rate_however_it_is_polled() {
    for rate in [10, 100, 10_000_u32] {
        for polled in [1, 15, 19, 190, 990_u64] {
            let clock = FakeClock::default();
            // The burst holds what comes in between two looks, and the fraction of a token that was left.
            let limiter = limiter(&clock, RateLimit::new(rate, Duration::from_secs(1)).burst(2 * rate));
            while limiter.try_acquire("t").is_ok() {}
            let (mut through, mut passed) = (0_u32, 0);
            while passed < 100_000 {
                clock.advance(Duration::from_millis(polled));
                passed += polled;
                while limiter.try_acquire("t").is_ok() {
                    through += 1;
                }
            }
            let expected = f64::from(rate) * f64::from(u32::try_from(passed).expect("small")) / 1_000.0;
            let off = (f64::from(through) - expected).abs() / expected;
            assert!(off <= 0.01, "{rate} per second, polled every {polled} ms: {through} for {expected}");
        }
    }
}

#[derive(Clone, Debug)]
enum Act {
    Pass(u64),
    Refund,
    Jump(i64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (0_u64..400_000).prop_map(Act::Pass),
        1 => Just(Act::Refund),
        1 => (-1_000_000_i64..1_000_000).prop_map(Act::Jump),
    ];
    proptest::collection::vec(act, 1..300)
}

proptest! {
    /// Without refunds it decides as `governor` does, costs included.
    #[test]
    fn it_decides_as_governor_does(
        pauses in proptest::collection::vec(0_u64..3_000, 1..300),
        micros in 1_u64..2_000,
        cost in 1_u32..4,
        more in 0_u32..20,
    ) {
        let (clock, theirs) = (FakeClock::default(), FakeRelativeClock::default());
        let (burst, period) = (cost + more, Duration::from_micros(micros));
        let limiter = limiter(&clock, RateLimit::new(1, period).burst(burst).cost(cost));
        let quota = Quota::with_period(period).expect("it is not zero");
        let quota = quota.allow_burst(NonZeroU32::new(burst).expect("it is not zero"));
        let governor = RateLimiter::direct_with_clock(quota, theirs.clone());
        let cost = NonZeroU32::new(cost).expect("it is not zero");
        for pause in pauses {
            clock.advance(Duration::from_micros(pause));
            theirs.advance(Duration::from_micros(pause));
            let allowed = governor.check_n(cost).expect("the burst is enough").is_ok();
            prop_assert_eq!(limiter.try_acquire("t").is_ok(), allowed);
        }
    }

    /// In no window more than `burst + rate × window` stays taken, whatever the time of day does; and what the bucket says
    /// is there can be taken.
    #[test]
    fn no_window_holds_more_than_the_limit(acts in acts(), count in 1_u32..50, burst in 1_u32..60) {
        let clock = FakeClock::default();
        let limiter = limiter(&clock, RateLimit::new(count, Duration::from_secs(1)).burst(burst));
        let mut kept: Vec<(u128, statewright::limit::Pass)> = Vec::new();
        for act in acts {
            match act {
                Act::Pass(micros) => {
                    clock.advance(Duration::from_micros(micros));
                    let there = limiter.available();
                    let pass = limiter.try_acquire("t");
                    prop_assert_eq!(pass.is_ok(), there > 0);
                    kept.extend(pass.ok().map(|pass| (clock.monotonic().as_nanos(), pass)));
                }
                Act::Refund => {
                    if let Some((_, pass)) = kept.pop() {
                        limiter.refund(pass);
                    }
                }
                Act::Jump(seconds) => clock.set(Timestamp::from_second(seconds).expect("in range")),
            }
            prop_assert!(limiter.available() <= burst);
        }
        for (first, (begin, _)) in kept.iter().enumerate() {
            for (last, (end, _)) in kept.iter().enumerate().skip(first) {
                let window = end - begin;
                let most = u128::from(burst) * 1_000_000_000 + u128::from(count) * window;
                prop_assert!(((last - first + 1) as u128) * 1_000_000_000 <= most);
            }
        }
    }

    /// What stays taken is within `burst + rate × window` in every window, whichever passes come back and when.
    #[test]
    fn late_refunds_in_any_order_break_no_window(
        acts in proptest::collection::vec((0_u8..4, 0_u64..700_000, any::<prop::sample::Index>()), 1..80),
        count in 1_u32..20, burst in 1_u32..12, cost in 1_u32..3,
    ) {
        let burst = burst.max(cost);
        let clock = FakeClock::default();
        let limit = RateLimit::new(count, Duration::from_secs(1)).burst(burst).cost(cost);
        let limiter = Limiter::new(limit, Arc::new(clock.clone())).expect("it means something");
        let mut kept: Vec<(u128, statewright::limit::Pass)> = Vec::new();
        for (what, micros, which) in acts {
            match what {
                0 => clock.advance(Duration::from_micros(micros)),
                1 if !kept.is_empty() => {
                    let (_, pass) = kept.remove(which.index(kept.len()));
                    limiter.refund(pass);
                }
                _ => kept.extend(limiter.try_acquire("t").ok().map(|pass| (clock.monotonic().as_nanos(), pass))),
            }
        }
        for (first, (begin, _)) in kept.iter().enumerate() {
            for (last, (end, _)) in kept.iter().enumerate().skip(first) {
                let taken = (last - first + 1) as u128 * u128::from(cost);
                prop_assert!(taken * 1_000_000_000 <= u128::from(burst) * 1_000_000_000 + u128::from(count) * (end - begin));
            }
        }
    }
}

#[test]
fn sixteen_threads_get_no_more_than_one_would_in_any_window() {
    let clock = FakeClock::default();
    let limiter = limiter(&clock, RateLimit::new(1_000, Duration::from_secs(1)).burst(50));
    let begun = AtomicUsize::new(0);
    let passes: Vec<(Duration, Duration)> = std::thread::scope(|scope| {
        let ask = || {
            begun.fetch_add(1, Ordering::Relaxed);
            let mut passes = Vec::new();
            for _ in 0..2_000 {
                let before = clock.monotonic();
                if limiter.try_acquire("t").is_ok() {
                    passes.push((before, clock.monotonic()));
                }
            }
            passes
        };
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(ask)).collect();
        while begun.load(Ordering::Relaxed) < 16 {
            std::thread::yield_now();
        }
        for _ in 0..100 {
            clock.advance(Duration::from_millis(1));
            std::thread::yield_now();
        }
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(passes.len() >= 50, "the burst is let through");
    for begin in passes.iter().map(|(before, _)| *before) {
        for end in passes.iter().map(|(_, after)| *after).filter(|end| begin <= *end) {
            let within = passes.iter().filter(|(before, after)| begin <= *before && *after <= end).count();
            let window = end.saturating_sub(begin);
            assert!(within as u128 <= 50 + window.as_millis(), "{within} in {window:?}");
        }
    }
}

#[tokio::test]
async fn waiters_are_served_in_their_order_at_the_exact_moment_and_leave_their_place() {
    let clock = FakeClock::default();
    let rate = RateLimit::new(1, Duration::from_micros(1_500)).wait(Duration::from_millis(6));
    let limiter = limiter(&clock, rate);
    let _first = limiter.try_acquire("t").expect("it is full");
    let wait = || {
        let limiter = Arc::clone(&limiter);
        tokio::spawn(async move { limiter.acquire("t").await.is_ok() })
    };
    let mut waiting = Vec::new();
    for count in 1..=4 {
        waiting.push(wait());
        while limiter.stats().waiting < count {
            tokio::task::yield_now().await;
        }
    }
    assert!(!wait().await.expect("no panic"), "a fifth would have to wait for longer than 6 ms");
    let cancelled = waiting.remove(1);
    cancelled.abort();
    assert!(cancelled.await.expect_err("it was cancelled").is_cancelled());
    for waiter in waiting {
        clock.advance(Duration::from_nanos(1_499_999));
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(!waiter.is_finished(), "a nanosecond too early");
        clock.advance(Duration::from_nanos(1));
        assert!(waiter.await.expect("no panic"));
    }
    let stats = limiter.stats();
    assert_eq!((stats.allowed, stats.waited, stats.rejected, stats.waiting), (4, 3, 1, 0));
}

#[tokio::test]
async fn each_key_has_waiters_of_its_own_in_their_order() {
    let clock = FakeClock::default();
    let second = Duration::from_secs(1);
    let limit = RateLimit::new(1, second).wait(2 * second);
    let limiter = Arc::new(KeyedLimiter::new(limit, Arc::new(clock.clone())).expect("it means something"));
    let wait = |tenant: &'static str| {
        let limiter = Arc::clone(&limiter);
        tokio::spawn(async move { limiter.acquire(Key::tenant(tenant), "t").await.is_ok() })
    };
    let mut waiting = Vec::new();
    for (count, tenant) in [(0, "a"), (1, "a"), (2, "a"), (2, "b"), (3, "b")] {
        waiting.push(wait(tenant));
        while limiter.stats().waiting < count || limiter.stats().allowed == 0 {
            tokio::task::yield_now().await;
        }
    }
    assert!(!wait("a").await.expect("no panic"), "a third would have to wait for longer than 2 s");
    let [first, a1, a2, b, b1] = waiting.try_into().expect("there are five");
    for passes in [first, b] {
        assert!(passes.await.expect("no panic"), "its bucket is full");
    }
    clock.advance(second);
    for waiter in [a1, b1] {
        assert!(waiter.await.expect("no panic"));
    }
    assert!(!a2.is_finished());
    clock.advance(second);
    assert!(a2.await.expect("no panic"));
}

#[test]
fn whoever_wants_to_know_is_told_of_every_refusal() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let limit = RateLimit::new(1, Duration::from_secs(1)).name("calls").triggers(["Call"]).on_exceeded({
        let told = Arc::clone(&told);
        move |refusal| told.lock().expect("no panic").push(refusal.clone())
    });
    let keyed = KeyedLimiter::new(limit, Arc::new(FakeClock::default())).expect("it means something");
    let key = Key::instance("acme", "order-17");
    assert!(keyed.try_acquire(key, "Other").expect("it is not counted").is_free());
    let _kept = keyed.try_acquire(key, "Call").expect("it is full");
    assert!(keyed.try_acquire(key, "Other").expect("it is not counted").is_free());
    let exceeded = keyed.try_acquire(key, "Call").expect_err("it is empty");
    let told = told.lock().expect("no panic");
    let [refusal] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&*refusal.tenant, &*refusal.instance, &*refusal.trigger), ("acme", "order-17", "Call"));
    assert_eq!(refusal.exceeded, exceeded);
    assert_eq!(exceeded.to_string(), "limit `calls` is exceeded: 1 needed, 0 there, try again in 1s");
}

#[test]
fn what_cannot_be_counted_is_refused() {
    let made = |limit| Limiter::new(limit, Arc::new(FakeClock::default()));
    made(RateLimit::new(100_000_000, Duration::from_secs(1))).expect("a token in ten nanoseconds");
    let error = made(RateLimit::new(101_000_000, Duration::from_secs(1))).expect_err("nothing is that fast");
    assert!(matches!(error, LimitError::TooFast { .. }), "{error}");
    let year = Duration::from_hours(365 * 24);
    made(RateLimit::new(1, year).burst(9)).expect("nine years");
    let error = made(RateLimit::new(1, year).burst(10)).expect_err("it would take ten years to fill");
    assert!(matches!(error, LimitError::TooSlow { .. }), "{error}");
    let error = made(RateLimit::new(1, Duration::MAX)).expect_err("it would never fill");
    assert!(matches!(error, LimitError::TooSlow { .. }), "{error}");
}

#[test]
fn what_it_says_of_itself_is_of_now() {
    let clock = FakeClock::default();
    let limiter = limiter(&clock, RateLimit::new(10, Duration::from_secs(1)).burst(20).cost(5));
    assert_eq!((limiter.available(), limiter.stats().last_acquired), (20, None));
    let passes: Vec<_> = (0..4).map(|_| limiter.try_acquire("t").expect("it is full")).collect();
    let exceeded = limiter.try_acquire("t").expect_err("it is empty");
    assert_eq!((exceeded.required, exceeded.retry_after), (5, Duration::from_millis(500)));
    clock.advance(Duration::from_secs(1));
    let stats = limiter.stats();
    assert_eq!((stats.available, stats.capacity, stats.allowed, stats.rejected), (10, 20, 4, 1));
    assert_eq!(stats.last_acquired, Some(Duration::from_secs(1)));
    assert!((stats.utilisation - 50.0).abs() < 1e-9 && (stats.rejection - 20.0).abs() < 1e-9);
    assert!((stats.effective_rate - 20.0).abs() < 1e-9);
    for pass in passes {
        limiter.refund(pass);
    }
    assert_eq!(limiter.available(), 20, "never above the burst");
    while limiter.try_acquire("t").is_ok() {}
    limiter.reset();
    assert_eq!(limiter.available(), 20);
}

#[test]
fn a_million_keys_stay_within_their_bound_and_idle_ones_leave() {
    let clock = FakeClock::default();
    let limit = RateLimit::new(1, Duration::from_secs(1)).burst(2).keys_max(1_000_000);
    let limiter = KeyedLimiter::new(limit, Arc::new(clock.clone())).expect("it means something");
    let mut ids = 0_u64;
    let text = (0..1_000_000).map(|n| format!("instance-{n}"));
    for id in text {
        ids += id.len() as u64;
        let _pass = limiter.try_acquire(Key::instance("", &id), "t").expect("it is full");
    }
    let stats = limiter.stats();
    assert_eq!(stats.keys, 1_000_000);
    assert!(stats.bytes <= 128 * 1_000_000 + ids, "{} bytes", stats.bytes);
    let one_more = limiter.try_acquire(Key::instance("", "one more"), "t").expect_err("there is no room");
    assert!(one_more.retry_after > Duration::ZERO);
    assert_eq!(limiter.stats().crowded, 1);
    clock.advance(Duration::from_secs(2));
    let _pass = limiter.try_acquire(Key::instance("", "one more"), "t").expect("there is room");
    let stats = limiter.stats();
    assert_eq!(stats.keys, 1);
    assert!(stats.bytes < 1_000_000, "{} bytes", stats.bytes);
}

#[test]
fn a_key_takes_no_more_when_others_have_left() {
    let clock = FakeClock::default();
    let limit = RateLimit::new(1, Duration::from_secs(1)).burst(4);
    let limiter = KeyedLimiter::new(limit, Arc::new(clock.clone())).expect("it means something");
    let mut text = 0;
    for n in 0..940_000_u64 {
        let id = format!("i{n}");
        let turns = if n % 100 < 29 { 3 } else { 1 };
        for _ in 0..turns {
            let _pass = limiter.try_acquire(Key::instance("", &id), "t").expect("it is full");
        }
        text += if turns == 3 { id.len() as u64 } else { 0 };
    }
    clock.advance(Duration::from_millis(1_500));
    let stats = limiter.stats();
    assert_eq!(stats.keys, 272_600);
    assert!(stats.bytes - text <= 128 * stats.keys, "{} each", (stats.bytes - text) / stats.keys);
}
