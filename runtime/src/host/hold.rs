//! An instance is lent, in its turn: nobody else of this host decides for it until it is given back.
//!
//! Other hosts do not know of it; the revision decides between hosts.

use super::request::{Ask, Request};
use super::{Host, Inner, runner};
use crate::error::FireError;
use crate::machine::Machine;
use crate::repository::{Loaded, Origin};
use crate::store::StreamId;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Where the lent instance is waited for.
pub(crate) type Hold<M> = oneshot::Sender<Result<Held<M>, FireError>>;

/// A lent instance. Dropped, its copy is thrown away and the queue goes on.
pub(crate) struct Held<M: Machine> {
    /// The newest copy when it was lent.
    pub(super) live: Loaded<M>,
    pub(super) back: Back<M>,
}

/// The way back to the queue.
pub(crate) struct Back<M: Machine>(oneshot::Sender<Loaded<M>>);

impl<M: Machine> Back<M> {
    /// The copy is as recorded.
    pub(super) fn give(self, live: Loaded<M>) {
        // The queue may be gone with its runtime.
        let _ = self.0.send(live);
    }
}

/// Waits for its turn.
pub(super) async fn hold<M: Machine>(host: &Host<M>, stream: &StreamId) -> Result<Held<M>, FireError> {
    loop {
        let (sender, held) = oneshot::channel();
        match host.enqueue(stream, Request::new(Ask::Hold(sender), Origin::default())) {
            Err(FireError::Busy { retry_after, .. }) => host.0.repository.clock.sleep(retry_after).await,
            Err(error) => return Err(error),
            Ok(()) => return held.await.unwrap_or(Err(FireError::Closed)),
        }
    }
}

/// A hold, if that is what the group is.
pub(super) fn asked<M: Machine>(mut group: Vec<Request<M>>) -> Result<Hold<M>, Vec<Request<M>>> {
    match group.pop() {
        Some(Request { ask: Ask::Hold(hold), .. }) => Ok(hold),
        last => {
            group.extend(last);
            Err(group)
        }
    }
}

/// Lends the newest copy and waits until it is given back.
pub(super) async fn lend<M: Machine>(
    inner: &Arc<Inner<M>>,
    stream: &StreamId,
    (hold, live): (Hold<M>, Option<Loaded<M>>),
) -> Option<Loaded<M>> {
    if hold.is_closed() {
        return live;
    }
    let epoch = inner.repository.personal_epoch().await;
    let newest = match live.filter(|live| epoch.as_ref().is_ok_and(|epoch| live.epoch == *epoch)) {
        Some(live) => match inner.repository.store.head(stream).await {
            Ok(head) if head.revision == live.revision() => Some(live),
            // What is wrong, loading tells.
            _ => None,
        },
        None => None,
    };
    let loaded = match newest {
        Some(live) => Ok(live),
        None => runner::load(inner, stream).await,
    };
    match loaded {
        Ok(live) => {
            let (back, given) = oneshot::channel();
            // Nobody may be waiting any more: then the copy is gone with it.
            let _ = hold.send(Ok(Held { live, back: Back(back) }));
            given.await.ok()
        }
        Err(error) => {
            let _ = hold.send(Err(FireError::Load(error)));
            None
        }
    }
}
