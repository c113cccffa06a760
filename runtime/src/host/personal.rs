//! Forgetting a subject, and changing the master key.
//!
//! How values are sealed is in `personal`; what is left in a store's files is the store's to destroy.

use super::{Host, Inner, Tenant};
use crate::machine::Machine;
use crate::personal::{Keys, KeysError, PersonalError, Subject};
use std::sync::Arc;

impl<M: Machine> Host<M> {
    /// Forgets a subject without a tenant: see [`Tenant::forget`].
    ///
    /// # Errors
    /// See [`Tenant::forget`].
    pub async fn forget(&self, subject: impl Subject) -> Result<(), KeysError> {
        forget(&self.0, "", &subject.subject()).await
    }

    /// Wraps with the newest master key every key that an older one has wrapped, of all tenants and machines of the store.
    /// How many there were. Once it has answered on a host whose newest key is the newest of all hosts, older ones may go.
    ///
    /// # Errors
    /// A key was wrapped by a master key that is not in the ring, or the store does not deliver or does not take it. Asking
    /// again goes on.
    pub async fn rewrap_personal_keys(&self) -> Result<u64, KeysError> {
        let count = keys(&self.0)?.rewrap().await?;
        self.0.repository.store.scrub().await?;
        Ok(count)
    }
}

impl<M: Machine> Tenant<M> {
    /// Destroys the key of a subject of this tenant: its personal data reads as forgotten from then on, in events, effects
    /// and snapshots of every machine on the store. There is no way back, and the subject never has a key again: what is
    /// emitted of it later is refused. A subject that has no key yet is forgotten as well.
    ///
    /// Once this has answered no file of the store holds the key. Other hosts let go of what they have in memory within
    /// [`FORGOTTEN_SEEN_MAX`](crate::personal::FORGOTTEN_SEEN_MAX), the next time they have something to do.
    ///
    /// # Errors
    /// The host has no master key, or the store does not take it. Then the subject may be forgotten or not: ask again.
    pub async fn forget(&self, subject: impl Subject) -> Result<(), KeysError> {
        forget(&self.host.0, &self.tenant, &subject.subject()).await
    }
}

async fn forget<M: Machine>(inner: &Inner<M>, tenant: &str, subject: &str) -> Result<(), KeysError> {
    keys(inner)?.forget(tenant, subject).await?;
    inner.cache.drop_copies();
    Ok(inner.repository.store.scrub().await?)
}

fn keys<M: Machine>(inner: &Inner<M>) -> Result<&Arc<Keys>, PersonalError> {
    inner.repository.keys.as_ref().ok_or(PersonalError::NoMasterKey)
}
