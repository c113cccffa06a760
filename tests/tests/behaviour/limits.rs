//! A host holds the limits of its machine's block and those that were added: for each instance, tenant or machine, and for
//! what is recorded alone.

use statewright::Host;
use statewright::clock::FakeClock;
use statewright::definition::LimitScope;
use statewright::error::{BuildError, FireError};
use statewright::host::HostBuilder;
use statewright::limit::{LimitError, RateLimit};
use statewright::store::MemoryStore;
use statewright::store::faulty::{Fault, Faulty};
use statewright_tests::address::instance;
use statewright_tests::gate::{Gate, GateTrigger};
use std::sync::Arc;
use std::time::Duration;

fn builder(clock: &FakeClock) -> HostBuilder<Gate> {
    Host::builder(MemoryStore::new()).clock(clock.clone())
}

async fn host(clock: &FakeClock) -> Host<Gate> {
    builder(clock).build().await.expect("fine")
}

/// Fires until it is refused: how often it was let through, and when to come again.
async fn until_refused(host: &Host<Gate>, who: (&str, &str), trigger: GateTrigger) -> (u32, Duration) {
    let gate = instance(host, who.0, who.1);
    for through in 0..100 {
        match gate.fire(trigger.clone()).await {
            Ok(_) => {}
            Err(error) => {
                assert!(error.is_retryable(), "{error}");
                let FireError::RateLimited(exceeded) = error else { panic!("{error}") };
                assert_eq!((exceeded.available, exceeded.required), (0, 1));
                return (through, exceeded.retry_after);
            }
        }
    }
    panic!("nothing limits it")
}

#[tokio::test]
async fn each_scope_has_its_buckets_and_other_triggers_are_free() {
    let clock = FakeClock::default();
    let host = host(&clock).await;
    let third = Duration::from_nanos(333_333_334);
    assert_eq!(until_refused(&host, ("acme", "a"), GateTrigger::Pass).await, (3, third));
    assert_eq!(until_refused(&host, ("acme", "b"), GateTrigger::Pass).await, (3, third), "its own");
    assert_eq!(until_refused(&host, ("other", "a"), GateTrigger::Pass).await, (3, third), "its own");
    let eighth = Duration::from_millis(125);
    assert_eq!(until_refused(&host, ("other", "b"), GateTrigger::Pass).await, (1, eighth), "the machine's");
    let quarter = Duration::from_millis(250);
    assert_eq!(until_refused(&host, ("acme", "a"), GateTrigger::Ring).await, (4, quarter));
    assert_eq!(until_refused(&host, ("acme", "b"), GateTrigger::Ring).await, (0, quarter), "the tenant's");
    assert_eq!(until_refused(&host, ("other", "a"), GateTrigger::Ring).await, (4, quarter));
    clock.advance(eighth);
    assert_eq!(until_refused(&host, ("other", "b"), GateTrigger::Pass).await, (1, eighth));
}

#[tokio::test]
async fn what_is_not_recorded_costs_nothing() {
    let clock = FakeClock::default();
    let host = host(&clock).await;
    let gate = host.instance("a");
    let tokens = || gate.available().iter().map(|left| left.tokens).collect::<Vec<_>>();
    assert_eq!(tokens(), [3, 4, 10]);
    gate.command("once").fire(GateTrigger::Pass).await.expect("it is open");
    assert_eq!(tokens(), [2, 4, 9]);
    for _ in 0..10 {
        assert!(gate.command("once").fire(GateTrigger::Pass).await.expect("it is known").duplicate);
        assert!(gate.fire(GateTrigger::Rest).await.expect("it is open").ignored);
        gate.fire(GateTrigger::Shut).await.expect_err("the lock is broken");
        let early = gate.command("early").expect(statewright::store::Revision(7));
        early.fire(GateTrigger::Pass).await.expect_err("it is at another revision");
        gate.state().await.expect("it loads");
    }
    assert_eq!(tokens(), [2, 4, 9]);
    gate.command("kept").record_rejection().fire(GateTrigger::Shut).await.expect_err("the lock is broken");
    assert_eq!(tokens(), [1, 4, 9], "a refusal that is recorded is a record");
    let [instance, ..] = &host.limits()[..] else { panic!("there are three") };
    assert_eq!((instance.scope, &*instance.name), (LimitScope::Instance, "3 per 1s"));
    assert_eq!((instance.stats.allowed, instance.stats.refunded), (42, 40));
}

#[tokio::test]
async fn what_the_store_does_not_take_costs_nothing_and_what_it_may_have_taken_does() {
    let clock = FakeClock::default();
    let store = Arc::new(Faulty::new(MemoryStore::new()));
    let builder = Host::<Gate>::builder(Arc::clone(&store)).clock(clock.clone());
    let host = builder.queue_max(1).conflict_retries(0).build().await.expect("fine");
    let fire = |trigger| {
        let gate = host.instance("a");
        tokio::spawn(async move { gate.fire(trigger).await.map(|_| ()) })
    };
    // Those of the instance's limit, which counts `Pass`, and those of the tenant's, which counts `Ring`.
    let counts = || [0, 1].map(|n| (host.limits()[n].stats.allowed, host.limits()[n].stats.refunded));
    store.fail_next(Fault::Refused);
    let error = fire(GateTrigger::Pass).await.expect("no panic").expect_err("the disk is full");
    assert!(matches!(error, FireError::Store { .. }), "{error}");
    assert_eq!(counts(), [(1, 1), (0, 0)]);
    store.fail_next(Fault::LostRequest);
    let unknown = fire(GateTrigger::Pass);
    while !unknown.is_finished() {
        clock.advance(Duration::from_millis(10));
        tokio::task::yield_now().await;
    }
    let error = unknown.await.expect("no panic").expect_err("nobody can tell");
    assert!(matches!(error, FireError::Unknown { .. }), "{error}");
    assert_eq!(counts(), [(2, 1), (0, 0)], "it may be recorded yet");
    store.close();
    let at_work = fire(GateTrigger::Pass);
    while store.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let waits = fire(GateTrigger::Pass);
    while counts()[0].0 < 4 {
        tokio::task::yield_now().await;
    }
    let error = fire(GateTrigger::Ring).await.expect("no panic").expect_err("the queue holds one");
    assert!(matches!(error, FireError::Busy { .. }), "{error}");
    assert_eq!(counts(), [(4, 1), (1, 1)]);
    store.open(2);
    for fired in [at_work, waits] {
        fired.await.expect("no panic").expect("it is recorded");
    }
}

