//! Many triggers at many instances as one batch: bounded in time and in what is under way, each with its result.
//!
//! A batch decides nothing: it hands requests over to the instances' queues like any caller, those of one instance
//! together, and their appends reach the store together. It is no transaction: every request stands for itself.

mod alarms;
mod atomic;
mod end;
mod engine;
mod flight;
mod lanes;
mod options;
mod report;
mod request;
mod tokens;
mod way;
mod whole;

pub use options::{BatchOptions, OnFailure, Retry};
pub use report::{BatchCounts, BatchItem, BatchOutcome, BatchReport, Bound, Skip};
pub use request::BatchRequest;
pub(super) use request::Wish;

use super::Host;
use crate::machine::Machine;
use engine::Engine;
use futures_core::Stream;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::watch;

/// A batch that is to be fired; see [`Host::batch`].
#[must_use = "a batch does nothing until it is fired"]
pub struct Batch<M: Machine> {
    host: Host<M>,
    options: BatchOptions,
    /// The only one whose instances it reaches.
    tenant: Option<Arc<str>>,
    cancel: Canceller,
}

/// Cancels a batch from elsewhere. Clones cancel the same batch.
#[derive(Clone, Debug)]
pub struct Canceller(Arc<watch::Sender<bool>>);

impl Canceller {
    /// Nothing more is handed over. What is in commit comes to its end and is reported.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }
}

impl<M: Machine> Batch<M> {
    pub(super) fn new(host: Host<M>, options: BatchOptions, tenant: Option<Arc<str>>) -> Self {
        Self { host, options, tenant, cancel: Canceller(Arc::new(watch::Sender::new(false))) }
    }

    /// What cancels this batch.
    pub fn canceller(&self) -> Canceller {
        self.cancel.clone()
    }

    /// Fires all requests. Those of one instance run in the order given; the report stands in the order given too, and every
    /// request has exactly one outcome in it.
    ///
    /// Dropped before it is done, it hands nothing more over, and takes back what was not handed to the store.
    pub async fn fire_all(mut self, requests: impl IntoIterator<Item = BatchRequest<M>>) -> BatchReport<M> {
        let requests: Vec<_> = requests.into_iter().collect();
        // All of them are in memory already, and so will be all results.
        self.options.ahead_max = usize::MAX;
        let mut items = Vec::with_capacity(requests.len());
        let mut stream = self.fire_each(requests);
        while let Some(item) = stream.next().await {
            items.push(item);
        }
        items.sort_unstable_by_key(|item| item.place);
        BatchReport { items, counts: stream.counts() }
    }

    /// Fires what an iterator gives; each result comes when it is known. See [`fire_stream`](Self::fire_stream).
    pub fn fire_each(
        self,
        requests: impl IntoIterator<Item = BatchRequest<M>, IntoIter: Send + 'static>,
    ) -> BatchStream<M> {
        self.fire_stream(Each(Box::new(requests.into_iter())))
    }

    /// Fires what a stream gives; each result comes when it is known. At most [`BatchOptions::ahead_max`] requests are
    /// taken before their results were. When the batch ends early, nothing more is taken from the stream, and what was
    /// not taken has no result.
    ///
    /// The batch goes on while somebody asks for results, and its time begins with the first question. Dropped, it hands
    /// nothing more over, and takes back what was not handed to the store.
    pub fn fire_stream(
        self,
        requests: impl Stream<Item = BatchRequest<M>> + Send + 'static,
    ) -> BatchStream<M> {
        let mut cancelled = self.cancel.0.subscribe();
        let cancel = self.cancel;
        let cancelled = Box::pin(async move {
            // Kept here, so that the channel never closes.
            let _open = cancel;
            let _ = cancelled.wait_for(|cancelled| *cancelled).await;
        });
        let input = (Box::pin(requests) as _, self.tenant);
        BatchStream(Box::new(Engine::new(self.host, self.options, input, cancelled)))
    }
}

/// The results of a batch as they become known.
#[must_use = "a batch goes on while somebody asks for its results"]
pub struct BatchStream<M: Machine>(Box<Engine<M>>);

impl<M: Machine> BatchStream<M> {
    /// The next result; `None` when every request that was taken has one. Cancel safe.
    pub async fn next(&mut self) -> Option<BatchItem<M>> {
        std::future::poll_fn(|cx| self.0.poll_next(cx)).await
    }

    /// What is known so far.
    pub fn counts(&self) -> BatchCounts {
        self.0.counts()
    }
}

impl<M: Machine> Stream for BatchStream<M> {
    type Item = BatchItem<M>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next(cx)
    }
}

/// An iterator as a stream.
struct Each<I>(Box<I>);

impl<I: Iterator> Stream for Each<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }
}

impl<M: Machine> fmt::Debug for Batch<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("options", &self.options).finish_non_exhaustive()
    }
}

impl<M: Machine> fmt::Debug for BatchStream<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchStream").field("counts", &self.counts()).finish_non_exhaustive()
    }
}
