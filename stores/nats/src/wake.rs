//! Waiting for something new in a shard. The server tells what it has recorded; that may get lost with a connection, so the
//! leader is asked now and then as well.

use crate::store::NatsStore;
use futures_util::StreamExt;
use statewright::store::{Cursor, Shard, StoreError};
use std::time::Duration;
use tokio::time::timeout;

/// The longest that something new waits when its telling was lost.
const UNTOLD_MAX: Duration = Duration::from_secs(1);

impl NatsStore {
    pub(crate) async fn wait_for(&self, shard: Shard, after: &Cursor) -> Result<(), StoreError> {
        let subject = self.subjects.of_shard(shard);
        if self.next(&subject, after.position()).await?.is_some() {
            return Ok(());
        }
        let mut told = self.link.client.subscribe(self.subjects.told_of_shard(shard)).await.ok();
        loop {
            if self.next(&subject, after.position()).await?.is_some() {
                return Ok(());
            }
            match &mut told {
                Some(news) => {
                    if let Ok(None) = timeout(UNTOLD_MAX, news.next()).await {
                        told = None;
                    }
                }
                None => tokio::time::sleep(UNTOLD_MAX).await,
            }
        }
    }
}
