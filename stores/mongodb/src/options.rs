//! How a store is made and opened: a URL, and what is said on top of it.
//!
//! Secrets stand in the URL alone and come out of nothing here: neither `Debug` nor an error shows them.

use crate::error::Refusal;
use crate::link::Link;
use crate::schema;
use crate::store::MongoStore;
use mongodb::options::{ConnectionString, HostInfo, Tls, TlsOptions};
use statewright::store::StoreError;
use std::fmt;
use std::time::Duration;

/// Bytes that the name of a database may have.
const DATABASE_BYTES_MAX: usize = 63;

/// How a [`MongoStore`] is made and opened.
#[derive(Clone)]
#[must_use = "options do nothing until they create or open a store"]
pub struct Options {
    pub(crate) url: ConnectionString,
    pub(crate) hosts: String,
    pub(crate) database: Option<String>,
    pub(crate) shards: Option<u16>,
    pub(crate) tls: Option<TlsOptions>,
    pub(crate) connections_max: u32,
    pub(crate) connect_timeout: Duration,
    pub(crate) call_timeout: Duration,
    pub(crate) writers: u16,
    pub(crate) queue_max: usize,
}

impl Options {
    /// Options for the servers, the database and all else that a connection string says, such as user, TLS and replica
    /// set. What it says of read and write concern, read preference, pool and timeouts is not heeded: the contract of a
    /// store, and the methods here, say those.
    ///
    /// # Errors
    /// The URL is no connection string.
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        let parsed = ConnectionString::parse(url).map_err(|error| {
            // The driver's text may quote what stands before the `@`.
            let why = if url.contains('@') { String::new() } else { format!(": {}", error.kind) };
            refused("mongodb".to_owned(), "read the URL", Refusal::Url { why })
        })?;
        let hosts = match &parsed.host_info {
            HostInfo::HostIdentifiers(hosts) => {
                hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
            }
            HostInfo::DnsRecord(name) => name.clone(),
            _ => String::new(),
        };
        Ok(Self {
            database: parsed.default_database.clone(),
            url: parsed,
            hosts,
            shards: None,
            tls: None,
            connections_max: 32,
            connect_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(10),
            writers: 4,
            queue_max: 4_096,
        })
    }

    /// The store's database: the one that the URL names unless said otherwise. Each store has a database of its own, so
    /// several live on one server.
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = Some(name.into());
        self
    }

    /// Number of shards, at least 1. [`create`](Self::create) fixes it for ever, at 16 unless said otherwise;
    /// [`open`](Self::open) takes what it finds, and refuses another number than the one said here.
    pub fn shards(mut self, shards: u16) -> Self {
        self.shards = Some(shards.max(1));
        self
    }

    /// Encrypted connections, and whom to trust; the URL's `tls` options say the same.
    pub fn tls(mut self, tls: TlsOptions) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Most connections to each server, 32 unless said otherwise, at least 4.
    pub fn connections_max(mut self, connections: u32) -> Self {
        self.connections_max = connections.max(4);
        self
    }

    /// How long a connection, and finding a server that may be written to, may take: 5 s unless said otherwise.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long a call may take, with all that is tried again within it: 10 s unless said otherwise.
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }

    /// Transactions that this handle has under way at once, 4 unless said otherwise, at least 1. The shards are
    /// divided among them, and what waits for one becomes one transaction.
    pub fn writers(mut self, writers: u16) -> Self {
        self.writers = writers.max(1);
        self
    }

    /// Most appends that wait for the writers, 4,096 unless said otherwise, at least 1; more wait outside.
    pub fn queue_max(mut self, appends: usize) -> Self {
        self.queue_max = appends.max(1);
        self
    }

    /// Makes the collections, the indexes and the counters, or what of them is not there yet. Once is enough; again does
    /// no harm.
    ///
    /// # Errors
    /// The server cannot be reached or has no transactions, a newer version of this crate made the store, or it has
    /// another number of shards.
    pub async fn create(self) -> Result<(), StoreError> {
        let link = Link::connect(&self).await?;
        schema::create(&link, self.shards).await
    }

    /// Opens a store that [`create`](Self::create) has made.
    ///
    /// # Errors
    /// As for [`create`](Self::create); there is no store in the database.
    pub async fn open(self) -> Result<MongoStore, StoreError> {
        let link = Link::connect(&self).await?;
        let shards = schema::check(&link, self.shards).await?;
        Ok(MongoStore::start(link, shards, &self))
    }

    pub(crate) fn database_name(&self) -> Result<&str, Refusal> {
        let name = self.database.as_deref().ok_or(Refusal::NoDatabase)?;
        let fits = (1..=DATABASE_BYTES_MAX).contains(&name.len());
        if !fits || name.contains(|letter: char| "/\\. \"$*<>:|?".contains(letter) || letter.is_control()) {
            return Err(Refusal::Database { name: name.to_owned() });
        }
        Ok(name)
    }

    pub(crate) fn tls_or_url(&self) -> Option<Tls> {
        self.tls.clone().map(Tls::Enabled)
    }
}

/// Hosts and database; no user, no password.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("hosts", &self.hosts)
            .field("database", &self.database)
            .field("shards", &self.shards)
            .finish_non_exhaustive()
    }
}

pub(crate) fn refused(store: String, doing: &'static str, why: Refusal) -> StoreError {
    StoreError::Unavailable { store, doing, retryable: false, source: Box::new(why) }
}
