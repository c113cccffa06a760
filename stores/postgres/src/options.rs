//! How a store is reached, made and opened.

use crate::connections::Connections;
use crate::error::{Name, PostgresError};
use crate::protection;
use crate::schema;
use crate::store::PostgresStore;
use statewright::store::StoreError;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// Most shards that a store can have.
const SHARDS_MAX: u16 = 1_024;

/// Shards of a store that is made without a word about them: a transaction has a statement for each shard that it touches,
/// and few for much that waits are faster than many.
const SHARDS: u16 = 4;

/// What an acknowledged step survives (`synchronous_commit`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Durability {
    /// The loss of power at the server; where the server has synchronous standbys, the loss of the server too (`on`).
    #[default]
    Full,
    /// The same, and what was acknowledged can be read from the synchronous standbys at once (`remote_apply`).
    FullAndReadableOnStandbys,
    /// The loss of power at the server; a failover may lose the newest steps (`local`).
    FailoverMayLoseTheNewest,
    /// The end of every process; the loss of power may lose the newest steps (`off`).
    PowerLossMayLoseTheNewest,
}

impl Durability {
    pub(crate) fn setting(self) -> &'static str {
        match self {
            Self::Full => "on",
            Self::FullAndReadableOnStandbys => "remote_apply",
            Self::FailoverMayLoseTheNewest => "local",
            Self::PowerLossMayLoseTheNewest => "off",
        }
    }
}

/// How a [`PostgresStore`] is reached, made and opened.
#[derive(Clone)]
#[must_use = "options do nothing until the store is made or opened"]
pub struct Options {
    address: Config,
    pub(crate) schema: String,
    pub(crate) shards: Option<u16>,
    pub(crate) roots: Vec<Vec<u8>>,
    pub(crate) durability: Durability,
    pub(crate) pooler: bool,
    pub(crate) connections_max: usize,
    pub(crate) transactions_max: usize,
    pub(crate) queue_max: usize,
    pub(crate) call_timeout: Duration,
    connect_timeout: Duration,
}

