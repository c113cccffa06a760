//! How much a tenant has, as the ends of its streams say.

use super::streams::Streams;
use crate::store::{Kind, Store, StoreError, StreamId};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Streams that are looked at at once.
const STREAMS_MAX: usize = 64;

/// What a tenant has on a store, of all machines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Usage {
    /// Instances that have a record and were not deleted.
    pub instances: u64,
    /// Records that were ever appended, those that end instances and those that were emptied since among them.
    pub records: u64,
}

/// Counts: two short reads for each instance that the tenant ever had, none of them of more than one record.
pub(crate) async fn count(store: &Arc<dyn Store>, tenant: &Arc<str>) -> Result<Usage, StoreError> {
    let (mut streams, mut usage) = (Streams::new(tenant), Usage::default());
    while let Some(page) = streams.next(&**store, STREAMS_MAX).await? {
        let mut tasks = JoinSet::new();
        for stream in page {
            let store = Arc::clone(store);
            tasks.spawn(async move { look(&*store, &stream).await });
        }
        while let Some(task) = tasks.join_next().await {
            // A task is neither cancelled nor does it panic: what it calls is the store.
            let (records, is_live) = task.unwrap_or_else(|error| Err(super::broken(error)))?;
            usage.records += records;
            usage.instances += u64::from(is_live);
        }
    }
    Ok(usage)
}

/// The records of a stream, and whether more may come.
async fn look(store: &dyn Store, stream: &StreamId) -> Result<(u64, bool), StoreError> {
    let head = store.head(stream).await?;
    let (last, head) = store.read(stream, head.revision.before(), 1).await?;
    Ok((head.revision.0, last.last().is_some_and(|last| last.step.kind != Kind::Deleted)))
}
