//! Stores that several processes have in common, by the address of their server.
//!
//! What else can be chosen about a store stays as its crate has it.

use statewright::store::{Limits, Store};
use statewright_nats::NatsStore;
use statewright_postgres::PostgresStore;
use std::error::Error;
use std::sync::Arc;

/// Whatever ends a process of the tests.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A store of its own on a server.
#[derive(Clone, Debug)]
pub struct Place {
    /// `postgres://…` or `nats://…`.
    pub url: String,
    /// Its name there.
    pub name: String,
}

/// An open store.
#[derive(Clone, Debug)]
pub enum Opened {
    /// On PostgreSQL.
    Postgres(Arc<PostgresStore>),
    /// On NATS.
    Nats(Arc<NatsStore>),
}

impl Place {
    /// A place that nobody else has.
    pub fn new(url: &str) -> Self {
        Self { url: url.to_owned(), name: format!("hosts_{:016x}", fastrand::u64(..)) }
    }

    /// Whether its server is of NATS.
    pub fn is_nats(&self) -> bool {
        self.url.starts_with("nats://")
    }

    /// Makes the store if it is not there, and opens it.
    ///
    /// # Errors
    /// The server's.
    pub async fn open(&self) -> Result<Opened, Failure> {
        if self.is_nats() {
            let options = statewright_nats::Options::from_url(&self.url)?.name(&self.name)?;
            return Ok(Opened::Nats(Arc::new(options.create().await?)));
        }
        let options = statewright_postgres::Options::from_url(&self.url)?.schema(&self.name);
        options.create().await?;
        Ok(Opened::Postgres(Arc::new(options.open().await?)))
    }
}

impl Opened {
    /// For a host.
    pub fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Postgres(store) => store.clone(),
            Self::Nats(store) => store.clone(),
        }
    }

    /// What it can do.
    pub fn limits(&self) -> Limits {
        self.store().limits().clone()
    }
}
