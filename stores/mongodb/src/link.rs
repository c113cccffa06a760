//! The way to the server: one client, its collections, and a timeout for everything that is asked of it.
//!
//! It knows neither records nor cells.

use crate::codec::Row;
use crate::error::{Late, Said, is_retryable};
use crate::options::{Options, refused};
use mongodb::bson::Document;
use mongodb::options::{
    Acknowledgment, ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern,
};
use mongodb::{Client, ClientSession, Collection, Database};
use serde::{Deserialize, Serialize};
use statewright::store::StoreError;
use std::future::IntoFuture;
use std::time::Duration;

/// The collection of records.
pub(crate) const RECORDS: &str = "records";
/// The collection of counters, one for each shard.
pub(crate) const COUNTERS: &str = "counters";
/// The collection of cells.
pub(crate) const CELLS: &str = "cells";
/// The collection of what there is once.
pub(crate) const META: &str = "meta";

/// The document of [`META`] that counts the versions of cells.
pub(crate) const VERSIONS: &str = "cells";

/// How far the order of a shard has come.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Counter {
    #[serde(rename = "_id")]
    pub(crate) shard: i32,
    /// Position of the last record.
    pub(crate) position: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Link {
    client: Client,
    pub(crate) database: Database,
    /// Hosts and database, for errors.
    pub(crate) name: String,
    pub(crate) timeout: Duration,
}

impl Link {
    pub(crate) async fn connect(options: &Options) -> Result<Self, StoreError> {
        let database = options
            .database_name()
            .map_err(|why| refused(format!("mongodb://{}", options.hosts), "find the database", why))?;
        let name = format!("mongodb://{}/{database}", options.hosts);
        let fail = |error: mongodb::error::Error| driver(&name, "connect", &error);
        let resolve = ClientOptions::parse(options.url.clone());
        let resolved = tokio::time::timeout(options.connect_timeout, resolve.into_future()).await;
        let mut settings =
            resolved.map_err(|_| late(&name, "connect", options.connect_timeout))?.map_err(fail)?;
        settings.app_name.get_or_insert_with(|| "statewright".to_owned());
        settings.max_pool_size = Some(options.connections_max);
        settings.connect_timeout = Some(options.connect_timeout);
        settings.server_selection_timeout = Some(options.connect_timeout);
        settings.read_concern = Some(ReadConcern::majority());
        settings.write_concern = Some(durable());
        settings.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
        if let Some(tls) = options.tls_or_url() {
            settings.tls = Some(tls);
        }
        let client = Client::with_options(settings).map_err(fail)?;
        let database = client.database(database);
        Ok(Self { client, database, timeout: options.call_timeout, name })
    }

    pub(crate) fn records(&self) -> Collection<Row> {
        self.database.collection(RECORDS)
    }

    pub(crate) fn counters(&self) -> Collection<Counter> {
        self.database.collection(COUNTERS)
    }

    pub(crate) fn meta(&self) -> Collection<Document> {
        self.database.collection(META)
    }

    pub(crate) async fn session(&self) -> mongodb::error::Result<ClientSession> {
        // What a transaction has to see is proven by the counters, not by a time that is carried along.
        self.client.start_session().causal_consistency(false).await
    }

    /// Asks, and waits for an answer as long as a call may take.
    pub(crate) async fn call<T>(
        &self,
        doing: &'static str,
        call: impl IntoFuture<Output = mongodb::error::Result<T>>,
    ) -> Result<T, StoreError> {
        match tokio::time::timeout(self.timeout, call.into_future()).await {
            Ok(answer) => answer.map_err(|error| self.failed(doing, &error)),
            Err(_) => Err(late(&self.name, doing, self.timeout)),
        }
    }

    pub(crate) fn failed(&self, doing: &'static str, error: &mongodb::error::Error) -> StoreError {
        driver(&self.name, doing, error)
    }

    pub(crate) fn late(&self, doing: &'static str) -> StoreError {
        late(&self.name, doing, self.timeout)
    }

    pub(crate) fn corrupt(&self, what: impl Into<String>) -> StoreError {
        StoreError::Corrupt { store: self.name.clone(), what: what.into() }
    }

    pub(crate) fn closed(&self) -> StoreError {
        StoreError::Closed { store: self.name.clone() }
    }

    /// Ends connections; what is asked afterwards fails.
    pub(crate) async fn shut_down(&self) {
        self.client.clone().shutdown().immediate(true).await;
    }
}

/// In the journals of a majority: what an answered write survives.
pub(crate) fn durable() -> WriteConcern {
    WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build()
}

fn driver(store: &str, doing: &'static str, error: &mongodb::error::Error) -> StoreError {
    StoreError::Unavailable {
        store: store.to_owned(),
        doing,
        retryable: is_retryable(error),
        source: Box::new(Said::from(error)),
    }
}

fn late(store: &str, doing: &'static str, timeout: Duration) -> StoreError {
    StoreError::Unavailable {
        store: store.to_owned(),
        doing,
        retryable: true,
        source: Box::new(Late(timeout)),
    }
}
