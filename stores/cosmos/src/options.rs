//! Where the store is, who asks, and how patiently.

use crate::client::Client;
use crate::error::CosmosFailure;
use crate::schema::{self, Site};
use crate::store::CosmosStore;
use crate::tails::Pace;
use azure_core::credentials::{Secret, TokenCredential};
use azure_data_cosmos::models::ThroughputProperties;
use azure_data_cosmos::options::ConnectionPoolOptions;
use azure_data_cosmos::{
    AccountEndpoint, AccountReference, CosmosClient, CosmosClientBuilder, CosmosRuntime, RoutingStrategy,
};
use statewright::store::StoreError;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// Shards of a store that is made without a number.
const SHARDS: u16 = 256;

/// How a [`CosmosStore`] is made and opened.
///
/// From an endpoint and a key or credential, or from the connection string of an account:
///
/// ```
/// # use statewright_cosmos::CosmosOptions;
/// let options: CosmosOptions = "AccountEndpoint=https://shop.documents.azure.com/;AccountKey=c2VjcmV0;".parse()?;
/// assert!(!format!("{options:?}").contains("c2VjcmV0"));
/// # Ok::<_, statewright::store::StoreError>(())
/// ```
#[derive(Clone)]
#[must_use = "options do nothing until they make or open a store"]
pub struct CosmosOptions {
    endpoint: String,
    identity: Option<Identity>,
    database: String,
    container: String,
    shards: Option<u16>,
    throughput: Option<u64>,
    call_timeout: Duration,
    connect_timeout: Duration,
    polls: (Duration, Duration),
    runtime: Option<CosmosRuntime>,
}

#[derive(Clone)]
enum Identity {
    Key(Secret),
    Credential(Arc<dyn TokenCredential>),
}

