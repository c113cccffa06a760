//! What can be done with all that one tenant has.

use super::Tenant;
use crate::machine::Machine;
use crate::store::StoreError;
use crate::tenant::{self, ErasedTenant, Eraser, Export, Usage};
use std::sync::Arc;

impl<M: Machine> Tenant<M> {
    /// Everything that is recorded of the tenant, of all machines on the store, as lines of JSON.
    pub fn export(&self) -> Export {
        let repository = &self.host.0.repository;
        Export::new(Arc::clone(&repository.store), &self.tenant, repository.clock.now())
    }

    /// What the tenant has now, of all machines on the store: two short reads for each instance that it ever had.
    ///
    /// # Errors
    /// What the store says.
    pub async fn usage(&self) -> Result<Usage, StoreError> {
        tenant::count(&self.host.0.repository.store, &self.tenant).await
    }

    /// Erases the tenant: ends every instance of it, of all machines on the store, empties their records, and removes
    /// snapshots, deadlines, dead letters and whatever else stands for it on the shelf. There is no way back, and the
    /// tenant's id is never used again: from the beginning of this call on, every trigger is answered
    /// [`LoadError::TenantErased`](crate::LoadError::TenantErased). Hosts elsewhere learn of it instance by instance, as
    /// theirs are ended.
    ///
    /// What is left are addresses, kinds and times of records, so that no late append fits, and the mark that the tenant
    /// is erased; nothing else of it stands in a file of the store. Memory is bounded whatever the tenant has. Whoever was stopped half-way, or stops waiting, asks again:
    /// it goes on with what is left.
    ///
    /// # Errors
    /// What the store says. The tenant stays closed; ask again.
    pub async fn erase(&self) -> Result<ErasedTenant, StoreError> {
        let inner = &self.host.0;
        let (store, clock) = (&inner.repository.store, &inner.repository.clock);
        let eraser = Eraser::begin(store, clock, &self.tenant).await?;
        inner.erased.add(&self.tenant);
        inner.let_go(&self.tenant);
        let report = eraser.run().await?;
        // What was at work then has ended with its streams.
        inner.let_go(&self.tenant);
        store.scrub().await?;
        tracing::info!(
            instances = report.instances,
            records = report.records,
            cells = report.cells,
            "a tenant is erased"
        );
        Ok(report)
    }
}
