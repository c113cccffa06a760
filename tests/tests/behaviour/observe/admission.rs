//! Limits and breakers.

use super::meter::Meter;
use statewright::Host;
use statewright::breaker::{Breaker, BreakerOptions};
use statewright::clock::FakeClock;
use statewright::definition::LimitScope;
use statewright::limit::RateLimit;
use statewright::store::MemoryStore;
use statewright_tests::gate::{Gate, GateTrigger};
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn limits_tell_who_passed_who_waited_who_was_refused_and_what_was_given_back() {
    let (meter, clock) = (Meter::new(), FakeClock::default());
    let slow = RateLimit::new(1, Duration::from_secs(2)).name("slow").triggers(["Ring"]);
    let builder = Host::<Gate>::builder(MemoryStore::new()).clock(clock.clone());
    let host = builder.limit(LimitScope::Instance, slow.wait(Duration::from_secs(2))).build().await;
    let gate = host.expect("fine").instance("a");
    gate.fire(GateTrigger::Ring).await.expect("it is full");
    let waiting = tokio::spawn({
        let gate = gate.clone();
        async move { gate.fire(GateTrigger::Ring).await }
    });
    tokio::task::yield_now().await;
    clock.advance(Duration::from_secs(2));
    waiting.await.expect("no panic").expect("it has waited");
    for _ in 0..3 {
        gate.fire(GateTrigger::Pass).await.expect("it is full");
    }
    gate.fire(GateTrigger::Pass).await.expect_err("it is empty");
    clock.advance(Duration::from_secs(1));
    gate.fire(GateTrigger::Shut).await.expect_err("the lock is broken");
    let seen = meter.read();
    assert_eq!(seen["statewright_limit_wait_seconds limit=slow outcome=passed"], [0.0, 2.0]);
    assert_eq!(seen["statewright_limit_wait_seconds limit=3 per 1s outcome=passed"], [0.0; 4]);
    assert_eq!(seen["statewright_limit_wait_seconds limit=3 per 1s outcome=refused"], [0.0]);
    assert_eq!(seen["statewright_limit_refunds_total limit=3 per 1s"], [1.0]);
    assert_eq!(seen["statewright_step_seconds outcome=limited trigger=Pass"], [0.0]);
    assert!(!seen.contains_key("statewright_limit_wait_seconds limit=slow outcome=refused"), "{seen:?}");
}

#[test]
fn breakers_tell_what_they_come_to() {
    let (meter, clock) = (Meter::new(), FakeClock::default());
    let options = BreakerOptions::new("orders").failures(1).pause(Duration::from_secs(5));
    let breaker = Breaker::new(options, Arc::new(clock.clone())).expect("fine options");
    breaker.try_enter().expect("it is closed").fail();
    clock.advance(Duration::from_secs(5));
    breaker.try_enter().expect("a probe").succeed();
    let seen = meter.read();
    for to in ["open", "half_open", "closed"] {
        assert_eq!(seen[&format!("statewright_breaker_changes_total breaker=orders to={to}")], [1.0], "{to}");
    }
}
