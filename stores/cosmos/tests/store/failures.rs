//! Calls that fail, and answers that are lost before and after they were carried out. What was recorded stands there once,
//! and nobody is told otherwise.

use crate::account::Account;
use crate::steps::{append, appended, commands, stream};
use azure_data_cosmos_driver::fault_injection::{
    FaultInjectionConditionBuilder, FaultInjectionErrorType as Fault, FaultInjectionResultBuilder,
    FaultInjectionRule, FaultInjectionRuleBuilder, FaultOperationType as Call,
};
use futures_util::future::{Either, select};
use statewright::store::conformance::a_scan_misses_nothing_under_writers;
use statewright::store::{CellKey, Outcome, Put, Shard, Store, StoreError};
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Builder;

/// Fails calls of that kind, as often as said or always.
fn rule(call: Call, fault: Fault, times: Option<u32>, probability: f32) -> Arc<FaultInjectionRule> {
    let result = FaultInjectionResultBuilder::new().with_error(fault).with_probability(probability).build();
    let calls = FaultInjectionConditionBuilder::new().with_operation_type(call).build();
    let rule = FaultInjectionRuleBuilder::new(format!("{call:?} {fault:?}"), result).with_condition(calls);
    Arc::new(match times {
        Some(times) => rule.with_hit_limit(times).build(),
        None => rule.build(),
    })
}

async fn account() -> Account {
    let account = Account::emulated();
    account.made().await;
    account
}

/// Whatever the service says once, or does not say: the step is recorded, and once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_fails_is_made_good() {
    let faults = [
        Fault::ResponseTimeoutAfterService,
        Fault::ResponseTimeout,
        Fault::ConnectionError,
        Fault::Timeout,
        Fault::ServiceUnavailable,
        Fault::InternalServerError,
        Fault::RetryWith,
        Fault::PartitionIsGone,
    ];
    let account = account().await;
    for fault in faults {
        let rule = rule(Call::BatchItem, fault, Some(1), 1.0);
        let store = account.failing(vec![Arc::clone(&rule)]).await;
        let id = stream(&format!("{fault:?}"));
        for n in 0..3 {
            assert_eq!(appended(&append(&store, &id, n, &n.to_string()).await), n + 1, "{fault:?}");
        }
        assert_eq!(rule.hit_count(), 1, "{fault:?}");
        assert_eq!(commands(&store, &id).await, ["0", "1", "2"], "{fault:?}");
    }
}

/// Every third answer lost after the batch was carried out, every third batch not begun: no step is lost, none comes twice,
/// and none is called a conflict.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_lost_again_and_again_are_no_conflicts() {
    let account = account().await;
    let lost = rule(Call::BatchItem, Fault::ResponseTimeoutAfterService, None, 0.2);
    let denied = rule(Call::BatchItem, Fault::ServiceUnavailable, None, 0.2);
    let store = account.failing(vec![Arc::clone(&lost), denied]).await;
    a_scan_misses_nothing_under_writers(Arc::new(store)).await;
    assert!(lost.hit_count() > 0);
}

/// The batch lands, and nothing is ever heard of it: nobody knows, and whoever reads finds out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_landed_unheard_is_unknown_and_there() {
    let account = account().await;
    let lost = rule(Call::BatchItem, Fault::ResponseTimeoutAfterService, None, 1.0);
    let store = account.failing(vec![Arc::clone(&lost)]).await;
    let id = stream("a");
    let outcome = append(&store, &id, 0, "x").await;
    let unheard = matches!(&outcome, Outcome::Unknown(error) if error.is_retryable());
    assert!(unheard, "{outcome:?}");
    lost.disable();
    assert_eq!(commands(&store, &id).await, ["x"]);
    let outcome = append(&store, &id, 0, "x").await;
    assert!(matches!(outcome, Outcome::Conflict(head) if head.revision.0 == 1), "{outcome:?}");
    assert_eq!(appended(&append(&store, &id, 1, "y").await), 2);
    assert!(store.statistics().looks > 0);
}

/// No batch arrives: nobody can know that, and appending again behind the head as read is safe.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_arrived_is_unknown_and_not_there() {
    let account = account().await;
    for fault in [Fault::ServiceUnavailable, Fault::Timeout, Fault::ConnectionError] {
        let down = rule(Call::BatchItem, fault, None, 1.0);
        let store = account.failing(vec![Arc::clone(&down)]).await;
        let id = stream(&format!("{fault:?}"));
        let outcome = append(&store, &id, 0, "x").await;
        assert!(
            matches!(&outcome, Outcome::Unknown(error) if error.is_retryable()),
            "{fault:?}: {outcome:?}"
        );
        down.disable();
        assert_eq!(commands(&store, &id).await, Vec::<String>::new());
        assert_eq!(appended(&append(&store, &id, 0, "x").await), 1, "{fault:?}");
    }
}

