//! What is under way: requests of one instance, from the moment they leave their lane until each has its result.

use super::engine::Loss;
use super::request::Item;
use crate::error::FireError;
use crate::host::convoy::Convoy;
use crate::host::limits::Passes;
use crate::host::request::Reply;
use crate::host::{Fired, Host, runner};
use crate::machine::Machine;
use crate::observe::Began;
use crate::repository::Origin;
use crate::store::{Revision, StreamId};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;

pub(super) struct Flight<M: Machine> {
    pub(super) stream: StreamId,
    /// `None`: its result is known.
    pub(super) items: Vec<Option<Item<M>>>,
    pub(super) stage: Stage<M>,
    /// When its alarm rings.
    pub(super) until: Duration,
    /// What is to be called off with it.
    pub(super) errand: Option<AbortHandle>,
    /// Since when.
    pub(super) began: Began,
    /// What its one request took from the limits of the host.
    pub(super) passes: Option<Passes>,
    /// Why it was called back while it was in commit.
    pub(super) loss: Option<Loss>,
}

pub(super) enum Stage<M: Machine> {
    /// Waits for limits, if there are any.
    Waiting,
    /// In the instance's queue, or beyond.
    Away(Arc<Convoy<M>>),
    /// Its time is over and it was handed to the store: the records are asked.
    Looking(Option<Arc<Convoy<M>>>),
}

/// What is done for a flight elsewhere.
pub(super) enum Errand<M: Machine> {
    Tokens(u64, StreamId, Result<Passes, FireError>),
    Travelled,
    Looked(u64, Vec<(usize, Reply<M>)>),
}

/// What becomes of requests without an answer.
#[derive(Clone, Copy)]
pub(super) enum Unanswered {
    /// Nobody decided them: they go back to their lane.
    Back,
    /// Nothing is recorded.
    Lost(Loss),
    /// Nobody knows.
    Open,
}

impl<M: Machine> Flight<M> {
    pub(super) fn convoy(&self) -> Option<&Arc<Convoy<M>>> {
        match &self.stage {
            Stage::Waiting => None,
            Stage::Away(convoy) => Some(convoy),
            Stage::Looking(convoy) => convoy.as_ref(),
        }
    }

    /// The answers that came in, by place.
    pub(super) fn replies(&self) -> Vec<Option<Reply<M>>> {
        let replies = self.convoy().map(|convoy| convoy.take()).unwrap_or_default();
        let missing = self.items.len().saturating_sub(replies.len());
        replies.into_iter().chain((0..missing).map(|_| None)).collect()
    }

    /// The command ids that the records are asked for, by instance.
    pub(super) fn asked(&self) -> BTreeMap<StreamId, Vec<(usize, Origin)>> {
        let mut asked: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (place, item) in self.items.iter().enumerate() {
            if let Some(item) = item {
                asked.entry(item.stream.clone()).or_default().push((place, item.wish.origin.clone()));
            }
        }
        asked
    }
}

/// Looks for requests in the records of their instance. What is not found may still come. One that is found behind
/// `after` is its own record.
pub(super) async fn look<M: Machine>(
    host: Host<M>,
    (stream, after): (StreamId, Revision),
    asked: Vec<(usize, Origin)>,
) -> Vec<(usize, Reply<M>)> {
    let Ok(loaded) = runner::load(&host.0, &stream).await else { return Vec::new() };
    let (mut found, mut known) = (Vec::new(), HashSet::new());
    for (place, origin) in asked {
        let Some(revision) = loaded.fold.seen(&origin.command) else { continue };
        let own = revision > after && known.insert(Arc::clone(&origin.command));
        match runner::recorded(&host.0, &stream, (&origin, revision)).await {
            Err(FireError::Load(_)) => {}
            reply => found.push((place, reply.map(|fired| Fired { duplicate: !own, ..fired }))),
        }
    }
    found
}
