//! The streams of one tenant, page by page.

use crate::store::{Shard, Store, StoreError, StreamId};
use std::sync::Arc;

/// Where a walk through the streams of a tenant stands.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    tenant: Arc<str>,
    shard: Shard,
    after: Option<StreamId>,
}

impl Streams {
    pub(super) fn new(tenant: &Arc<str>) -> Self {
        Self { tenant: Arc::clone(tenant), shard: Shard(0), after: None }
    }

    /// The next page of at most `limit`, in order, of one shard; it may be empty. `None` behind the last.
    pub(super) async fn next(
        &mut self,
        store: &dyn Store,
        limit: usize,
    ) -> Result<Option<Vec<StreamId>>, StoreError> {
        if self.shard.0 >= store.limits().shards {
            return Ok(None);
        }
        // No machine's name is empty: this is before all of the tenant's streams and behind all before it.
        let after = self.after.take().unwrap_or_else(|| StreamId::new(&self.tenant, "", ""));
        let mut streams = store.streams(self.shard, Some(&after), limit).await?;
        let found = streams.len();
        streams.retain(|stream| stream.tenant == self.tenant);
        let goes_on = streams.len() == found;
        match streams.last() {
            Some(last) if goes_on => self.after = Some(last.clone()),
            _ => self.shard = Shard(self.shard.0.saturating_add(1)),
        }
        Ok(Some(streams))
    }
}
