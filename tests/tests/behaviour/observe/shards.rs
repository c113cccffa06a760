//! Hosts, leases, work on shards, clocks that differ, and timers.

use super::meter::{Meter, Seen};
use statewright::Host;
use statewright::breaker::{Breaker, BreakerOptions};
use statewright::clock::{Clock, FakeClock};
use statewright::effect::{EffectAnswer, EffectCx, EffectError};
use statewright::host::EffectOptions;
use statewright::store::guarded::Guarded;
use statewright::store::{MemoryStore, Store};
use statewright_tests::kettle::{Kettle, KettleTrigger};
use statewright_tests::{Door, DoorEffects, DoorTrigger};
use std::sync::Arc;
use std::time::Duration;

fn store() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::with_shards(1))
}

async fn host(store: impl Store, clock: &FakeClock) -> Host<Kettle> {
    Host::builder(store).clock(clock.clone()).build().await.expect("fine")
}

/// Turns clocks by a second at a time until something is seen; what was seen until then, added up.
async fn turn_until(meter: &Meter, clocks: &[&FakeClock], sought: &str) -> Seen {
    let mut seen = Seen::new();
    for _ in 0..120 {
        for (key, values) in meter.read() {
            seen.entry(key).or_default().extend(values);
        }
        if seen.contains_key(sought) {
            return seen;
        }
        for clock in clocks {
            clock.advance(Duration::from_secs(1));
        }
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }
    panic!("{sought} does not come: {seen:?}")
}

#[tokio::test]
async fn a_host_tells_what_it_has_and_gives_back() {
    let (meter, clock) = (Meter::new(), FakeClock::default());
    let host = host(store(), &clock).await;
    let seen = meter.read();
    assert_eq!(seen["statewright_hosts"], [1.0]);
    assert_eq!(seen["statewright_leases duty=timers"], [1.0]);
    assert_eq!(seen["statewright_takeovers_total duty=timers shard=0"], [1.0]);
    assert_eq!(seen["statewright_renew_seconds outcome=renewed"], [0.0]);
    host.shutdown().await;
    let seen = meter.read();
    assert_eq!(seen["statewright_work_ended_total cause=given_back duty=timers shard=0"], [1.0]);
    assert_eq!(seen["statewright_leases duty=timers"].last(), Some(&0.0));
}

#[tokio::test]
async fn a_host_that_was_paused_finds_its_lease_lost() {
    let (meter, store) = (Meter::new(), store());
    let (paused, awake) = (FakeClock::default(), FakeClock::default());
    let _a = host(Arc::clone(&store), &paused).await;
    assert_eq!(meter.read()["statewright_takeovers_total duty=timers shard=0"], [1.0]);
    let _b = host(store, &awake).await;
    turn_until(&meter, &[&awake], "statewright_takeovers_total duty=timers shard=0").await;
    turn_until(&meter, &[&paused], "statewright_work_ended_total cause=lost duty=timers shard=0").await;
}

#[tokio::test]
async fn a_lease_that_cannot_be_renewed_is_over() {
    let (meter, clock) = (Meter::new(), FakeClock::default());
    let options = BreakerOptions::new("kettles").failures(1).pause(Duration::from_mins(1));
    let breaker = Breaker::new(options, Arc::new(clock.clone())).expect("fine options");
    let _host = host(Guarded::new(store(), breaker.clone()), &clock).await;
    breaker.try_enter().expect("it is closed").fail();
    let over = "statewright_work_ended_total cause=over duty=timers shard=0";
    let seen = turn_until(&meter, &[&clock], over).await;
    assert!(seen["statewright_renew_seconds outcome=failed"].len() >= 3, "{seen:?}");
    assert_eq!(seen["statewright_breaker_changes_total breaker=kettles to=open"], [1.0]);
}

/// By how much cannot be said exactly: the other wrote its time somewhere between two looks, which are 3 s apart.
#[tokio::test]
async fn clocks_that_differ_are_told() {
    let (meter, store) = (Meter::new(), store());
    let (here, there) = (FakeClock::default(), FakeClock::default());
    there.set(here.now() + jiff::SignedDuration::from_secs(5));
    let _a = host(Arc::clone(&store), &here).await;
    let _b = host(store, &there).await;
    let (mut skew, mut hosts) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        let mut seen = turn_until(&meter, &[&here, &there], "statewright_clock_skew_seconds").await;
        skew.extend(seen.remove("statewright_clock_skew_seconds").unwrap_or_default());
        hosts.extend(seen.remove("statewright_hosts").unwrap_or_default());
    }
    let largest = skew.into_iter().fold(0.0, f64::max);
    assert!((2.0..=5.0).contains(&largest), "{largest}");
    assert_eq!(hosts.last(), Some(&2.0));
}

#[tokio::test]
async fn timers_tell_how_late_they_are_and_what_became_of_them() {
    let (meter, clock) = (Meter::new(), FakeClock::default());
    let host = host(store(), &clock).await;
    host.instance("a").fire(KettleTrigger::Fill).await.expect("it is idle");
    host.instance("b").fire(KettleTrigger::Shake).await.expect("it is idle");
    clock.advance(Duration::from_secs(12));
    let refused = "statewright_timer_late_seconds outcome=refused timer=Shaken#0";
    // Both are woken at once.
    let seen = turn_until(&meter, &[], "statewright_wakes_total outcome=ran").await;
    assert_eq!(seen[refused], [2.0]);
    assert_eq!(seen["statewright_timer_late_seconds outcome=ran timer=On#0"], [2.0]);
    assert_eq!(seen["statewright_wakes_total outcome=ran"], [1.0, 1.0]);
    host.shutdown().await;
}

/// A bell that rings, says so, fails, gives up or breaks.
struct Bell;

impl DoorEffects for Bell {
    async fn ring(&self, _: &EffectCx, times: u64) -> EffectAnswer<Door> {
        match times {
            1 => Ok(None),
            2 => Ok(Some(DoorTrigger::Rung)),
            3 => Err(EffectError::retry("it is jammed")),
            4 => Err(EffectError::fatal("it is gone")),
            5 => panic!("the bell has cracked"),
            _ => std::future::pending().await,
        }
    }
}

#[tokio::test]
async fn effects_tell_what_became_of_them() {
    let (meter, clock) = (Meter::new(), FakeClock::default());
    let options = EffectOptions::new().attempts(1).timeout(Duration::from_secs(4));
    let builder = Host::<Door>::builder(store()).clock(clock.clone()).effect("Ring", options);
    let host = builder.effects(Bell).build().await.expect("fine");
    for times in 1..=6 {
        let door = host.instance(&times.to_string());
        door.fire(DoorTrigger::Knock { times }).await.expect("always");
    }
    let seen =
        turn_until(&meter, &[&clock], "statewright_effect_seconds effect=Ring outcome=timed_out").await;
    for outcome in ["done", "answered", "failed", "fatal", "panicked"] {
        assert_eq!(
            seen[&format!("statewright_effect_seconds effect=Ring outcome={outcome}")],
            [0.0],
            "{outcome}"
        );
    }
    assert_eq!(seen["statewright_effect_seconds effect=Ring outcome=timed_out"], [4.0]);
    assert_eq!(seen["statewright_leases duty=effects"].last(), Some(&1.0));
    let buried = seen["statewright_dead_letters_total effect=Ring"].len();
    assert!((3..=4).contains(&buried), "the last one is buried at any moment");
    let late = turn_until(&meter, &[&clock], "statewright_late_seconds duty=effects").await;
    assert_eq!(late["statewright_late_seconds duty=effects"], [0.0]);
}
