//! The few calls of the service that the store is made of, each with its timeout and its consistency.
//!
//! Whether a call is worth making again is not known here: the SDK waits out throttling within a call, all else is up to
//! who asks.

use crate::error::CosmosFailure;
use crate::statistics::{Counts, add};
use azure_core::http::Etag;
use azure_data_cosmos::clients::ContainerClient;
use azure_data_cosmos::feed::FeedScope;
use azure_data_cosmos::models::{ResponseHeaders, TransactionalBatchOperationResult};
use azure_data_cosmos::options::{
    BatchOptions, ItemReadOptions, ItemWriteOptions, MaxItemCountHint, OperationOptions, Precondition,
    QueryOptions, ReadConsistencyStrategy, ThrottlingRetryOptionsBuilder,
};
use azure_data_cosmos::{CosmosError, Query, TransactionalBatch};
use futures_util::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::Future;
use std::num::NonZeroU32;
use std::pin::pin;
use std::time::Duration;

/// Most items that one page of an answer may hold; the service sends at most 4 MB.
const PAGE_MAX: usize = 1_000;
/// How often the SDK repeats a call that was throttled.
const THROTTLED_MAX: u32 = 9;

/// A container, and how it is asked.
pub(crate) struct Client {
    container: ContainerClient,
    timeout: Duration,
    operation: OperationOptions,
    pub(crate) counts: Counts,
}

impl Client {
    pub(crate) fn new(container: ContainerClient, timeout: Duration) -> Self {
        Self { container, timeout, operation: operation(timeout), counts: Counts::default() }
    }

    /// An item and its tag; `None` when it is not there.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        partition: &str,
        id: &str,
    ) -> Result<Option<(T, Etag)>, CosmosFailure> {
        let options = ItemReadOptions::default().with_operation_options(self.operation.clone());
        let answer = self.container.read_item(partition.to_owned(), id, Some(options));
        let response = match self.bounded(answer).await {
            Err(failure) if failure.is_absent() => return Ok(None),
            answer => answer?,
        };
        self.charge(response.headers());
        let etag = response.headers().etag().cloned();
        let etag = etag.ok_or(CosmosFailure::Incomplete { what: "the item's tag" })?;
        Ok(Some((response.into_model().map_err(CosmosFailure::answered)?, etag)))
    }

    /// Creates an item, or with a tag replaces it.
    pub(crate) async fn write<T: Serialize>(
        &self,
        partition: &str,
        (id, item): (&str, &T),
        tag: Option<Etag>,
    ) -> Result<(), CosmosFailure> {
        let options = ItemWriteOptions::default().with_operation_options(self.operation.clone());
        let partition = partition.to_owned();
        let response = match tag {
            None => self.bounded(self.container.create_item(partition, id, item, Some(options))).await?,
            Some(tag) => {
                let options = options.with_precondition(Precondition::IfMatch(tag));
                self.bounded(self.container.replace_item(partition, id, item, Some(options))).await?
            }
        };
        self.charge(response.headers());
        Ok(())
    }

    /// At most `limit` items that a query finds. The query bounds itself too, so that the service does not look further.
    pub(crate) async fn query<T: DeserializeOwned + Send + 'static>(
        &self,
        scope: FeedScope,
        query: Query,
        limit: usize,
    ) -> Result<Vec<T>, CosmosFailure> {
        let size = u32::try_from(limit.min(PAGE_MAX)).ok().and_then(NonZeroU32::new);
        let options = QueryOptions::default()
            .with_operation_options(self.operation.clone())
            .with_max_item_count(size.map_or(MaxItemCountHint::ServerDecides, MaxItemCountHint::Limit));
        let plan = self.container.query_items::<T>(query, scope, Some(options));
        let mut pages = pin!(self.bounded(plan).await?.into_pages());
        let mut found = Vec::new();
        while found.len() < limit {
            let page = async { pages.next().await.transpose() };
            let Some(page) = self.bounded(page).await? else { break };
            self.charge(page.headers());
            found.extend(page.into_items());
        }
        found.truncate(limit);
        Ok(found)
    }

    /// What became of each operation of a batch. `Ok` says that there was an answer, not that the batch was carried out.
    pub(crate) async fn batch(
        &self,
        batch: TransactionalBatch,
    ) -> Result<Vec<TransactionalBatchOperationResult>, CosmosFailure> {
        let options = BatchOptions::default().with_operation_options(self.operation.clone());
        let response = self.bounded(self.container.execute_transactional_batch(batch, Some(options))).await?;
        self.charge(response.headers());
        let results = response.into_model().map_err(CosmosFailure::answered)?;
        Ok(results.results().to_vec())
    }

    async fn bounded<T>(
        &self,
        call: impl Future<Output = Result<T, CosmosError>>,
    ) -> Result<T, CosmosFailure> {
        let answer = match tokio::time::timeout(self.timeout, call).await {
            Ok(answer) => answer.map_err(CosmosFailure::answered),
            Err(_) => Err(CosmosFailure::TimedOut { after: self.timeout }),
        };
        if answer.as_ref().is_err_and(|failure| !failure.is_absent()) {
            add(&self.counts.failures, 1);
        }
        answer
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a charge is small and not negative"
    )]
    fn charge(&self, headers: &ResponseHeaders) {
        let charge = headers.request_charge().map_or(0.0, |charge| charge.value());
        add(&self.counts.milli_request_units, (charge * 1_000.0) as u64);
    }
}

/// How every call is made.
///
/// Reads are quorum reads whatever the account's default is, from the write region, and never from another one because
/// that would be faster: what one host has written, the next one sees. Throttling is waited out for half the timeout at
/// most, so that it ends as what it is and not as a lost answer.
fn operation(timeout: Duration) -> OperationOptions {
    let mut operation = OperationOptions::default();
    operation.read_consistency_strategy = Some(ReadConsistencyStrategy::LatestCommitted);
    operation.hedging_enabled = Some(false);
    let throttling = ThrottlingRetryOptionsBuilder::new()
        .with_max_retry_count(THROTTLED_MAX)
        .with_max_retry_wait_time(timeout / 2);
    operation.throttling_retry_options = Some(throttling.build());
    operation
}
