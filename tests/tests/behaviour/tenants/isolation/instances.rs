//! Triggers and looks, one by one and as batches.

use super::{ACME, OTHER, World};
use futures_core::Stream;
use statewright::error::{FireError, LoadError};
use statewright::host::{
    BatchOptions, BatchOutcome, BatchReport, BatchRequest, Eviction, InstanceFilter, Tenancy,
};
use statewright::store::Revision;
use statewright::{Host, TenantHost};
use statewright_tests::{Door, DoorState, DoorTrigger};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

pub(super) async fn commands(world: &World) {
    let (acme, other) = (world.door(ACME), world.door(OTHER));
    let at = jiff::Timestamp::from_second(5).expect("a time");
    let command = acme.command("d").expect(Revision(1)).at(at).correlation("x").causation("y");
    let command = command.actor("ann").metadata("k", "v").record_rejection();
    command.fire(DoorTrigger::Open).await.expect("it is shut");
    assert_eq!(other.state().await.expect("it loads"), DoorState::Closed);
    assert_eq!(other.revision().await.expect("it loads"), Revision(1));
    // The command id of one tenant is new in the other, and each knows its own.
    let fired = other.command("d").fire(DoorTrigger::Open).await.expect("it is shut");
    assert!(!fired.duplicate);
    for (tenant, times) in super::KNOCKS {
        let again = world.door(tenant).command("c").fire(DoorTrigger::Knock { times }).await;
        assert!(again.expect("it is known").duplicate);
        assert_eq!(world.knocks(tenant).await, times);
    }
    let (records, _) = world.store.read(&stream(OTHER), Revision(0), 9).await.expect("it reads");
    assert!(records.iter().all(|record| record.step.body.envelope.actor.is_none() && record.step.at < at));
    acme.fire(DoorTrigger::Close).await.expect("it is open");
    assert_eq!(other.view(|door, _| door.state()).await.expect("it loads"), DoorState::Ajar);
    let new = |tenant: &str| world.doors.tenant(tenant).expect("an id").instance("new");
    new(ACME).start().await.expect("it has not begun");
    assert_eq!(new(OTHER).revision().await.expect("it loads"), Revision(0));
    acme.delete().await.expect("it ends");
    let gone = acme.state().await.expect_err("it was deleted");
    assert!(matches!(gone, FireError::Load(error) if matches!(*error, LoadError::Deleted { .. })));
    assert_eq!(world.knocks(OTHER).await, 100);
    assert_eq!(world.doors.instance("a").state().await.expect("it loads"), DoorState::Closed);
    assert_eq!((acme.owner().await.expect("it reads"), acme.available()), (None, vec![]));
    builders(world).await;
}

/// Hosts over one store tell tenants apart like one host does.
async fn builders(world: &World) {
    let required = TenantHost::<Door>::builder(Arc::clone(&world.store)).effects_elsewhere();
    let required = required.build().await.expect("fine");
    let optional = Host::<Door>::builder(Arc::clone(&world.store)).effects_elsewhere();
    let optional = optional.build().await.expect("fine");
    assert_ne!(required.id(), optional.id());
    assert_eq!(required.operator().tenancy(), Tenancy::Required);
    assert_eq!(optional.operator().tenancy(), Tenancy::Optional);
    for (tenant, times) in [(OTHER, 100)] {
        for tenant in [required.tenant(tenant), optional.tenant(tenant)] {
            let door = tenant.expect("an id").instance("a");
            assert_eq!(door.view(|door, _| door.data().knocks).await.expect("it loads"), times);
        }
    }
}

fn stream(tenant: &str) -> statewright::store::StreamId {
    statewright::store::StreamId::new(tenant, "Door", "a")
}

/// A stream that is a list.
struct Each(Vec<BatchRequest<Door>>);

impl Stream for Each {
    type Item = BatchRequest<Door>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.pop())
    }
}

fn succeeded(report: &BatchReport<Door>) -> Vec<bool> {
    report.items.iter().map(|item| matches!(item.outcome, BatchOutcome::Succeeded(_))).collect()
}