#[tokio::test]
async fn a_limit_that_waits_lets_through_in_turn() {
    let clock = FakeClock::default();
    let limit =
        RateLimit::new(1, Duration::from_millis(10)).wait(Duration::from_millis(25)).triggers(["Ring"]);
    let host = builder(&clock).limit(LimitScope::Machine, limit).build().await.expect("fine");
    let ring = |n: u64| {
        let gate = instance(&host, &n.to_string(), "a");
        tokio::spawn(async move { gate.fire(GateTrigger::Ring).await.map(|fired| fired.revision) })
    };
    ring(0).await.expect("no panic").expect("a token is there");
    let waiting = [ring(1), ring(2), ring(3)];
    let refused = ring(4);
    let refused = refused.await.expect("no panic").expect_err("30 ms are longer than it waits");
    assert!(matches!(refused, FireError::RateLimited(_)), "{refused}");
    for (n, waiter) in waiting.into_iter().enumerate() {
        if n == 2 {
            let refused = waiter.await.expect("no panic").expect_err("30 ms are longer than it waits");
            assert!(matches!(refused, FireError::RateLimited(_)), "{refused}");
        } else {
            assert!(!waiter.is_finished());
            clock.advance(Duration::from_millis(10));
            waiter.await.expect("no panic").expect("its token has come");
        }
    }
}

#[tokio::test]
async fn a_shared_limit_is_divided_by_the_hosts_that_live() {
    let clock = FakeClock::default();
    let store = Arc::new(MemoryStore::new());
    let limit = || RateLimit::new(60, Duration::from_secs(1)).burst(60).shared();
    let build = async || {
        let builder = Host::<Gate>::builder(Arc::clone(&store)).clock(clock.clone());
        builder.limit(LimitScope::Machine, limit()).build().await.expect("fine")
    };
    let hosts = |host: &Host<Gate>| host.limits()[3].stats.hosts;
    let first = build().await;
    assert_eq!(hosts(&first), 1);
    let second = build().await;
    assert_eq!(hosts(&second), 2);
    while hosts(&first) == 1 {
        clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    second.shutdown().await;
    while hosts(&first) == 2 {
        clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_limit_that_means_nothing_is_refused_when_the_host_is_built() {
    let clock = FakeClock::default();
    let second = Duration::from_secs(1);
    let cases = [
        (RateLimit::new(0, second), "`count` of limit `0 per 1s` must be more than nothing"),
        (RateLimit::new(1, Duration::ZERO), "`period` of limit `1 per 0ns` must be more than nothing"),
        (
            RateLimit::new(5, second).cost(6),
            "a trigger costs 6 and the bucket of limit `5 per 1s` holds 5: raise the burst to 6",
        ),
        (
            RateLimit::new(5, second).triggers(["Pss"]),
            "limit `5 per 1s` counts trigger `Pss`, which machine `Gate` does not have",
        ),
    ];
    for (limit, text) in cases {
        let built = builder(&clock).limit(LimitScope::Tenant, limit).build().await;
        let BuildError::Limit(error) = built.expect_err("it means nothing") else { panic!("{text}") };
        assert_eq!(error.to_string(), text);
        assert!(matches!(
            error,
            LimitError::Zero { .. } | LimitError::CostAboveBurst { .. } | LimitError::UnknownTrigger { .. }
        ));
    }
}

/// A host with a limit whose one token is taken, and a caller who waits for the next; the tenant's limit has let both through.
async fn one_waits() -> (Host<Gate>, tokio::task::JoinHandle<Result<(), FireError>>) {
    let waits = RateLimit::new(1, Duration::from_secs(1)).wait(Duration::from_secs(9)).triggers(["Ring"]);
    let builder = builder(&FakeClock::default()).limit(LimitScope::Machine, waits);
    let host = builder.build().await.expect("fine");
    let gate = host.instance("a");
    gate.fire(GateTrigger::Ring).await.expect("a token is there");
    let waiting = tokio::spawn(async move { gate.fire(GateTrigger::Ring).await.map(|_| ()) });
    while host.limits()[3].stats.waiting == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(host.instance("a").available()[1].tokens, 2);
    (host, waiting)
}

#[tokio::test]
async fn a_caller_that_goes_away_while_it_waits_for_a_limit_has_taken_nothing() {
    let (host, waiting) = one_waits().await;
    waiting.abort();
    assert!(waiting.await.expect_err("it was cancelled").is_cancelled());
    assert_eq!(host.instance("a").available()[1].tokens, 3, "nothing was asked of the instance");
}

#[tokio::test]
async fn a_host_that_shuts_down_lets_nobody_wait_for_a_limit() {
    let (host, waiting) = one_waits().await;
    host.shutdown().await;
    let answer = waiting.await.expect("no panic");
    assert!(matches!(answer, Err(FireError::Closed)), "{answer:?}");
}
