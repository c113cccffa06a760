//! What makes a container a store: its index, and the item that says which store it is.
//!
//! The version grows when items of a new kind, or known ones with another meaning, would be misread by older programs.

use crate::client::Client;
use crate::error::CosmosFailure;
use azure_data_cosmos::clients::ContainerClient;
use azure_data_cosmos::models::{ContainerProperties, IndexingPolicy, ThroughputProperties};
use azure_data_cosmos::options::CreateContainerOptions;
use azure_data_cosmos::{CosmosClient, CosmosError};
use serde::{Deserialize, Serialize};
use statewright::store::StoreError;

/// The schema that this program writes.
const VERSION: u32 = 1;
/// The partition of what belongs to no shard, and the id of the item there.
const STORE: &str = "store";
/// What is looked for by value. Ids are always indexed, all else costs and is never asked for.
const INDEXED: [&str; 3] = ["/position/?", "/stream/?", "/cell/?"];

/// Which store a container is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoreItem {
    id: String,
    shard: String,
    schema: u32,
    shards: u16,
}

/// Where a store is.
pub(crate) struct Site<'a> {
    pub(crate) client: &'a CosmosClient,
    pub(crate) database: &'a str,
    pub(crate) container: &'a str,
}

impl Site<'_> {
    /// The container; `None` when it, or its database, is not there.
    pub(crate) async fn container(&self) -> Result<Option<ContainerClient>, CosmosError> {
        let database = self.client.database_client(self.database.to_owned());
        match database.container_client(self.container.to_owned(), None).await {
            Ok(container) => Ok(Some(container)),
            Err(error) if error.status().is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the database and the container where they are missing.
    pub(crate) async fn make(&self, throughput: Option<ThroughputProperties>) -> Result<(), CosmosError> {
        there(self.client.create_database(self.database, None).await.map(drop))?;
        let mut index = IndexingPolicy::default().with_excluded_path("/*");
        for path in INDEXED {
            index = index.with_included_path(path);
        }
        let container = ContainerProperties::new(self.container.to_owned(), "/shard".into());
        let options =
            throughput.map(|throughput| CreateContainerOptions::default().with_throughput(throughput));
        let database = self.client.database_client(self.database.to_owned());
        there(database.create_container(container.with_indexing_policy(index), options).await.map(drop))
    }
}

fn there(made: Result<(), CosmosError>) -> Result<(), CosmosError> {
    made.or_else(|error| if error.status().is_conflict() { Ok(()) } else { Err(error) })
}

/// Says which store the container is, unless it says so already.
pub(crate) async fn found(client: &Client, shards: u16) -> Result<(), CosmosFailure> {
    let item = StoreItem { id: STORE.to_owned(), shard: STORE.to_owned(), schema: VERSION, shards };
    match client.write(STORE, (STORE, &item), None).await {
        Err(failure) if failure.status().0 == 409 => Ok(()),
        written => written,
    }
}

/// The number of shards; `None` when the container is no store.
///
/// # Errors
/// A newer program made it, or the service does not answer.
pub(crate) async fn shards(client: &Client, store: &str) -> Result<Option<u16>, StoreError> {
    let found = client.read::<StoreItem>(STORE, STORE).await;
    let found = found.map_err(|failure| failure.of(store, "read which store it is"))?;
    match found {
        Some((item, _)) if item.schema > VERSION => {
            Err(StoreError::Newer { store: store.to_owned(), found: item.schema, known: VERSION })
        }
        found => Ok(found.map(|(item, _)| item.shards.max(1))),
    }
}
