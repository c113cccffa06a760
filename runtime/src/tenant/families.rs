//! Every family of cells that stand for a tenant or hold something of it: the one place that says where they are.
//!
//! Not listed is the mark that the tenant is erased, which stays, and what a shard has for all tenants alike: leases,
//! checkpoints, signs of hosts.

use crate::effect::escaped;
use crate::host::agenda;
use crate::personal;
use crate::repository::{history_prefix, snapshot_prefix};
use crate::store::{Cell, Put, Shard, Store, StoreError, StreamId};
use crate::subscription;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Cells that are listed and removed at once.
const PAGE_MAX: usize = 256;

/// Where the cells of a family stand.
enum Family {
    /// Each stream has its own, in its shard, under a prefix.
    OfStream(fn(&StreamId) -> String),
    /// In each shard, those of a machine and a tenant are under a prefix.
    OfTenant(fn(&str, &str) -> String),
    /// In each shard, those of a tenant are under a prefix, whatever machine they are of.
    OfAll(fn(&str) -> String),
    /// In each shard, those of all tenants are under a prefix; whether one is a tenant's says what comes behind that.
    Mixed(&'static str, fn(&str, &str) -> bool),
}

const FAMILIES: [Family; 9] = [
    Family::OfStream(snapshot_prefix),
    Family::OfStream(history_prefix),
    Family::OfTenant(|machine, tenant| format!("parked/{machine}/{}/", escaped(tenant))),
    Family::OfTenant(|machine, tenant| format!("dead/{machine}/{}/", escaped(tenant))),
    Family::OfAll(personal::tenant_prefix),
    Family::Mixed("agenda/", agenda::is_of),
    Family::Mixed("checkpoint/", subscription::is_of),
    Family::Mixed("consumer/", subscription::is_of),
    Family::Mixed("lease/subscription/", subscription::is_of),
];

/// Removes the cells of a stream. How many there were.
pub(super) async fn remove_of_stream(store: &dyn Store, stream: &StreamId) -> Result<u64, StoreError> {
    let mut count = 0;
    for family in &FAMILIES {
        if let Family::OfStream(prefix) = family {
            count += remove(store, (store.shard(stream), &prefix(stream)), |_| true).await?;
        }
    }
    Ok(count)
}

/// Removes what a tenant has in a shard besides; of these machines. How many cells there were.
pub(super) async fn remove_of_tenant(
    store: &dyn Store,
    shard: Shard,
    (tenant, machines): (&str, &BTreeSet<Arc<str>>),
) -> Result<u64, StoreError> {
    let mut count = 0;
    for family in &FAMILIES {
        match family {
            Family::OfStream(_) => {}
            Family::OfTenant(prefix) => {
                for machine in machines {
                    count += remove(store, (shard, &prefix(machine, tenant)), |_| true).await?;
                }
            }
            Family::OfAll(prefix) => count += remove(store, (shard, &prefix(tenant)), |_| true).await?,
            Family::Mixed(prefix, is_of) => {
                let behind = |cell: &Cell| cell.key.name.strip_prefix(prefix).map(|rest| is_of(rest, tenant));
                let is_wanted = |cell: &Cell| behind(cell).unwrap_or_default();
                count += remove(store, (shard, prefix), is_wanted).await?;
            }
        }
    }
    Ok(count)
}

async fn remove(
    store: &dyn Store,
    (shard, prefix): (Shard, &str),
    is_wanted: impl Fn(&Cell) -> bool,
) -> Result<u64, StoreError> {
    let (mut count, mut after): (_, Option<Box<str>>) = (0, None);
    loop {
        let cells = store.list(shard, prefix, after.as_deref(), PAGE_MAX).await?;
        let is_last = cells.len() < PAGE_MAX;
        after = cells.last().map(|cell| cell.key.name.clone());
        let wanted = cells.into_iter().filter(|cell| is_wanted(cell));
        let puts: Vec<_> = wanted.map(|cell| Put { key: cell.key, version: None, value: None }).collect();
        count += puts.len() as u64;
        if !puts.is_empty() {
            store.put(puts).await?;
        }
        if is_last {
            return Ok(count);
        }
    }
}
