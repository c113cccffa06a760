//! What a tenant may have and do: refused in time, of that tenant alone, and counted from the log.

use super::{ACME, OTHER};
use statewright::Host;
use statewright::clock::FakeClock;
use statewright::error::{BuildError, FireError};
use statewright::host::{BatchOptions, BatchOutcome, BatchRequest, Handle, HostBuilder, QUOTA_COUNT_AGE_MAX};
use statewright::host::{Quota, QuotaExceeded, QuotaKind, TenancyError};
use statewright::limit::LimitError;
use statewright::store::{MemoryStore, Store};
use statewright_sqlite::SqliteStore;
use statewright_tests::{Door, DoorTrigger};
use std::sync::Arc;
use std::time::Duration;

struct Street {
    store: Arc<dyn Store>,
    clock: FakeClock,
}

impl Street {
    fn new(store: Arc<dyn Store>) -> Self {
        Self { store, clock: FakeClock::default() }
    }

    fn builder(&self) -> HostBuilder<Door> {
        Host::builder(Arc::clone(&self.store)).clock(self.clock.clone()).effects_elsewhere()
    }

    async fn host(&self, quota: Quota) -> Host<Door> {
        self.builder().quota(quota).build().await.expect("fine")
    }
}

fn streets(folder: &tempfile::TempDir) -> [Street; 2] {
    let file = SqliteStore::open(folder.path().join("street.db")).expect("a new file");
    [Street::new(Arc::new(MemoryStore::with_shards(3))), Street::new(Arc::new(file))]
}

fn door(host: &Host<Door>, tenant: &str, id: &str) -> Handle<Door> {
    statewright_tests::address::instance(host, tenant, id)
}

async fn knock(door: &Handle<Door>) -> Result<(), QuotaExceeded> {
    match door.fire(DoorTrigger::Knock { times: 1 }).await {
        Ok(_) => Ok(()),
        Err(FireError::QuotaExceeded(exceeded)) => Err(exceeded),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn one_more_instance_does_not_begin_until_one_has_ended() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for street in streets(&folder) {
        let host = street.host(Quota::new().instances_max(2)).await;
        for id in ["a", "b"] {
            knock(&door(&host, ACME, id)).await.expect("there is room");
        }
        let exceeded = knock(&door(&host, ACME, "c")).await.expect_err("there is no room");
        assert_eq!((&*exceeded.tenant, exceeded.quota), (ACME, QuotaKind::Instances));
        assert_eq!((exceeded.used, exceeded.max, exceeded.retry_after), (2, 2, None));
        assert_eq!(exceeded.to_string(), format!("tenant `{ACME}` has used 2 of 2 instances"));
        assert!(!FireError::from(exceeded).is_retryable());
        assert!(matches!(
            door(&host, ACME, "c").start().await.expect_err("nor does it begin otherwise"),
            FireError::QuotaExceeded(_)
        ));
        // Those that are there go on, and so do others'.
        knock(&door(&host, ACME, "a")).await.expect("it has begun");
        for (tenant, id) in [(OTHER, "a"), (OTHER, "b"), ("", "a"), ("", "b"), ("", "c")] {
            knock(&door(&host, tenant, id)).await.expect("that is another's quota");
        }
        door(&host, ACME, "a").delete().await.expect("it ends");
        knock(&door(&host, ACME, "c")).await.expect("there is room again");
        let usage = host.tenant(ACME).expect("an id").usage().await.expect("it counts");
        assert_eq!((usage.instances, usage.records), (2, 5));
    }
}

#[tokio::test]
async fn a_refusal_takes_no_room() {
    let street = Street::new(Arc::new(MemoryStore::new()));
    let host = street.host(Quota::new().instances_max(1)).await;
    for id in ["a", "b"] {
        door(&host, ACME, id).fire(DoorTrigger::Close).await.expect_err("it is shut");
    }
    knock(&door(&host, ACME, "c")).await.expect("none of those has begun");
}

/// All or nothing: what does not begin leaves the room to others.
#[tokio::test]
async fn a_batch_that_is_one_begins_whole_or_not_at_all() {
    let street = Street::new(Arc::new(MemoryStore::new()));
    let host = street.host(Quota::new().instances_max(2)).await;
    let batch = async |ids: &[&str]| {
        let knock = |id: &&str| BatchRequest::new(id, DoorTrigger::Knock { times: 1 }).tenant(ACME);
        let report = host.batch(BatchOptions::default().atomic(true)).fire_all(ids.iter().map(knock)).await;
        let over = |outcome: &BatchOutcome<Door>| {
            matches!(outcome, BatchOutcome::Failed(FireError::QuotaExceeded(_)))
        };
        let is_over = report.items.iter().any(|item| over(&item.outcome));
        (report.is_success(), is_over)
    };
    assert_eq!(batch(&["a", "b", "c"]).await, (false, true));
    let usage = async || host.tenant(ACME).expect("an id").usage().await.expect("it counts");
    assert_eq!(usage().await.instances, 0);
    assert_eq!(batch(&["a", "b"]).await, (true, false));
    assert_eq!((usage().await.instances, usage().await.records), (2, 2));
    knock(&door(&host, ACME, "c")).await.expect_err("the batch counts");
}

#[tokio::test]
async fn what_is_recorded_is_counted_over_a_restart_and_a_deletion_is_always_taken() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for street in streets(&folder) {
        for _ in 0..2 {
            let host = street.host(Quota::new().records_max(4)).await;
            for id in ["a", "b"] {
                knock(&door(&host, ACME, id)).await.expect("there is room");
            }
            host.shutdown().await;
        }
        let host = street.host(Quota::new().records_max(4)).await;
        let exceeded = knock(&door(&host, ACME, "a")).await.expect_err("there is no room");
        assert_eq!((exceeded.quota, exceeded.used, exceeded.max), (QuotaKind::Records, 4, 4));
        let request = BatchRequest::new("a", DoorTrigger::Open).tenant(ACME);
        let report = host.batch(BatchOptions::default()).fire_all([request]).await;
        let outcome = &report.items[0].outcome;
        assert!(matches!(outcome, BatchOutcome::Failed(FireError::QuotaExceeded(_))), "{outcome:?}");
        knock(&door(&host, OTHER, "a")).await.expect("that is another's quota");
        door(&host, ACME, "a").delete().await.expect("who has too much may end something");
        let usage = host.tenant(ACME).expect("an id").usage().await.expect("it counts");
        assert_eq!((usage.instances, usage.records), (1, 5));
    }
}

