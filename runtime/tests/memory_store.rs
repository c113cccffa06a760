//! The store in memory keeps the contract.

#![cfg(feature = "conformance")]

use statewright::store::conformance::Place;
use statewright::store::{MemoryStore, Store};
use std::sync::Arc;

struct Memory(Arc<MemoryStore>);

impl Place for Memory {
    async fn fresh() -> Self {
        Self(Arc::new(MemoryStore::with_shards(4)))
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::clone(&self.0) as Arc<dyn Store>
    }
}

statewright::conformance!(shared Memory);
