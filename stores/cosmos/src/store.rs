//! The store itself: the contract over one container.

use crate::append::{Job, Prepared};
use crate::cells::CELL_BYTES_MAX;
use crate::client::Client;
use crate::error::CosmosFailure;
use crate::flight::launch;
use crate::options::CosmosOptions;
use crate::runway::Runway;
use crate::schema;
use crate::statistics::CosmosStatistics;
use crate::tails::Pace;
use futures_core::future::BoxFuture;
use statewright::store::{
    Answer, Append, Atomic, Cell, CellKey, Cursor, Head, Limits, Outcome, Page, Put, Record, Revision, Shard,
    Store, StoreError, StreamId, Unit, admit,
};
use std::fmt;
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore, oneshot};

/// Bytes of payload in one step: with what encoding may add it fits into an item.
const STEP_BYTES_MAX: usize = 512 << 10;
/// Steps of one append: a batch takes 100 operations, of which one counts, one reads the head and one may end the stream.
const STEPS_MAX: usize = 97;
/// Jobs that wait, over all shards; more wait outside.
const QUEUE_MAX: usize = 4_096;

/// Instances in one container of Azure Cosmos DB. Cheap to clone; clones are the same handle.
#[derive(Clone)]
pub struct CosmosStore {
    core: Arc<Core>,
}

/// What the calls of a store share.
pub(crate) struct Core {
    pub(crate) name: String,
    pub(crate) client: Client,
    pub(crate) runways: Box<[Runway]>,
    pub(crate) pace: Mutex<Pace>,
    limits: Limits,
    room: Arc<Semaphore>,
}

/// The fate of an append that was handed over, or is known already.
type Fate = Result<oneshot::Receiver<Vec<Outcome>>, StoreError>;

impl CosmosStore {
    pub(crate) fn of(name: String, client: Client, shards: u16, pace: Pace) -> Self {
        let limits = Limits {
            shards,
            atomic: Atomic::Shard,
            step_bytes_max: STEP_BYTES_MAX,
            steps_max: STEPS_MAX,
            cell_bytes_max: CELL_BYTES_MAX,
            exclusive: false,
        };
        let runways = (0..shards).map(|_| Runway::new()).collect();
        let room = Arc::new(Semaphore::new(QUEUE_MAX));
        Self { core: Arc::new(Core { name, client, runways, pace: Mutex::new(pace), limits, room }) }
    }

    /// Options to begin with: the endpoint of an account, `https://<account>.documents.azure.com/`.
    pub fn at(endpoint: impl Into<String>) -> CosmosOptions {
        CosmosOptions::at(endpoint)
    }

    /// Whether the service answers for this store, within the timeout of a call.
    pub async fn is_healthy(&self) -> bool {
        matches!(schema::shards(&self.core.client, &self.core.name).await, Ok(Some(_)))
    }

    /// What was done since the store was opened.
    pub fn statistics(&self) -> CosmosStatistics {
        self.core.client.counts.now()
    }
}

/// Without secrets: endpoint, database and container.
impl fmt::Debug for CosmosStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CosmosStore").field("name", &self.core.name).finish_non_exhaustive()
    }
}

impl Core {
    pub(crate) fn shard(&self, stream: &StreamId) -> Shard {
        stream.shard(self.limits.shards)
    }

    pub(crate) fn runway(&self, shard: Shard) -> Option<&Runway> {
        self.runways.get(usize::from(shard.0))
    }

    fn prepare(&self, append: &Append) -> Result<Prepared, StoreError> {
        admit(&self.limits, append)?;
        Prepared::of(append, self.shard(&append.stream), &self.name)
    }

    /// Lets appends of one shard, which stand or fall as one, wait for the next flight.
    async fn hand_over(self: &Arc<Self>, shard: Shard, appends: Vec<Prepared>) -> Fate {
        let ended = |_| CosmosFailure::Ended.of(&self.name, "append");
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(ended)?;
        let (answer, fate) = oneshot::channel();
        let job = Job::of(appends, answer, room)?;
        if self.runway(shard).is_some_and(|runway| runway.push(job)) {
            launch(Arc::clone(self), shard);
        }
        Ok(fate)
    }

