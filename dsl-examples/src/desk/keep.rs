//! The store that keeps the incidents: a file, or a server where this program was built for one.
//!
//! What else can be chosen about a store stands in its URL, or stays as it is.

use super::drive::Failure;
use statewright::store::Store;
use statewright_sqlite::SqliteStore;
use std::path::Path;
use std::sync::Arc;

/// An open store.
pub(crate) enum Keep {
    Sqlite(Arc<SqliteStore>),
    #[cfg(feature = "postgres")]
    Postgres(Arc<statewright_postgres::PostgresStore>),
    #[cfg(feature = "nats")]
    Nats(Arc<statewright_nats::NatsStore>),
}

/// An address that this program has no store for.
#[derive(Debug, thiserror::Error)]
enum Unknown {
    #[cfg_attr(all(feature = "postgres", feature = "nats"), expect(dead_code, reason = "it has all of them"))]
    #[error("this program was built without the store at `{0}://…`: build it with `--features {1}`")]
    Feature(String, &'static str),
    #[error("there is no store at `{0}://…`: it is a file, `postgres://…` or `nats://…`")]
    Scheme(String),
}

impl Keep {
    /// Opens the store, and makes it if it is not there.
    pub(crate) async fn make(place: &str) -> Result<Self, Failure> {
        match place.split_once("://").map(|(scheme, _)| scheme) {
            None => Ok(Self::Sqlite(Arc::new(SqliteStore::open(place)?))),
            #[cfg(feature = "postgres")]
            Some("postgres" | "postgresql") => {
                let options = statewright_postgres::Options::from_url(place)?;
                options.create().await?;
                Ok(Self::Postgres(Arc::new(options.open().await?)))
            }
            #[cfg(feature = "nats")]
            Some("nats" | "tls") => {
                let options = statewright_nats::Options::from_url(place)?;
                Ok(Self::Nats(Arc::new(options.create().await?)))
            }
            Some(scheme) => Err(unknown(scheme).into()),
        }
    }

    /// Opens the store that there is.
    pub(crate) async fn open(place: &str) -> Result<Self, Failure> {
        match place.split_once("://").map(|(scheme, _)| scheme) {
            None if !Path::new(place).exists() => {
                Err(format!("there are no incidents in `{place}`: run the log first").into())
            }
            None => Self::make(place).await,
            #[cfg(feature = "postgres")]
            Some("postgres" | "postgresql") => {
                let options = statewright_postgres::Options::from_url(place)?;
                Ok(Self::Postgres(Arc::new(options.open().await?)))
            }
            #[cfg(feature = "nats")]
            Some("nats" | "tls") => {
                let options = statewright_nats::Options::from_url(place)?;
                Ok(Self::Nats(Arc::new(options.open().await?)))
            }
            Some(scheme) => Err(unknown(scheme).into()),
        }
    }

    /// For a host.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => store.clone(),
            #[cfg(feature = "postgres")]
            Self::Postgres(store) => store.clone(),
            #[cfg(feature = "nats")]
            Self::Nats(store) => store.clone(),
        }
    }

    /// Ends it in order; the host is shut down before.
    pub(crate) fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close(),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => {}
            #[cfg(feature = "nats")]
            Self::Nats(_) => {}
        }
    }
}

fn unknown(scheme: &str) -> Unknown {
    match scheme {
        #[cfg(not(feature = "postgres"))]
        "postgres" | "postgresql" => Unknown::Feature(scheme.to_owned(), "postgres"),
        #[cfg(not(feature = "nats"))]
        "nats" | "tls" => Unknown::Feature(scheme.to_owned(), "nats"),
        _ => Unknown::Scheme(scheme.to_owned()),
    }
}
