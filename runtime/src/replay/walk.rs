//! The addresses on a store, page by page, shard by shard.

use crate::store::{Shard, Store, StoreError, StreamId};
use std::collections::VecDeque;

/// Addresses that are listed at once.
const PAGE_MAX: usize = 256;

pub(super) struct Walk<'a> {
    store: &'a dyn Store,
    shard: u16,
    after: Option<StreamId>,
    page: VecDeque<StreamId>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(store: &'a dyn Store) -> Self {
        Self { store, shard: 0, after: None, page: VecDeque::new() }
    }

    /// The next address that is wanted; `None` behind the last.
    pub(super) async fn next(
        &mut self,
        wanted: impl Fn(&StreamId) -> bool,
    ) -> Result<Option<StreamId>, StoreError> {
        loop {
            while let Some(stream) = self.page.pop_front() {
                if wanted(&stream) {
                    return Ok(Some(stream));
                }
            }
            if self.shard >= self.store.limits().shards {
                return Ok(None);
            }
            self.page = self.store.streams(Shard(self.shard), self.after.as_ref(), PAGE_MAX).await?.into();
            self.after = self.page.back().cloned();
            self.shard += u16::from(self.after.is_none());
        }
    }
}
