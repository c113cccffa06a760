//! Every public method that leads to what tenants have, tried with equal ids in two of them.
//!
//! The methods are read from the sources of the runtime: one that stands in no list here fails the test, and so does one that
//! its scenario does not call.

mod instances;
mod past;
mod stores;
mod streams;
mod surface;
mod work;

use super::{ACME, OTHER};
use futures_core::future::BoxFuture;
use statewright::clock::FakeClock;
use statewright::host::Handle;
use statewright::store::{MemoryStore, Store};
use statewright::{Host, TenantHost};
use statewright_sqlite::SqliteStore;
use statewright_tests::address::instance;
use statewright_tests::{Door, DoorTrigger};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Doors of two tenants and of nobody, all with the id `a` and a first step with the command id `c`.
struct World {
    store: Arc<dyn Store>,
    clock: FakeClock,
    doors: Host<Door>,
    tenants: TenantHost<Door>,
}

/// How often was knocked at the door of each.
const KNOCKS: [(&str, u64); 3] = [(ACME, 1), (OTHER, 100), ("", 10_000)];

impl World {
    async fn new(store: Arc<dyn Store>) -> Self {
        let clock = FakeClock::default();
        let doors = Host::<Door>::builder(Arc::clone(&store)).clock(clock.clone()).effects_elsewhere();
        let doors = doors.history_every(1).build().await.expect("fine");
        let tenants = TenantHost::<Door>::builder(Arc::clone(&store)).clock(clock.clone());
        let tenants = tenants.effects_elsewhere().build().await.expect("fine");
        let world = Self { store, clock, doors, tenants };
        for (tenant, times) in KNOCKS {
            let command = world.door(tenant).command("c");
            command.fire(DoorTrigger::Knock { times }).await.expect("always");
        }
        world
    }

    fn door(&self, tenant: &str) -> Handle<Door> {
        instance(&self.doors, tenant, "a")
    }

    async fn knocks(&self, tenant: &str) -> u64 {
        self.door(tenant).view(|door, _| door.data().knocks).await.expect("it loads")
    }
}

/// What a scenario tries: `Type: method method`.
struct Scenario {
    file: &'static str,
    name: &'static str,
    tries: &'static [&'static str],
    run: fn(&World) -> BoxFuture<'_, ()>,
}

macro_rules! scenario {
    ($file:ident :: $name:ident, [$($tries:literal),* $(,)?]) => {
        Scenario {
            file: stringify!($file),
            name: stringify!($name),
            tries: &[$($tries),*],
            run: |world| Box::pin($file::$name(world)),
        }
    };
}

fn scenarios() -> Vec<Scenario> {
    vec![
        scenario!(
            instances::commands,
            [
                "Host: builder tenant instance operator id",
                "TenantHost: builder tenant operator id",
                "Tenant: instance",
                "Handle: command fire start state revision view delete owner available",
                "Command: expect at correlation causation actor metadata record_rejection fire",
                "Operator: tenancy",
            ]
        ),
        scenario!(
            instances::batches,
            [
                "Host: batch",
                "TenantHost: batch",
                "Tenant: batch",
                "Command: for_batch",
                "Batch: fire_all fire_each fire_stream canceller",
                "BatchRequest: new tenant command correlation priority",
                "BatchStream: next counts",
            ]
        ),
        scenario!(
            instances::what_spans_tenants,
            [
                "Host: limits quarantined cached shadow_report repository shutdown",
                "TenantHost: shutdown",
                "Operator: limits quarantined cached shadow_report repository",
            ]
        ),
        scenario!(
            instances::looked_at,
            [
                "Host: health",
                "TenantHost: health",
                "Operator: instances evict snapshot_now",
                "Handle: evict snapshot_now",
                "InstanceFilter: all tenant prefix state cached",
            ]
        ),
        scenario!(
            past::of_an_instance,
            [
                "Handle: history",
                "History: state_at state_at_revision data_at transitions time_in_state distribution replay checkpoint discard_snapshots",
                "Replay: try_next",
            ]
        ),
        scenario!(
            past::of_a_tenant,
            [
                "Host: history",
                "Tenant: history",
                "Operator: history",
                "MachineHistory: transitions group_by distribution dwell",
                "Transitions: try_next",
            ]
        ),
        scenario!(
            streams::subscriptions,
            [
                "Host: subscribe",
                "Tenant: subscribe",
                "Handle: subscribe",
                "Operator: subscribe",
                "Subscribe: to machine tenant clock events start open named",
                "Subscription: next position is_buffered",
            ]
        ),
        scenario!(streams::consumers, ["Named: lease open reset", "Consumer: next ack shards close",]),
        scenario!(
            work::effects,
            [
                "Host: dead_letters",
                "Operator: dead_letters",
                "DeadLetters: list retry discard",
                "EffectCx: key answer_id tenant instance revision index attempt epoch",
            ]
        ),
        scenario!(
            work::personal_keys,
            [
                "Host: forget rewrap_personal_keys",
                "Tenant: forget",
                "Operator: rewrap_personal_keys",
                "Store: scrub",
            ]
        ),
        scenario!(work::timers, []),
        scenario!(
            stores::records,
            ["Store: append head read scan follow end changed streams erase shard limits queries",]
        ),
        scenario!(stores::cells, ["Store: get put list"]),
        scenario!(stores::repositories, ["Repository: new with load catch_up save stream store history"]),
        scenario!(stores::all_of_one, ["Tenant: export erase usage", "Export: try_next"]),
    ]
}

