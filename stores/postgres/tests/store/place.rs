//! Where the tests keep their stores: each has a schema of its own.

use statewright::store::conformance::{NetworkPlace, Place};
use statewright::store::{Store, StoreError};
use statewright_postgres::{Options, PostgresStore};
use statewright_services::{Durability, Postgres, Server, postgres};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio_postgres::{Client, Config, NoTls};

/// The server of all tests of this process.
pub(crate) fn url() -> &'static str {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| postgres().expect("there is a server")).url()
}

/// A server of a major version that is supported.
pub(crate) fn version(major: u32) -> &'static str {
    static SERVERS: [OnceLock<(Postgres, String)>; 4] = [const { OnceLock::new() }; 4];
    let start = || {
        let server = Postgres::start_version(major, Durability::Process).expect("there is a server");
        assert_eq!(server.major(), major);
        let url = server.url();
        (server, url)
    };
    &SERVERS[(major - OLDEST) as usize].get_or_init(start).1
}

/// The oldest version that is supported.
pub(crate) const OLDEST: u32 = 15;

/// The newest; [`url`] may be of any.
pub(crate) const NEWEST: u32 = 18;

/// One of the oldest version.
pub(crate) fn oldest() -> &'static str {
    version(OLDEST)
}

/// One of the newest version.
pub(crate) fn newest() -> &'static str {
    version(NEWEST)
}

/// A name that no other test has, in this process or another.
pub(crate) fn unique(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{what}_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// An error and all that led to it.
pub(crate) fn told(error: &StoreError) -> String {
    let chain = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A connection without the store.
pub(crate) async fn client() -> Client {
    client_at(url()).await
}

pub(crate) async fn client_at(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the server is there");
    tokio::spawn(connection);
    client
}

/// Host and port of a server.
fn socket(server: &str) -> String {
    let config: Config = server.parse().expect("it parses");
    let port = config.get_ports().first().copied().unwrap_or(5_432);
    match config.get_hosts().first() {
        Some(tokio_postgres::config::Host::Tcp(host)) => format!("{host}:{port}"),
        _ => format!("127.0.0.1:{port}"),
    }
}

/// The address of a server for a role whose password is its name.
pub(crate) fn url_as(server: &str, role: &str) -> String {
    let config: Config = server.parse().expect("it parses");
    format!("postgres://{role}:{role}@{}/{}", socket(server), config.get_dbname().unwrap_or("postgres"))
}

/// A store in a schema of its own.
pub(crate) struct Schema {
    pub(crate) name: String,
}

impl Schema {
    pub(crate) fn options(&self) -> Options {
        Options::from_url(url()).expect("it parses").schema(&self.name)
    }

    pub(crate) async fn store(&self) -> PostgresStore {
        self.options().open().await.expect("it opens")
    }

    pub(crate) async fn script(&self, sql: &str) {
        let sql = sql.replace("{schema}", &self.name);
        client().await.batch_execute(&sql).await.expect("it is carried out");
    }
}

impl Place for Schema {
    async fn fresh() -> Self {
        let place = Self { name: unique("store") };
        place.options().create().await.expect("it is made");
        place
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.store().await)
    }

    async fn remove(self) {
        self.script("DROP SCHEMA {schema} CASCADE").await;
    }
}

/// The same, on a server of a major version.
pub(crate) struct Version<const MAJOR: u32>(Schema);

impl<const MAJOR: u32> Place for Version<MAJOR> {
    async fn fresh() -> Self {
        let place = Self(Schema { name: unique("store") });
        place.options().create().await.expect("it is made");
        place
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.options().open().await.expect("it opens"))
    }

    /// The server goes with the process.
    async fn remove(self) {}
}

impl<const MAJOR: u32> Version<MAJOR> {
    fn options(&self) -> Options {
        Options::from_url(version(MAJOR)).expect("it parses").schema(&self.0.name)
    }
}

impl NetworkPlace for Schema {
    const CALL_MAX: Duration = Duration::from_secs(4);

    fn server(&self) -> String {
        socket(url())
    }

    async fn open_at(&self, address: SocketAddr) -> Arc<dyn Store> {
        let config: Config = url().parse().expect("it parses");
        let part = |part: Option<&str>| part.unwrap_or("postgres").to_owned();
        let password = config.get_password().map(|word| format!(":{}", String::from_utf8_lossy(word)));
        let url = format!(
            "postgres://{}{}@{address}/{}",
            part(config.get_user()),
            password.unwrap_or_default(),
            part(config.get_dbname())
        );
        let options = Options::from_url(&url).expect("it parses").schema(&self.name);
        let timeout = Self::CALL_MAX / 4;
        Arc::new(options.call_timeout(timeout).connect_timeout(timeout).open().await.expect("it opens"))
    }
}
