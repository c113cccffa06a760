//! Whether a host has tenants, and which.

use jiff::Timestamp;
use statewright::error::{BuildError, FireError};
use statewright::history::{Filter, MachineHistory};
use statewright::host::{TENANT_BYTES_MAX, TenancyError};
use statewright::store::{MemoryStore, Store};
use statewright::{Host, Tenancy, TenantHost};
use statewright_tests::{Door, DoorState, DoorTrigger};
use std::sync::Arc;

#[tokio::test]
async fn a_host_without_tenants_refuses_every_one() {
    let builder = Host::<Door>::builder(MemoryStore::new()).effects_elsewhere().tenancy(Tenancy::None);
    let host = builder.build().await.expect("fine");
    assert_eq!(host.tenant("acme").expect_err("there are none"), TenancyError::NoTenants);
    host.instance("a").fire(DoorTrigger::Open).await.expect("it is shut");
    assert_eq!(host.operator().tenancy(), Tenancy::None);
}

#[tokio::test]
async fn an_id_that_is_none_is_refused() {
    let host = Host::<Door>::builder(MemoryStore::new()).effects_elsewhere().build().await.expect("fine");
    let refused = |id: &str| host.tenant(id).expect_err("it is no id");
    assert_eq!(refused(""), TenancyError::Empty);
    let bytes = TENANT_BYTES_MAX + 1;
    assert_eq!(refused(&"x".repeat(bytes)), TenancyError::TooLong { bytes, max: TENANT_BYTES_MAX });
    assert_eq!(refused("a\nb"), TenancyError::ControlCharacter { character: '\n', place: 1 });
    let error = FireError::from(refused("a\nb"));
    assert_eq!(error.to_string(), "the id of a tenant holds the control character '\\n' at byte 1");
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn a_host_that_requires_tenants_is_of_another_type() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let builder = Host::<Door>::builder(Arc::clone(&store)).effects_elsewhere().tenancy(Tenancy::Required);
    let refused = builder.build().await.expect_err("it has a way in without a tenant");
    assert!(matches!(refused, BuildError::Tenancy { tenancy: Tenancy::Required }), "{refused}");
    for tenancy in [Tenancy::None, Tenancy::Optional] {
        let builder = TenantHost::<Door>::builder(Arc::clone(&store)).effects_elsewhere().tenancy(tenancy);
        let refused = builder.build().await.expect_err("it has no way in without a tenant");
        assert!(matches!(refused, BuildError::Tenancy { tenancy: found } if found == tenancy), "{refused}");
    }
    let host = TenantHost::<Door>::builder(store).effects_elsewhere().build().await.expect("fine");
    assert_eq!(host.operator().tenancy(), Tenancy::Required);
    let acme = host.tenant("acme").expect("an id").instance("a");
    acme.fire(DoorTrigger::Open).await.expect("it is shut");
    assert_eq!(acme.state().await.expect("it loads"), DoorState::Ajar);
    assert_eq!(host.tenant("").expect_err("it is no id"), TenancyError::Empty);
}

/// Records that a history tells of.
async fn told(history: &MachineHistory<Door>) -> Vec<String> {
    let mut records = history.transitions(Timestamp::MIN, Timestamp::MAX, usize::MAX, &Filter::new());
    let mut tenants = Vec::new();
    while let Some(found) = records.try_next().await.expect("it reads") {
        tenants.push(found.record.stream.tenant.to_string());
    }
    tenants.sort();
    tenants
}

#[tokio::test]
async fn the_history_of_a_host_is_that_of_nobodys_instances_and_an_operator_reads_all() {
    let host = Host::<Door>::builder(MemoryStore::new()).effects_elsewhere().build().await.expect("fine");
    for tenant in ["acme", "other"] {
        let door = host.tenant(tenant).expect("an id").instance("a");
        door.fire(DoorTrigger::Open).await.expect("it is shut");
    }
    host.instance("a").fire(DoorTrigger::Open).await.expect("it is shut");
    assert_eq!(told(&host.history()).await, [""]);
    assert_eq!(told(&host.tenant("acme").expect("an id").history()).await, ["acme"]);
    assert_eq!(told(&host.operator().history()).await, ["", "acme", "other"]);
}
