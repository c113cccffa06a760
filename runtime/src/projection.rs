//! What is built from records, the same each time: a table of totals, a list, an index.
//!
//! A projection says what a record changes; who keeps what it builds, and how far it has come, is the store's that it is
//! built in.

use crate::store::{Revision, StreamId};
use crate::subscription::{Item, Message, Subscribe, Subscription, SubscriptionError};
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Why a record could not be applied.
pub type ApplyError = Box<dyn Error + Send + Sync>;

/// Something built from records, in a view `V`.
pub trait Projection<V: ?Sized>: Send + Sync + 'static {
    /// What it is built from: [`Record`](crate::store::Record), as it is stored, or
    /// [`Transition`](crate::history::Transition), read by a machine.
    type Item: Item;

    /// Its name, the same in every build: a letter, then letters and digits, all lower case.
    fn name(&self) -> &str;

    /// Raised whenever it builds something else from the same records: it is built anew then, from the beginning.
    fn build(&self) -> u32;

    /// Changes the view by one record. It looks at the record and the view alone, and keeps nothing: it may be asked again
    /// for the same record when the view did not take the change.
    ///
    /// # Errors
    /// The record cannot be applied; the projection stops before it. A view in memory has no transaction that undoes what
    /// was changed by then.
    fn apply(&self, view: &mut V, item: &Self::Item) -> Result<(), ApplyError>;
}

/// A record that a projection cannot apply. It is not passed over.
#[derive(Debug, thiserror::Error)]
#[error("projection `{projection}` stops before record {revision} of `{stream}`, which it cannot apply")]
pub struct Unapplied {
    /// The projection's name.
    pub projection: String,
    /// Whose record.
    pub stream: StreamId,
    /// Its number.
    pub revision: Revision,
    /// What the projection says; of one that panicked, that it did.
    #[source]
    pub source: ApplyError,
}

/// Applies a record. A projection is the user's code and may panic: that is a failure like another.
///
/// # Errors
/// It cannot be applied.
pub fn apply<V: ?Sized, P: Projection<V>>(
    projection: &P,
    view: &mut V,
    item: &P::Item,
) -> Result<(), Unapplied> {
    let applied = catch_unwind(AssertUnwindSafe(|| projection.apply(view, item)));
    applied.unwrap_or_else(|_| Err("it panicked".into())).map_err(|source| {
        let record = item.record();
        let (projection, stream) = (projection.name().to_owned(), record.stream.clone());
        Unapplied { projection, stream, revision: record.revision, source }
    })
}

/// A projection in memory: built from where its subscription begins whenever it is opened, and kept up from there. Nothing
/// of it is written down.
pub struct InMemory<P: Projection<V>, V> {
    projection: P,
    view: V,
    subscription: Subscription<P::Item>,
    /// Was handed out and is still to be applied.
    next: Option<P::Item>,
}

/// A projection in memory that does not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InMemoryError {
    /// The records do not come.
    #[error(transparent)]
    Subscription(#[from] SubscriptionError),
    /// A record cannot be applied.
    #[error(transparent)]
    Apply(#[from] Unapplied),
}

impl<P: Projection<V>, V> InMemory<P, V> {
    /// Begins with a view in which nothing is yet.
    ///
    /// # Errors
    /// See [`Subscribe::open`].
    pub async fn open(
        projection: P,
        view: V,
        subscribe: Subscribe<P::Item>,
    ) -> Result<Self, SubscriptionError> {
        let subscription = subscribe.open().await?;
        Ok(Self { projection, view, subscription, next: None })
    }

    /// Waits for the next message, and applies it if it is a record. Cancel safe.
    ///
    /// # Errors
    /// The store does not deliver: asking again tries again. A record cannot be read or not be applied: it is not passed
    /// over, and asking again tries it again.
    pub async fn advance(&mut self) -> Result<Message<()>, InMemoryError> {
        if self.next.is_none() {
            match self.subscription.next().await? {
                Message::Record(item) => self.next = Some(item),
                Message::CaughtUp => return Ok(Message::CaughtUp),
                Message::FellBehind => return Ok(Message::FellBehind),
            }
        }
        if let Some(item) = &self.next {
            apply(&self.projection, &mut self.view, item)?;
            self.next = None;
        }
        Ok(Message::Record(()))
    }

    /// What is built so far.
    pub fn view(&self) -> &V {
        &self.view
    }
}

impl<P: Projection<V>, V: fmt::Debug> fmt::Debug for InMemory<P, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemory")
            .field("name", &self.projection.name())
            .field("view", &self.view)
            .finish_non_exhaustive()
    }
}
