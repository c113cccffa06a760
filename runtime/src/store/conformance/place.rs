//! Where the suite gets its stores from: what the test of a store implements.
//!
//! A place knows how a store is opened and nothing of what is tried with it.

use crate::store::Store;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// One place where a store keeps its things: a database, a schema, a stream, a file; each test has its own.
///
/// ```
/// use statewright::store::conformance::Place;
/// use statewright::store::{MemoryStore, Store};
/// use std::sync::Arc;
///
/// struct Memory(Arc<MemoryStore>);
///
/// impl Place for Memory {
///     async fn fresh() -> Self {
///         Self(Arc::new(MemoryStore::with_shards(4)))
///     }
///
///     async fn open(&self) -> Arc<dyn Store> {
///         Arc::clone(&self.0) as Arc<dyn Store>
///     }
/// }
///
/// // In a test of the store's crate: statewright::conformance!(shared Memory);
/// ```
pub trait Place: Send + Sync + Sized + 'static {
    /// Makes an empty place that no other test sees, with the schema and all else a store needs.
    fn fresh() -> impl Future<Output = Self> + Send;

    /// One more handle, with connections and memory of its own, as another process would have it. A store that one process
    /// alone can open ([`Limits::exclusive`](crate::store::Limits::exclusive)) hands out clones of one.
    fn open(&self) -> impl Future<Output = Arc<dyn Store>> + Send;

    /// Takes the place away, after a test that went well; what a failed one left may be looked at.
    fn remove(self) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// A place behind a network.
pub trait NetworkPlace: Place {
    /// The longest that a call of a handle of [`open_at`](Self::open_at) takes until it answers, whatever the connection
    /// does; [`Store::changed`] is no such call. The suite waits for it again and again, so let timeouts be short there.
    const CALL_MAX: Duration;

    /// Host and port of the server, as a socket is connected to it.
    fn server(&self) -> String;

    /// One more handle that reaches the server at this address in place of its own.
    fn open_at(&self, address: SocketAddr) -> impl Future<Output = Arc<dyn Store>> + Send;
}