impl Options {
    /// From an address: `postgres://user:password@host:port/database`, several hosts with commas between them, or
    /// `host=… user=…`; what may stand in it says `tokio_postgres::Config`.
    ///
    /// # Errors
    /// It does not parse. The error does not repeat it.
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        let address = verified(url).parse::<Config>().map_err(|source| {
            let name = Name("postgres".into());
            name.own("read the address", PostgresError::Address { source: Box::new(source) })
        })?;
        Ok(Self {
            address,
            schema: "statewright".to_owned(),
            shards: None,
            roots: Vec::new(),
            durability: Durability::Full,
            pooler: false,
            connections_max: 8,
            transactions_max: 4,
            queue_max: 4_096,
            call_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
        })
    }

    /// The schema that holds the store, `statewright` unless said otherwise: several stand in one database, one for each
    /// tenant for example.
    pub fn schema(mut self, name: &str) -> Self {
        name.clone_into(&mut self.schema);
        self
    }

    /// Shards of the store, 1 to 1,024: 4 when it is made without a word about them, and fixed then. A store that is there
    /// with another number is refused. Hosts share the work behind the log by shards, so there should be twice as many as there
    /// will ever be hosts; more are of use to nobody, and make writing slower. `statewright::copy` moves to another number.
    pub fn shards(mut self, shards: u16) -> Self {
        self.shards = Some(shards.clamp(1, SHARDS_MAX));
        self
    }

    /// A certificate, PEM, to trust instead of those of the system; several may be added.
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots.push(pem.into());
        self
    }

    /// What an acknowledged step survives: [`Durability::Full`] unless said otherwise, whatever the server's default is.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The address leads to a pooler that hands every transaction to another connection (pgbouncer with
    /// `pool_mode = transaction`): statements are sent with their texts, and nothing is listened to. Slower; who waits for
    /// records is told within a quarter of a second.
    pub fn pooler(mut self, pooler: bool) -> Self {
        self.pooler = pooler;
        self
    }

    /// Most connections of this handle, 8 unless said otherwise, at least one more than there are transactions at once. One
    /// more listens.
    pub fn connections_max(mut self, connections: usize) -> Self {
        self.connections_max = connections.max(2);
        self
    }

    /// Most transactions in which this handle writes at once, 4 unless said otherwise. What waits is shared among them by
    /// shards once it is enough for more than one.
    pub fn transactions_max(mut self, transactions: usize) -> Self {
        self.transactions_max = transactions.max(1);
        self
    }

    /// Most appends that wait for the writer, 4,096 unless said otherwise; more wait outside.
    pub fn queue_max(mut self, appends: usize) -> Self {
        self.queue_max = appends.max(1);
        self
    }

    /// How long a call may take at the server, 10 s unless said otherwise. An append that takes longer is
    /// [`Unknown`](statewright::store::Outcome::Unknown).
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }

    /// How long one host may take to be reached, 5 s unless said otherwise.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Makes the store, or brings one of an older version up to date. A store that is there is left as it is.
    ///
    /// # Errors
    /// The server cannot be reached, a newer version made the store, it has another number of shards, or the user may not
    /// make tables.
    pub async fn create(&self) -> Result<(), StoreError> {
        let connections = Connections::new(self)?;
        let done = schema::create(&connections, self.shards, SHARDS).await;
        connections.close();
        done
    }

    /// Lets a role of the server read records, those of one tenant: the one that its connection names by
    /// `SET statewright.tenant = '…'`. Without that, or with an empty one, it sees none. It may write nothing, and sees nothing
    /// else of the store: neither cells (keys of personal data, snapshots) nor where the shards end.
    ///
    /// From then on row-level security is forced on every table, for every role but the store's own: the owner of the tables,
    /// and who was granted what a store needs when this was called. Can be called again, for the same or another role; call it
    /// again behind [`create`](Self::create) and whenever another role is to write.
    ///
    /// # Errors
    /// The server cannot be reached, there is no store, the user does not own it, there is no such role, it is one that
    /// row-level security does not bind, or somebody reads a table for more than a second (then trying again may help).
    pub async fn protect(&self, role: &str) -> Result<(), StoreError> {
        let connections = Connections::new(self)?;
        let done = protection::protect(&connections, role).await;
        connections.close();
        done
    }

    /// Takes away what [`protect`](Self::protect) made, and all rights on the tables from every role but the store's own, so
    /// that nobody sees more than before. A store that is not protected stays as it is, but for those rights.
    ///
    /// # Errors
    /// The server cannot be reached, there is no store, the user does not own it, or somebody reads a table for more than a
    /// second.
    pub async fn unprotect(&self) -> Result<(), StoreError> {
        let connections = Connections::new(self)?;
        let done = protection::unprotect(&connections).await;
        connections.close();
        done
    }

    /// Opens the store.
    ///
    /// # Errors
    /// The server cannot be reached, there is no store or one of another version, or it has another number of shards.
    pub async fn open(&self) -> Result<PostgresStore, StoreError> {
        PostgresStore::start(self).await
    }

    /// Every statement that a store with these options sends, by name: for looking at plans.
    pub fn statements(&self) -> Vec<(&'static str, String)> {
        let statements = crate::statements::Statements::of(&self.quoted_schema());
        statements.all().map(|statement| (statement.name, statement.sql.clone())).into()
    }

    /// What is set on every connection, and behind a pooler in every transaction.
    pub fn settings(&self) -> [String; 5] {
        let millis = self.call_timeout.as_millis();
        [
            "plan_cache_mode = force_generic_plan".to_owned(),
            // A table may be one page while a statement is planned, and a million when the same plan is carried out.
            "enable_seqscan = off".to_owned(),
            format!("synchronous_commit = {}", self.durability.setting()),
            format!("statement_timeout = {millis}"),
            format!("idle_in_transaction_session_timeout = {millis}"),
        ]
    }

    /// The address with what this crate says of connections.
    pub(crate) fn config(&self) -> Config {
        let mut config = self.address.clone();
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(self.connect_timeout);
        }
        if config.get_application_name().is_none() {
            config.application_name("statewright");
        }
        config.tcp_user_timeout(self.call_timeout);
        config
    }

    pub(crate) fn quoted_schema(&self) -> String {
        format!("\"{}\"", self.schema.replace('"', "\"\""))
    }

    /// Hosts, database and schema; neither user nor password.
    pub(crate) fn name(&self) -> Name {
        let ports = self.address.get_ports();
        let host = |(n, host): (usize, &Host)| {
            let port = ports.get(n).or(ports.first()).copied().unwrap_or(5_432);
            match host {
                Host::Tcp(host) => format!("{host}:{port}"),
                #[cfg(unix)]
                Host::Unix(path) => format!("{}:{port}", path.display()),
            }
        };
        let hosts: Vec<_> = self.address.get_hosts().iter().enumerate().map(host).collect();
        let database = self.address.get_dbname().unwrap_or_default();
        Name(format!("postgres://{}/{database}?schema={}", hosts.join(","), self.schema).into())
    }
}

/// TLS verifies always, so the modes that ask for it are the one that asks for TLS.
fn verified(url: &str) -> String {
    let (address, settings) = match url.split_once('?') {
        Some((address, settings)) if url.contains("://") => (format!("{address}?"), settings),
        _ if url.contains("://") => (url.to_owned(), ""),
        _ => (String::new(), url),
    };
    let settings = ["sslmode=verify-full", "sslmode=verify-ca"]
        .into_iter()
        .fold(settings.to_owned(), |settings, mode| settings.replace(mode, "sslmode=require"));
    address + &settings
}

impl FromStr for Options {
    type Err = StoreError;

    fn from_str(url: &str) -> Result<Self, StoreError> {
        Self::from_url(url)
    }
}

/// Without user, password and certificates.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("store", &self.name().0)
            .field("shards", &self.shards)
            .field("durability", &self.durability)
            .field("pooler", &self.pooler)
            .field("connections_max", &self.connections_max)
            .field("transactions_max", &self.transactions_max)
            .field("queue_max", &self.queue_max)
            .field("call_timeout", &self.call_timeout)
            .finish_non_exhaustive()
    }
}
