//! The mark that a tenant is erased: a cell that stands for good, so that nothing of the tenant begins again.

use crate::store::{CellKey, Put, Store, StoreError, StreamId};
use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;

#[derive(Serialize)]
struct Mark {
    /// When it was asked for first.
    since: Timestamp,
}

/// Says that a tenant is erased from now on. What stands already stays as it is.
pub(super) async fn write(store: &dyn Store, tenant: &str, now: Timestamp) -> Result<(), StoreError> {
    let value = Bytes::from(serde_json::to_vec(&Mark { since: now }).unwrap_or_default());
    let put = Put { key: key(store, tenant), version: Some(0), value: Some(value) };
    store.put(vec![put]).await.map(|_| ())
}

/// Whether a tenant is erased, or about to be; nobody's instances never are.
pub(crate) async fn is_erased(store: &dyn Store, tenant: &str) -> Result<bool, StoreError> {
    Ok(!tenant.is_empty() && !store.get(&[key(store, tenant)]).await?.is_empty())
}

/// Those of the tenants that are erased, or about to be.
pub(crate) async fn are_erased<'a>(
    store: &dyn Store,
    tenants: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<&'a str>, StoreError> {
    let tenants = tenants.into_iter().filter(|tenant| !tenant.is_empty());
    let (keys, tenants): (Vec<_>, Vec<_>) = tenants.map(|tenant| (key(store, tenant), tenant)).unzip();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let marks = store.get(&keys).await?;
    let is_marked = |key: &CellKey| marks.iter().any(|mark| mark.key == *key);
    Ok(keys.iter().zip(tenants).filter(|(key, _)| is_marked(key)).map(|(_, tenant)| tenant).collect())
}

fn key(store: &dyn Store, tenant: &str) -> CellKey {
    // Marks of many tenants lie apart like their streams.
    let shard = store.shard(&StreamId::new(tenant, "", ""));
    CellKey { shard, name: format!("erased/{tenant}").into() }
}
