//! Tenants of which this host knows that they are erased: refused without asking the store.
//!
//! The truth is a cell, which is looked at when an instance is loaded, and around the first record of one.

use super::Inner;
use crate::error::LoadError;
use crate::machine::Machine;
use crate::store::{StoreError, StreamId};
use crate::tenant;
use lru::LruCache;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Tenants that are remembered; of another the cell is asked.
const TENANTS_MAX: NonZeroUsize = NonZeroUsize::new(1_024).expect("more than nothing");

pub(crate) struct Erased {
    /// Without one there is no lock to take.
    any: AtomicBool,
    tenants: Mutex<LruCache<Arc<str>, ()>>,
}

impl Default for Erased {
    fn default() -> Self {
        Self { any: AtomicBool::new(false), tenants: Mutex::new(LruCache::new(TENANTS_MAX)) }
    }
}

impl Erased {
    pub(crate) fn add(&self, tenant: &Arc<str>) {
        self.lock().put(Arc::clone(tenant), ());
        self.any.store(true, Ordering::Release);
    }

    pub(crate) fn holds(&self, tenant: &str) -> bool {
        self.any.load(Ordering::Acquire) && self.lock().get(tenant).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<Arc<str>, ()>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Machine> Inner<M> {
    /// Whether a tenant is erased, or about to be; if this host does not know, the cell tells.
    pub(crate) async fn is_erased(&self, tenant: &Arc<str>) -> Result<bool, StoreError> {
        if self.erased.holds(tenant) {
            return Ok(true);
        }
        let erased = tenant::is_erased(&*self.repository.store, tenant).await?;
        if erased {
            self.erased.add(tenant);
        }
        Ok(erased)
    }

    /// Refuses an instance whose tenant is erased.
    pub(crate) async fn refuse_erased(&self, stream: &StreamId) -> Result<(), LoadError> {
        match self.is_erased(&stream.tenant).await {
            Ok(false) => Ok(()),
            Ok(true) => Err(LoadError::TenantErased { stream: stream.clone() }),
            Err(source) => Err(LoadError::Store { stream: stream.clone(), source }),
        }
    }

    /// Lets go of everything that is in memory of a tenant, but for what is at work.
    pub(crate) fn let_go(&self, tenant: &str) {
        self.cache.forget(tenant);
        self.quarantine.forget(tenant);
        self.limits.forget(tenant);
        self.quotas.forget(tenant);
    }
}