/// Values and settings: they hold what was asked for by one of the above, or say how, and lead nowhere.
const VALUES: &[&str] = &[
    "BatchCounts: done",
    "BatchOptions: ahead_max atomic on_failure parallelism progress retry step_timeout timeout",
    "BatchReport: is_success",
    "Canceller: cancel",
    "Distribution: absent deleted erased instances nodes span spent_in states time_in",
    "Dwell: nodes of",
    "EffectCx: new again during",
    "EffectError: fatal is_retryable retry",
    "EffectOptions: attempts breaker new running_max timeout",
    "ExportedRecord: into_record",
    "Filter: changes from_state kinds new to_state trigger",
    "HistoryError: is_retryable",
    "HostBuilder: build cache_max clock command_window conflict_retries effect effect_attempts effect_timeout effects effects_elsewhere effects_max grace group_max history_every ids in_flight_max late_after lease limit loads_max metrics_by_tenant missed personal_key queue_max quota quota_of shadow shadow_queue_max snapshot_every tenancy unreadable",
    "Loaded: revision seen timers_dropped",
    "Message: into_record is_caught_up",
    "Position: cursor",
    "Quota: bytes_per_second instances_max new records_max",
    "Repository: personal_key",
    "Retry: attempts first_pause longest_pause",
    "ShadowReport: unknown",
    "Standing: state",
    "SubscriptionError: is_retryable",
    "Visits: ended open percentile total",
];

fn listed<'a>(lines: impl IntoIterator<Item = &'a &'a str>) -> BTreeSet<String> {
    let methods = |line: &&str| {
        let (of, methods) = line.split_once(": ").expect("`Type: method method`");
        methods.split_whitespace().map(|method| format!("{of}::{method}")).collect::<Vec<_>>()
    };
    lines.into_iter().flat_map(methods).collect()
}

#[test]
fn every_public_method_is_tried_or_known_to_lead_nowhere() {
    let scenarios = scenarios();
    let tried = listed(scenarios.iter().flat_map(|scenario| scenario.tries));
    let values = listed(VALUES);
    let (found, known) = (surface::public_methods(), &tried | &values);
    let missing: Vec<_> = found.difference(&known).collect();
    assert!(missing.is_empty(), "tried in no scenario: {missing:?}");
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(gone.is_empty(), "in a list, and not there any more: {gone:?}");
    for Scenario { file, name, tries, .. } in &scenarios {
        let calls = surface::calls(format!("tests/behaviour/tenants/isolation/{file}.rs").as_ref(), name);
        for method in listed(*tries) {
            let (_, method) = method.split_once("::").expect("`Type::method`");
            assert!(calls.contains(method), "`{file}::{name}` does not call `{method}`");
        }
    }
}

#[tokio::test]
async fn no_method_sees_another_tenant_in_memory() {
    for scenario in scenarios() {
        println!("{}", scenario.name);
        (scenario.run)(&World::new(Arc::new(MemoryStore::with_shards(2))).await).await;
    }
}

#[tokio::test]
async fn no_method_sees_another_tenant_on_sqlite() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for Scenario { file, name, run, .. } in scenarios() {
        let store = SqliteStore::open(folder.path().join(format!("{file}-{name}.db"))).expect("a new file");
        run(&World::new(Arc::new(store)).await).await;
    }
}
