//! The server that the tests talk to, and databases in it that nobody else has.

use mongodb::Client;
use statewright::store::conformance::{NetworkPlace, Place};
use statewright::store::{Store, StoreError};
use statewright_mongodb::{MongoStore, Options};
use statewright_services::Server;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// `MONGODB_URL`, which names one host with `directConnection=true`, or a private server: one for all tests.
static SERVER: LazyLock<Server> = LazyLock::new(|| statewright_services::mongodb().expect("a server"));

/// A database that nobody else has.
pub(crate) struct Database {
    name: String,
}

impl Database {
    pub(crate) fn new() -> Self {
        Self { name: format!("statewright_{}", uuid::Uuid::now_v7().simple()) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn url() -> &'static str {
        SERVER.url()
    }

    pub(crate) fn options(&self) -> Options {
        Options::from_url(Self::url()).expect("a connection string").database(&self.name).shards(SHARDS)
    }

    pub(crate) async fn store(&self) -> MongoStore {
        self.options().open().await.expect("it opens")
    }

    /// The database itself, for what no store would do.
    pub(crate) async fn raw(&self) -> mongodb::Database {
        Client::with_uri_str(Self::url()).await.expect("a client").database(&self.name)
    }
}

const SHARDS: u16 = 4;

/// An error and all that led to it.
pub(crate) fn told(error: &StoreError) -> String {
    let chain = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl Place for Database {
    async fn fresh() -> Self {
        let database = Self::new();
        database.options().create().await.expect("it is made");
        database
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.store().await)
    }

    async fn remove(self) {
        self.raw().await.drop().await.expect("it is dropped");
    }
}

/// What is behind the scheme and the user, up to the next separator.
fn host() -> &'static str {
    let behind = Database::url().split_once("://").map_or("", |(_, behind)| behind);
    let hosts = behind.split(['/', '?']).next().unwrap_or_default();
    hosts.rsplit_once('@').map_or(hosts, |(_, hosts)| hosts)
}

impl NetworkPlace for Database {
    const CALL_MAX: Duration = Duration::from_secs(3);

    fn server(&self) -> String {
        host().to_owned()
    }

    async fn open_at(&self, address: SocketAddr) -> Arc<dyn Store> {
        let url = Self::url().replacen(host(), &address.to_string(), 1);
        let options = Options::from_url(&url).expect("a connection string").database(&self.name);
        let options =
            options.call_timeout(Duration::from_secs(1)).connect_timeout(Duration::from_millis(500));
        Arc::new(options.open().await.expect("it opens"))
    }
}
