//! Projections in the store's own file: what they build and how far they have come is one transaction, so every record is
//! applied exactly once, whatever is killed.
//!
//! Each build has tables of its own; what is read is a view over those of the build that serves. A new build is made beside
//! it and takes its place when it has caught up. What a record changes, only the projection knows.

mod error;
mod tables;
mod workshop;

pub use error::ProjectionError;
pub use tables::Tables;
pub(crate) use workshop::Workshop;

use crate::store::SqliteStore;
use crate::writer::Errand;
use statewright::projection::Projection;
use statewright::store::{Cursor, Shard, Store};
use statewright::subscription::{Item, Message, Position, Start, Subscribe, Subscription};
use std::fmt;
use std::sync::Arc;
use tokio::sync::oneshot;
use workshop::Opened;

/// Records that are applied in one transaction.
const BATCH_MAX: usize = 256;

/// A projection in SQLite.
pub trait SqliteProjection: Projection<Tables> {
    /// The SQL that makes its tables. A name in braces is one of its own, there and in every statement of
    /// [`apply`](Projection::apply): `CREATE TABLE {lines} (…); CREATE INDEX {lines_by_day} ON {lines} (day)`. Others read
    /// table `{lines}` of a projection `totals` as `totals_lines`.
    fn schema(&self) -> &str;
}

/// How far a projection has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Records of the store that are done, whoever they are of.
    pub done: u64,
    /// Records of the store.
    pub end: u64,
    /// The build that serves; `None`: none has caught up yet.
    pub serving: Option<u32>,
}

/// A projection at work: it takes a step when it is asked to.
pub struct Projector<P: SqliteProjection> {
    store: Arc<SqliteStore>,
    projection: Arc<P>,
    subscribe: Subscribe<P::Item>,
    /// `None`: where it stands is to be looked up.
    running: Option<Running<P::Item>>,
    /// Records that are to be applied each in a transaction of its own: one of them failed.
    single: usize,
}

struct Running<T> {
    subscription: Subscription<T>,
    /// The version of the cell that says how far it has come.
    version: u64,
    position: Position,
    serving: Option<u32>,
    caught_up: bool,
}

impl SqliteStore {
    /// A projection in this store, built from the records of a subscription to it, which says where it begins. A build that
    /// was begun goes on where it was, whatever the subscription says.
    ///
    /// # Errors
    /// The projection's name is none. Nothing is asked of the store yet.
    pub fn project<P: SqliteProjection>(
        self: &Arc<Self>,
        projection: P,
        subscribe: Subscribe<P::Item>,
    ) -> Result<Projector<P>, ProjectionError> {
        if !tables::is_name(projection.name()) {
            return Err(ProjectionError::Name { name: projection.name().to_owned() });
        }
        Ok(Projector {
            store: Arc::clone(self),
            projection: Arc::new(projection),
            subscribe,
            running: None,
            single: 0,
        })
    }
}

impl<P: SqliteProjection> Projector<P> {
    /// Waits for records and applies the next ones, at most 256, in one transaction; or takes the place of the build that
    /// served, once it has caught up. Several of one build may run: each record is applied by one of them. Cancel safe.
    ///
    /// # Errors
    /// The store does not deliver or does not take the change: asking again tries again. A record cannot be read or not be
    /// applied: it is not passed over, and asking again fails again. A newer build serves.
    pub async fn advance(&mut self) -> Result<Progress, ProjectionError> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => self.open().await?,
        };
        let items = running.gather(if self.single > 0 { 1 } else { BATCH_MAX }).await?;
        self.single = self.single.saturating_sub(items.len());
        let position = running.subscription.position();
        if !items.is_empty() || position != running.position {
            let Some(version) = self.apply(running.version, items, &position).await? else {
                return self.progress(&running.position, running.serving).await;
            };
            (running.version, running.position) = (version, position);
        }
        if running.caught_up && running.serving != Some(self.projection.build()) {
            running.serving = Some(self.swap().await?);
        }
        let progress = self.progress(&running.position, running.serving).await?;
        self.running = Some(running);
        Ok(progress)
    }

    async fn open(&self) -> Result<Running<P::Item>, ProjectionError> {
        let projection = Arc::clone(&self.projection);
        let Opened { version, position, serving } =
            self.ask(move |workshop| workshop.open_build(&*projection)).await?;
        let subscribe = self.subscribe.clone();
        let subscription = match position {
            Some(position) => subscribe.start(Start::Behind(position)).open().await?,
            None => subscribe.open().await?,
        };
        let position = subscription.position();
        Ok(Running { subscription, version, position, serving, caught_up: false })
    }

    /// `None`: it is to be asked again where the projection stands.
    async fn apply(
        &mut self,
        version: u64,
        items: Vec<P::Item>,
        position: &Position,
    ) -> Result<Option<u64>, ProjectionError> {
        let (projection, position) = (Arc::clone(&self.projection), position.clone());
        let count = items.len();
        let applied =
            self.ask(move |workshop| workshop.apply(&*projection, &items, (version, &position))).await;
        if count > 1 && matches!(applied, Err(ProjectionError::Apply(_))) {
            // What stands before the one that failed is applied, one by one.
            self.single = count;
            return Ok(None);
        }
        // Without a version another one has applied them.
        applied
    }

    /// The build that serves.
    async fn swap(&self) -> Result<u32, ProjectionError> {
        let projection = Arc::clone(&self.projection);
        self.ask(move |workshop| workshop.swap(&*projection)).await
    }

    async fn progress(&self, at: &Position, serving: Option<u32>) -> Result<Progress, ProjectionError> {
        let done = at.cursor(Shard(0)).map_or(0, Cursor::position);
        let end = self.store.end(Shard(0)).await?.position();
        Ok(Progress { done, end, serving })
    }

    /// Has something done by the thread that writes.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Workshop) -> Result<T, ProjectionError> + Send + 'static,
    ) -> Result<T, ProjectionError> {
        let errand = |reply: oneshot::Sender<_>| -> Errand {
            Box::new(move |workshop| {
                // Nobody may be waiting any more.
                let _ = reply.send(workshop.map_err(ProjectionError::from).and_then(work));
            })
        };
        self.store.hand_over(errand).await.unwrap_or_else(|| Err(self.store.closed().into()))
    }
}

impl<T: Item> Running<T> {
    /// Waits for a message, and takes what is there behind it.
    async fn gather(&mut self, max: usize) -> Result<Vec<T>, ProjectionError> {
        let mut items = Vec::new();
        let mut message = self.subscription.next().await?;
        loop {
            match message {
                Message::Record(item) => items.push(item),
                Message::CaughtUp => self.caught_up = true,
                Message::FellBehind => {}
            }
            if items.len() >= max || !self.subscription.is_buffered() {
                return Ok(items);
            }
            tokio::select! {
                biased;
                next = self.subscription.next() => match next {
                    Ok(next) => message = next,
                    // It fails again when it is asked again.
                    Err(_) if !items.is_empty() => return Ok(items),
                    Err(error) => return Err(error.into()),
                },
                () = std::future::ready(()) => return Ok(items),
            }
        }
    }
}

impl<P: SqliteProjection> fmt::Debug for Projector<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projector")
            .field("name", &self.projection.name())
            .field("build", &self.projection.build())
            .finish_non_exhaustive()
    }
}
