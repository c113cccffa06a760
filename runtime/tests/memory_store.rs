//! The store in memory keeps the contract.

#![cfg(feature = "conformance")]

statewright::conformance!(statewright::store::MemoryStore::with_shards(4));