/// Throttled calls are made again while their time lasts; then they are refused, and nothing was written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn throttling_is_waited_out_and_then_told() {
    let account = account().await;
    let id = stream("a");
    let brief = rule(Call::BatchItem, Fault::TooManyRequests, Some(2), 1.0);
    let store = account.failing(vec![Arc::clone(&brief)]).await;
    assert_eq!(appended(&append(&store, &id, 0, "x").await), 1);
    assert_eq!(brief.hit_count(), 2);
    let lasting = rule(Call::BatchItem, Fault::TooManyRequests, None, 1.0);
    let store = account.failing(vec![lasting]).await;
    let outcome = append(&store, &id, 1, "y").await;
    assert!(matches!(&outcome, Outcome::Refused(error) if error.is_retryable()), "{outcome:?}");
    assert_eq!(commands(&store, &id).await, ["x"]);
}

/// A cell whose write was answered by nobody is at the version that the write gave it, and was written once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cell_whose_answer_was_lost_is_written_once() {
    let account = account().await;
    let key = CellKey { shard: Shard(1), name: "lease".into() };
    for fault in [Fault::ResponseTimeoutAfterService, Fault::ServiceUnavailable, Fault::ConnectionError] {
        let rules = [Call::CreateItem, Call::ReplaceItem].map(|call| rule(call, fault, Some(1), 1.0));
        let store = account.failing(rules.to_vec()).await;
        let mut version = store
            .get(std::slice::from_ref(&key))
            .await
            .expect("it is read")
            .first()
            .map_or(0, |cell| cell.version);
        for value in ["a", "b", "c"] {
            let put = Put { key: key.clone(), version: Some(version), value: Some(value.into()) };
            let now = store.put(vec![put]).await.expect("it is written")[0];
            assert_eq!(now, Some(version + 1), "{fault:?}");
            version += 1;
        }
        assert_eq!(rules.iter().map(|rule| rule.hit_count()).max(), Some(1), "{fault:?}");
    }
}

/// A read that fails says that trying again may help, names the store, and no key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_fails_can_be_made_again() {
    let account = account().await;
    let down = rule(Call::QueryItem, Fault::ServiceUnavailable, None, 1.0);
    let store = account.failing(vec![Arc::clone(&down)]).await;
    let error = store.head(&stream("a")).await.expect_err("nobody answers");
    assert!(error.is_retryable() && error.to_string().contains("emulator.local/test/"), "{error}");
    assert!(!format!("{error:?}").contains("dGVzdGtleQ"), "{error:?}");
    down.disable();
    store.head(&stream("a")).await.expect("it is read");
}

/// A service that is away is not healthy, and is again when it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_what_the_service_says() {
    let account = account().await;
    let down = rule(Call::ReadItem, Fault::ServiceUnavailable, None, 1.0);
    down.disable();
    let store = account.failing(vec![Arc::clone(&down)]).await;
    assert!(store.is_healthy().await);
    down.enable();
    assert!(!store.is_healthy().await);
    down.disable();
    assert!(store.is_healthy().await);
}

/// Who waits behind an append whose runtime ends is told so, and does not wait for ever.
#[test]
fn who_waits_is_told_when_the_runtime_ends() {
    let runtime = || Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let (first, second) = (runtime(), runtime());
    let stuck = FaultInjectionResultBuilder::new().with_delay(Duration::from_hours(1)).build();
    let batches = FaultInjectionConditionBuilder::new().with_operation_type(Call::BatchItem).build();
    let stuck = Arc::new(FaultInjectionRuleBuilder::new("stuck", stuck).with_condition(batches).build());
    let store = first.block_on(async { Arc::new(account().await.failing(vec![Arc::clone(&stuck)]).await) });
    let flying = Arc::clone(&store);
    first.spawn(async move { append(&*flying, &stream("a"), 0, "x").await });
    while stuck.hit_count() == 0 {
        std::thread::yield_now();
    }
    let outcome = second.block_on(async {
        let id = stream("a");
        let waiting = Box::pin(append(&*store, &id, 0, "y"));
        // It waits in its lane before the other runtime goes.
        let Either::Right(((), waiting)) = select(waiting, ready(())).await else {
            panic!("{id} is not answered")
        };
        first.shutdown_background();
        waiting.await
    });
    assert!(matches!(outcome, Outcome::Unknown(StoreError::Unavailable { .. })), "{outcome:?}");
}
