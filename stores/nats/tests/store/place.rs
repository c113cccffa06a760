//! Where the tests have their stores: each its own streams on one server of this process.

use async_nats::jetstream;
use statewright::store::Store;
use statewright::store::conformance::{NetworkPlace, Place};
use statewright_nats::{NatsStore, Options};
use statewright_services::Server;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use uuid::Uuid;

static SERVER: LazyLock<Server> =
    LazyLock::new(|| statewright_services::nats().expect("a server of NATS is there, or is started"));

/// A store of one test.
pub(crate) struct OnServer {
    pub(crate) name: String,
}

/// A name that no other store has.
pub(crate) fn name() -> String {
    format!("test_{}", Uuid::new_v4().simple())
}

/// Options at these servers.
pub(crate) fn options(url: &str, name: &str) -> Options {
    let options = Options::from_url(url).and_then(|options| options.name(name));
    options.expect("the address is right").overwritten_values_stay_a_while()
}

impl OnServer {
    pub(crate) fn options(&self) -> Options {
        options(SERVER.url(), &self.name)
    }

    pub(crate) async fn store(&self) -> NatsStore {
        self.options().open().await.expect("it opens")
    }

    pub(crate) fn url() -> String {
        SERVER.url().to_owned()
    }

    /// A connection of the test's own.
    pub(crate) async fn jetstream() -> jetstream::Context {
        jetstream::new(async_nats::connect(SERVER.url()).await.expect("it connects"))
    }
}

impl Place for OnServer {
    async fn fresh() -> Self {
        let place = Self { name: name() };
        place.options().create().await.expect("it is made");
        place
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.store().await)
    }

    async fn remove(self) {
        let jetstream = Self::jetstream().await;
        for stream in [self.name.clone(), format!("KV_{}-cells", self.name)] {
            jetstream.delete_stream(stream).await.expect("it is removed");
        }
    }
}

impl NetworkPlace for OnServer {
    const CALL_MAX: Duration = Duration::from_secs(1);

    fn server(&self) -> String {
        let url = SERVER.url().trim_start_matches("nats://");
        url.split('/').next().unwrap_or_default().to_owned()
    }

    async fn open_at(&self, address: SocketAddr) -> Arc<dyn Store> {
        let options = options(&format!("nats://{address}"), &self.name);
        let options = options.connect_max(Self::CALL_MAX).call_max(Self::CALL_MAX);
        Arc::new(options.open().await.expect("it opens"))
    }
}
