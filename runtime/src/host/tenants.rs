//! A host whose instances all belong to tenants, and what its operator may do besides.
//!
//! Whoever holds a [`Tenant`] reads and writes that tenant alone. What spans tenants is the [`Operator`]'s, and nothing of
//! it leads to an instance.

use super::{
    Batch, BatchOptions, DeadLetters, Health, Host, HostBuilder, LimitReport, Quarantined, ShadowReport,
    Tenancy, TenancyError, Tenant,
};
use crate::history::{MachineHistory, Transition};
use crate::machine::Machine;
use crate::personal::KeysError;
use crate::repository::Repository;
use crate::store::Store;
use crate::subscription::{Start, Subscribe};
use std::fmt;
use std::sync::Arc;

/// Many instances of one machine, each of them a tenant's: [`tenant`](Self::tenant) is the only way to one. Clones are the
/// same host.
pub struct TenantHost<M: Machine>(Host<M>);

impl<M: Machine> TenantHost<M> {
    /// A host over a store, with [`Tenancy::Required`].
    pub fn builder(store: impl Store) -> HostBuilder<M, Self> {
        HostBuilder::new(Arc::new(store)).requiring_tenants()
    }

    /// The instances of a tenant.
    ///
    /// # Errors
    /// No tenant has such an id.
    pub fn tenant(&self, tenant: &str) -> Result<Tenant<M>, TenancyError> {
        self.0.tenant(tenant)
    }

    /// See [`Host::batch`]. Every request is to name its tenant.
    pub fn batch(&self, options: BatchOptions) -> Batch<M> {
        self.0.batch(options)
    }

    /// What spans tenants: not to be handed to any of them.
    pub fn operator(&self) -> Operator<M> {
        self.0.operator()
    }

    /// This host, among all that ever were.
    pub fn id(&self) -> &str {
        self.0.id()
    }

    /// See [`Host::health`].
    pub fn health(&self) -> Health {
        self.0.health()
    }

    /// See [`Host::shutdown`].
    pub async fn shutdown(&self) {
        self.0.shutdown().await;
    }
}

/// What whoever runs a host may ask about all tenants.
pub struct Operator<M: Machine>(Host<M>);

impl<M: Machine> Operator<M> {
    pub(super) fn new(host: Host<M>) -> Self {
        Self(host)
    }

    pub(super) fn host(&self) -> &Host<M> {
        &self.0
    }

    /// Whether instances belong to tenants.
    pub fn tenancy(&self) -> Tenancy {
        self.0.0.tenancy
    }

    /// What all instances have been through, of every tenant and of none.
    pub fn history(&self) -> MachineHistory<M> {
        MachineHistory::new(self.0.0.repository.clone(), None)
    }

    /// The records of all instances, as they come, of every tenant and of none.
    pub fn subscribe(&self, start: Start) -> Subscribe<Transition<M>> {
        Subscribe::machine_of(&self.0.0.repository, None, start)
    }

    /// The repository under the host, for reading.
    pub fn repository(&self) -> &Repository<M> {
        self.0.repository()
    }

    /// See [`Host::limits`].
    pub fn limits(&self) -> Vec<LimitReport> {
        self.0.limits()
    }

    /// See [`Host::dead_letters`].
    pub fn dead_letters(&self) -> DeadLetters<M> {
        self.0.dead_letters()
    }

    /// See [`Host::quarantined`].
    pub fn quarantined(&self) -> Vec<Quarantined> {
        self.0.quarantined()
    }

    /// See [`Host::cached`].
    pub fn cached(&self) -> usize {
        self.0.cached()
    }

    /// See [`Host::rewrap_personal_keys`].
    ///
    /// # Errors
    /// See [`Host::rewrap_personal_keys`].
    pub async fn rewrap_personal_keys(&self) -> Result<u64, KeysError> {
        self.0.rewrap_personal_keys().await
    }

    /// See [`Host::shadow_report`].
    pub fn shadow_report(&self) -> Option<ShadowReport> {
        self.0.shadow_report()
    }
}

impl<M: Machine> From<Host<M>> for TenantHost<M> {
    /// The tenants of a host and nothing else of it.
    fn from(host: Host<M>) -> Self {
        Self(host)
    }
}

impl<M: Machine> Clone for TenantHost<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: Machine> Clone for Operator<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: Machine> fmt::Debug for TenantHost<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TenantHost").field(&self.0).finish()
    }
}

impl<M: Machine> fmt::Debug for Operator<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Operator").field(&self.0).finish()
    }
}