    async fn outcomes(&self, fate: Fate, count: usize) -> Vec<Outcome> {
        let lost = || Outcome::Unknown(CosmosFailure::Ended.of(&self.name, "append"));
        match fate {
            Ok(fate) => fate.await.unwrap_or_else(|_| (0..count).map(|_| lost()).collect()),
            Err(refusal) => {
                let others = (1..count).map(|_| Outcome::Refused(StoreError::Batch));
                std::iter::once(Outcome::Refused(refusal)).chain(others).collect()
            }
        }
    }

    async fn append_each(self: &Arc<Self>, batch: Vec<Append>) -> Vec<Outcome> {
        let mut fates = Vec::with_capacity(batch.len());
        for append in batch {
            fates.push(match self.prepare(&append) {
                Ok(prepared) => self.hand_over(self.shard(&append.stream), vec![prepared]).await,
                Err(refusal) => Err(refusal),
            });
        }
        let mut outcomes = Vec::with_capacity(fates.len());
        for fate in fates {
            outcomes.extend(self.outcomes(fate, 1).await);
        }
        outcomes
    }

    async fn append_whole(self: &Arc<Self>, batch: Vec<Append>) -> Vec<Outcome> {
        let Some(shard) = batch.first().map(|append| self.shard(&append.stream)) else { return Vec::new() };
        if batch.iter().any(|append| self.shard(&append.stream) != shard) {
            let refused = || Outcome::Refused(StoreError::NotAtomic { can: Atomic::Shard });
            return batch.iter().map(|_| refused()).collect();
        }
        let prepared: Vec<_> = batch.iter().map(|append| self.prepare(append)).collect();
        if prepared.iter().any(Result::is_err) {
            let why = |prepared: Result<_, _>| prepared.err().unwrap_or(StoreError::Batch);
            return prepared.into_iter().map(|prepared| Outcome::Refused(why(prepared))).collect();
        }
        let fate = self.hand_over(shard, prepared.into_iter().flatten().collect()).await;
        self.outcomes(fate, batch.len()).await
    }
}

impl Store for CosmosStore {
    fn limits(&self) -> &Limits {
        &self.core.limits
    }

    fn append(&self, batch: Vec<Append>, unit: Unit) -> BoxFuture<'_, Vec<Outcome>> {
        Box::pin(async move {
            match unit {
                Unit::Each => self.core.append_each(batch).await,
                Unit::Batch => self.core.append_whole(batch).await,
            }
        })
    }

    fn head<'a>(&'a self, stream: &'a StreamId) -> Answer<'a, Head> {
        Box::pin(self.core.head(stream))
    }

    fn read<'a>(
        &'a self,
        stream: &'a StreamId,
        after: Revision,
        limit: usize,
    ) -> Answer<'a, (Vec<Record>, Head)> {
        Box::pin(self.core.read(stream, after, limit))
    }

    fn scan<'a>(&'a self, shard: Shard, after: &'a Cursor, limit: usize) -> Answer<'a, Page> {
        Box::pin(self.core.scan(shard, after, limit))
    }

    fn end(&self, shard: Shard) -> Answer<'_, Cursor> {
        Box::pin(self.core.end(shard))
    }

    fn changed<'a>(&'a self, shard: Shard, after: &'a Cursor) -> Answer<'a, ()> {
        Box::pin(self.core.changed(shard, after))
    }

    fn streams<'a>(
        &'a self,
        shard: Shard,
        after: Option<&'a StreamId>,
        limit: usize,
    ) -> Answer<'a, Vec<StreamId>> {
        Box::pin(self.core.streams(shard, after, limit))
    }

    fn erase<'a>(&'a self, stream: &'a StreamId) -> Answer<'a, ()> {
        Box::pin(self.core.erase(stream))
    }

    fn get<'a>(&'a self, keys: &'a [CellKey]) -> Answer<'a, Vec<Cell>> {
        Box::pin(self.core.get(keys))
    }

    fn put(&self, puts: Vec<Put>) -> Answer<'_, Vec<Option<u64>>> {
        Box::pin(self.core.put(puts))
    }

    fn list<'a>(
        &'a self,
        shard: Shard,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: usize,
    ) -> Answer<'a, Vec<Cell>> {
        Box::pin(self.core.list(shard, prefix, after, limit))
    }
}