pub(super) async fn batches(world: &World) {
    let open = |tenant: &str, command: &str| {
        let request = BatchRequest::new("a", DoorTrigger::Knock { times: 1 }).tenant(tenant);
        request.command(command).correlation("x").priority(1)
    };
    let options = BatchOptions::default;
    // One id in all of them is three commands.
    let report = world.doors.batch(options()).fire_all([open(ACME, "b"), open(OTHER, "b"), open("", "b")]);
    assert_eq!(succeeded(&report.await), [true; 3]);
    let acme = world.doors.tenant(ACME).expect("an id");
    let own = acme.instance("a").command("e").for_batch(DoorTrigger::Knock { times: 1 });
    let report = acme.batch(options()).fire_all([own, open("", "f"), open(OTHER, "f")]).await;
    assert_eq!(succeeded(&report), [true, true, false]);
    let each = acme.batch(options());
    let _ = each.canceller();
    let mut each = each.fire_each([open(OTHER, "h")]);
    let item = each.next().await.expect("one request, one result");
    assert!(matches!(item.outcome, BatchOutcome::Failed(FireError::Tenancy(_))));
    assert_eq!(each.counts().failed, 1);
    let mut all = acme.batch(options()).fire_stream(Each(vec![open(OTHER, "h"), open(ACME, "h")]));
    while let Some(item) = all.next().await {
        let is_own = &*item.stream.tenant == ACME;
        assert_eq!(matches!(item.outcome, BatchOutcome::Succeeded(_)), is_own);
    }
    // The other host comes last: it would else be in conflict with this one.
    let report = world.tenants.batch(options()).fire_all([open(ACME, "g"), open("", "g")]).await;
    assert_eq!(succeeded(&report), [true, false]);
    assert_eq!((world.knocks(ACME).await, world.knocks(OTHER).await), (6, 101));
    assert_eq!(world.knocks("").await, 10_001);
}

/// An operator names the tenant, and finds nobody else's.
pub(super) async fn looked_at(world: &World) {
    assert!(world.doors.health().live && world.tenants.health().live);
    let operator = world.doors.operator();
    for tenant in [ACME, OTHER] {
        let filter = InstanceFilter::all().tenant(tenant).prefix("a").state(DoorState::Closed).cached();
        let page = operator.instances(&filter, None, 9).await.expect("it reads");
        let found: Vec<_> = page.found.iter().map(|found| &*found.stream.tenant).collect();
        assert_eq!(found, [tenant]);
    }
    assert_eq!(operator.snapshot_now(ACME, "a").await.expect("it is written"), Revision(1));
    let snapshots = async || {
        let mut found = Vec::new();
        for shard in (0..world.store.limits().shards).map(statewright::store::Shard) {
            found.extend(world.store.list(shard, "snapshot/", None, 9).await.expect("it reads"));
        }
        found
    };
    assert!(snapshots().await.iter().all(|cell| cell.key.name.contains(ACME)));
    world.door(OTHER).snapshot_now().await.expect("it is written");
    assert!(snapshots().await.iter().any(|cell| cell.key.name.contains(OTHER)));
    while operator.evict(ACME, "a") == Eviction::Busy {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.doors.cached(), 2);
    while world.door(OTHER).evict() == Eviction::Busy {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.doors.cached(), 1);
    for (tenant, times) in super::KNOCKS {
        assert_eq!(world.knocks(tenant).await, times);
    }
}

/// Figures of the host and what its operator asks name no data of a tenant.
pub(super) async fn what_spans_tenants(world: &World) {
    let (doors, tenants) = (&world.doors, &world.tenants);
    assert_eq!(doors.cached(), 3, "equal ids are three instances");
    assert_eq!((doors.limits(), doors.quarantined().len()), (vec![], 0));
    assert_eq!(doors.shadow_report(), None);
    let operator = tenants.operator();
    assert_eq!((operator.cached(), operator.limits(), operator.quarantined().len()), (0, vec![], 0));
    assert_eq!(operator.shadow_report(), None);
    for (tenant, times) in super::KNOCKS {
        for repository in [doors.repository(), operator.repository()] {
            let loaded = repository.load(&repository.stream(tenant, "a")).await.expect("it loads");
            assert_eq!(loaded.instance.data().knocks, times);
        }
    }
    tenants.shutdown().await;
    doors.shutdown().await;
}
