//! A guarded store keeps the contract.

#![cfg(feature = "conformance")]

use statewright::breaker::{Breaker, BreakerOptions};
use statewright::clock::SystemClock;
use statewright::store::MemoryStore;
use statewright::store::guarded::Guarded;
use std::sync::Arc;

statewright::conformance!({
    let breaker = Breaker::new(BreakerOptions::new("memory"), Arc::new(SystemClock)).expect("fine options");
    Guarded::new(MemoryStore::with_shards(4), breaker)
});
