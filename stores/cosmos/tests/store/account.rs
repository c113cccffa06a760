//! Where the tests' stores are: an emulator for each test, or with `COSMOS_ENDPOINT` and `COSMOS_KEY` a database for each
//! test in that account.

use azure_data_cosmos::{
    AccountReference, CosmosClient, CosmosClientBuilder, CosmosRuntime, CosmosRuntimeBuilder, RoutingStrategy,
};
use azure_data_cosmos_driver::fault_injection::FaultInjectionRule;
use azure_data_cosmos_driver::in_memory_emulator::{
    ConsistencyLevel, InMemoryEmulatorHttpClient, VirtualAccountConfig, VirtualRegion,
};
use statewright::store::Store;
use statewright::store::conformance::Place;
use statewright_cosmos::{CosmosOptions, CosmosStore};
use std::env;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

const EMULATED: &str = "https://eastus.emulator.local";

/// A database of its own, in an account.
pub(crate) struct Account {
    endpoint: String,
    key: String,
    database: String,
    /// Without it the account is a real one.
    pub(crate) emulator: Option<Arc<InMemoryEmulatorHttpClient>>,
}

impl Account {
    /// An account without a store.
    pub(crate) fn new() -> Self {
        let database = format!("statewright-test-{}", Uuid::new_v4().simple());
        match (env::var("COSMOS_ENDPOINT"), env::var("COSMOS_KEY")) {
            (Ok(endpoint), Ok(key)) => Self { endpoint, key, database, emulator: None },
            _ => Self::emulated(),
        }
    }

    /// An account in this process, whatever the environment says: for calls that are to fail.
    pub(crate) fn emulated() -> Self {
        let region = VirtualRegion::new("East US", EMULATED.parse().expect("an address"));
        let config = VirtualAccountConfig::new(vec![region]).expect("an account");
        let emulator = InMemoryEmulatorHttpClient::new(config.with_consistency(ConsistencyLevel::Session));
        Self {
            endpoint: EMULATED.to_owned(),
            key: "dGVzdGtleQ==".to_owned(),
            database: "test".to_owned(),
            emulator: Some(Arc::new(emulator)),
        }
    }

    /// Options for a handle that shares nothing with another one.
    pub(crate) async fn options(&self) -> CosmosOptions {
        self.options_over(self.runtime().await)
    }

    /// One more handle, whose calls fail by these rules.
    pub(crate) async fn failing(&self, rules: Vec<Arc<FaultInjectionRule>>) -> CosmosStore {
        let emulator = self.emulator.as_ref().expect("an emulated account");
        let builder = CosmosRuntimeBuilder::from(emulator.runtime_builder_with_fault_rules(rules));
        let options = self.options_over(builder.build().await.expect("a runtime"));
        options.call_timeout(Duration::from_secs(2)).open().await.expect("it opens")
    }

    fn options_over(&self, runtime: CosmosRuntime) -> CosmosOptions {
        let options = CosmosStore::at(&*self.endpoint).key(self.key.clone()).database(&*self.database);
        options.runtime(runtime)
    }

    /// A store of few shards, so that a test that goes through all of them is soon through.
    pub(crate) async fn made(&self) -> CosmosStore {
        let options = self.options().await;
        options.clone().shards(4).create().await.expect("it is made");
        options.open().await.expect("it opens")
    }

    /// The SDK itself.
    pub(crate) async fn client(&self) -> CosmosClient {
        let endpoint = self.endpoint.parse().expect("an address");
        let account = AccountReference::with_authentication_key(endpoint, self.key.clone());
        let builder = CosmosClientBuilder::new().with_runtime(self.runtime().await);
        builder.build(account, RoutingStrategy::PreferredRegions(Vec::new())).await.expect("it connects")
    }

    async fn runtime(&self) -> CosmosRuntime {
        let builder = match &self.emulator {
            Some(emulator) => CosmosRuntimeBuilder::from(emulator.runtime_builder()),
            None => CosmosRuntime::builder(),
        };
        builder.build().await.expect("a runtime")
    }
}

impl Place for Account {
    async fn fresh() -> Self {
        let account = Self::new();
        account.made().await;
        account
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.options().await.open().await.expect("it opens"))
    }

    async fn remove(self) {
        let gone = self.client().await.database_client(self.database.clone()).delete(None).await;
        gone.expect("the database goes");
    }
}