impl CosmosOptions {
    /// Options for the account with this endpoint, `https://<account>.documents.azure.com/`.
    pub fn at(endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            identity: None,
            database: "statewright".to_owned(),
            container: "statewright".to_owned(),
            shards: None,
            throughput: None,
            call_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            polls: (Duration::from_millis(50), Duration::from_secs(1)),
            runtime: None,
        }
    }

    /// One of the account's keys.
    pub fn key(mut self, key: impl Into<Secret>) -> Self {
        self.identity = Some(Identity::Key(key.into()));
        self
    }

    /// An identity of Microsoft Entra. The service lets such a one read and write items, and does not let it make
    /// databases and containers: make those otherwise, then [`create`](Self::create) adds what is missing in them.
    pub fn credential(mut self, credential: Arc<dyn TokenCredential>) -> Self {
        self.identity = Some(Identity::Credential(credential));
        self
    }

    /// The database, `statewright` unless said otherwise.
    pub fn database(mut self, database: impl Into<String>) -> Self {
        self.database = database.into();
        self
    }

    /// The container, `statewright` unless said otherwise. Each holds one store.
    pub fn container(mut self, container: impl Into<String>) -> Self {
        self.container = container.into();
        self
    }

    /// Shards, each a logical partition: 256 for a new store unless said otherwise, at least 1, and fixed when it is made.
    /// Opening a store that has another number is refused; without a number it opens whatever was made.
    pub fn shards(mut self, shards: u16) -> Self {
        self.shards = Some(shards.max(1));
        self
    }

    /// Request units per second of a container that is made, as many as the account or database gives unless said
    /// otherwise. A container that is there keeps its own.
    pub fn throughput(mut self, request_units: u64) -> Self {
        self.throughput = Some(request_units);
        self
    }

    /// How long a call may take, repeats of throttled ones included: 10 seconds unless said otherwise.
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }

    /// How long connecting may take: 5 seconds unless said otherwise. The SDK takes 100 ms to 6 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Pauses between questions for what other processes have appended, while something happens and while nothing does:
    /// 50 ms and 1 s unless said otherwise. Nobody asks when nobody waits.
    pub fn polls(mut self, busy: Duration, idle: Duration) -> Self {
        self.polls = (busy, idle);
        self
    }

    /// A runtime of the SDK that the program has already, with its own pool and connect timeout.
    pub fn runtime(mut self, runtime: CosmosRuntime) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Makes the store: database, container and what says which store it is. What is there is left as it is, so it may be
    /// called each time the program starts.
    ///
    /// # Errors
    /// The service does not answer or does not allow it, the store is there with another number of shards than asked for,
    /// or a newer program made it.
    pub async fn create(&self) -> Result<(), StoreError> {
        const DOING: &str = "make the store";
        let client = self.connect().await.map_err(|failure| failure.of(&self.name(), DOING))?;
        let site = self.site(&client);
        let made = async {
            if site.container().await?.is_none() {
                site.make(self.throughput.map(ThroughputProperties::manual)).await?;
            }
            site.container().await
        };
        let container = self.bounded(made).await.map_err(|failure| failure.of(&self.name(), DOING))?;
        let container = container.ok_or_else(|| self.not_made())?;
        let client = Client::new(container, self.call_timeout);
        let founded = schema::found(&client, self.shards.unwrap_or(SHARDS)).await;
        founded.map_err(|failure| failure.of(&self.name(), DOING))?;
        self.agreed(&client).await.map(drop)
    }

    /// Opens a store that was made.
    ///
    /// # Errors
    /// There is none, it has another number of shards than asked for, a newer program made it, or the service does not
    /// answer.
    pub async fn open(&self) -> Result<CosmosStore, StoreError> {
        let failed = |failure: CosmosFailure| failure.of(&self.name(), "open the store");
        let client = self.connect().await.map_err(failed)?;
        let container = self.bounded(self.site(&client).container()).await.map_err(failed)?;
        let container = container.ok_or_else(|| self.not_made())?;
        let client = Client::new(container, self.call_timeout);
        let shards = self.agreed(&client).await?;
        let (busy, idle) = self.polls;
        Ok(CosmosStore::of(self.name(), client, shards, Pace::between(busy, idle)))
    }

    /// The number of shards, if it is the one that was asked for.
    async fn agreed(&self, client: &Client) -> Result<u16, StoreError> {
        let found = schema::shards(client, &self.name()).await?.ok_or_else(|| self.not_made())?;
        match self.shards {
            Some(asked) if asked != found => {
                Err(CosmosFailure::OtherShards { found, asked }.of(&self.name(), "open the store"))
            }
            _ => Ok(found),
        }
    }

    async fn connect(&self) -> Result<CosmosClient, CosmosFailure> {
        let endpoint = AccountEndpoint::from_str(&self.endpoint);
        let endpoint = endpoint.map_err(|_| CosmosFailure::Unreadable { what: "endpoint" })?;
        let account = match &self.identity {
            None => return Err(CosmosFailure::NoCredential),
            Some(Identity::Key(key)) => AccountReference::with_authentication_key(endpoint, key.clone()),
            Some(Identity::Credential(credential)) => {
                AccountReference::with_credential(endpoint, Arc::clone(credential))
            }
        };
        let connected = async {
            let runtime = match &self.runtime {
                Some(runtime) => runtime.clone(),
                None => self.own_runtime().await?,
            };
            // Without a preference of its own the SDK asks the account's first region, where writes go.
            let routing = RoutingStrategy::PreferredRegions(Vec::new());
            CosmosClientBuilder::new().with_runtime(runtime).build(account, routing).await
        };
        self.bounded(connected).await
    }

    async fn own_runtime(&self) -> azure_data_cosmos::Result<CosmosRuntime> {
        let pool = ConnectionPoolOptions::builder().with_max_connect_timeout(self.connect_timeout).build()?;
        CosmosRuntime::builder().with_connection_pool(pool).build().await
    }

    async fn bounded<T>(
        &self,
        call: impl Future<Output = azure_data_cosmos::Result<T>>,
    ) -> Result<T, CosmosFailure> {
        match tokio::time::timeout(self.call_timeout, call).await {
            Ok(answer) => answer.map_err(CosmosFailure::answered),
            Err(_) => Err(CosmosFailure::TimedOut { after: self.call_timeout }),
        }
    }

    fn site<'a>(&'a self, client: &'a CosmosClient) -> Site<'a> {
        Site { client, database: &self.database, container: &self.container }
    }

    fn not_made(&self) -> StoreError {
        let (database, container) = (self.database.clone(), self.container.clone());
        CosmosFailure::NotMade { database, container }.of(&self.name(), "open the store")
    }

    /// Endpoint, database and container: what errors call the store.
    fn name(&self) -> String {
        format!("{}/{}/{}", self.endpoint.trim_end_matches('/'), self.database, self.container)
    }
}

/// The connection string of an account: `AccountEndpoint=…;AccountKey=…;`.
impl FromStr for CosmosOptions {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (mut endpoint, mut key) = (None, None);
        for (name, value) in text.split(';').filter_map(|part| part.trim().split_once('=')) {
            match name {
                _ if name.eq_ignore_ascii_case("AccountEndpoint") => endpoint = Some(value),
                _ if name.eq_ignore_ascii_case("AccountKey") => key = Some(value),
                _ => {}
            }
        }
        let missing = |what| CosmosFailure::Unreadable { what }.of("Azure Cosmos DB", "read the options");
        let endpoint = endpoint.ok_or_else(|| missing("endpoint of the connection string"))?;
        let key = key.ok_or_else(|| missing("key of the connection string"))?;
        Ok(Self::at(endpoint).key(key.to_owned()))
    }
}

/// Without secrets.
impl fmt::Debug for CosmosOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let identity = self.identity.as_ref().map(|identity| match identity {
            Identity::Key(_) => "key",
            Identity::Credential(_) => "credential",
        });
        f.debug_struct("CosmosOptions")
            .field("store", &self.name())
            .field("identity", &identity)
            .field("shards", &self.shards)
            .finish_non_exhaustive()
    }
}