/// Another host's records are seen when it is counted anew, and not before.
#[tokio::test]
async fn hosts_see_what_others_have_recorded_when_they_count_anew() {
    let street = Street::new(Arc::new(MemoryStore::new()));
    let here = street.host(Quota::new().records_max(3)).await;
    let there = street.host(Quota::new()).await;
    knock(&door(&here, ACME, "a")).await.expect("there is room");
    for _ in 0..5 {
        knock(&door(&there, ACME, "b")).await.expect("nothing is bounded there");
    }
    knock(&door(&here, ACME, "a")).await.expect("it has not counted since");
    street.clock.advance(QUOTA_COUNT_AGE_MAX);
    let exceeded = knock(&door(&here, ACME, "a")).await.expect_err("there is no room");
    assert_eq!((exceeded.used, exceeded.max), (7, 3));
}

#[tokio::test]
async fn bytes_come_in_by_time_and_what_was_taken_over_is_waited_for() {
    let street = Street::new(Arc::new(MemoryStore::new()));
    let host = street.host(Quota::new().bytes_per_second(10, 50)).await;
    let (acme, command) = (door(&host, ACME, "a"), "x".repeat(100));
    let fire = async |n: u32| {
        let command = acme.command(&format!("{command}{n}"));
        command.fire(DoorTrigger::Open).await.map(|_| ())
    };
    fire(0).await.expect("the bucket is full");
    let records =
        street.store.read(&host.repository().stream(ACME, "a"), statewright::store::Revision(0), 9).await;
    let bytes = records.expect("memory").0[0].step.bytes() as u64;
    assert!(bytes > 100, "a command id counts as well");
    let FireError::QuotaExceeded(exceeded) = fire(1).await.expect_err("it is taken over") else {
        panic!("another error")
    };
    assert_eq!((exceeded.quota, exceeded.used, exceeded.max), (QuotaKind::BytesPerSecond, 50, 50));
    // The bucket holds 50: until the first byte is there, all the others have to come in.
    let wait = exceeded.retry_after.expect("time makes room");
    assert_eq!(wait, Duration::from_millis((bytes - 50 + 1) * 100));
    assert!(FireError::from(exceeded).is_retryable());
    knock(&door(&host, OTHER, "a")).await.expect("that is another's bucket");
    street.clock.advance(wait.saturating_sub(Duration::from_millis(1)));
    assert!(matches!(fire(1).await, Err(FireError::QuotaExceeded(_))));
    street.clock.advance(Duration::from_millis(1));
    acme.fire(DoorTrigger::Close).await.expect("a byte is there");
}

#[tokio::test]
async fn a_tenant_may_have_a_quota_of_its_own() {
    let street = Street::new(Arc::new(MemoryStore::new()));
    let builder = street.builder().quota(Quota::new().records_max(1));
    let host = builder.quota_of(ACME, Quota::new().records_max(2)).build().await.expect("fine");
    for (tenant, max) in [(ACME, 2), (OTHER, 1)] {
        for _ in 0..max {
            knock(&door(&host, tenant, "a")).await.expect("there is room");
        }
        assert_eq!(knock(&door(&host, tenant, "a")).await.expect_err("there is no room").max, max);
    }
    let refused = street.builder().quota_of("", Quota::new()).build().await.expect_err("nobody's");
    assert!(matches!(refused, BuildError::Quota(TenancyError::Empty)), "{refused}");
    let refused = street.builder().quota(Quota::new().bytes_per_second(0, 1)).build().await;
    let refused = refused.expect_err("nothing would come in");
    assert!(matches!(refused, BuildError::Limit(LimitError::Zero { .. })), "{refused}");
}
