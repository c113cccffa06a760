//! What is built from records, the same each time: a table of totals, a list, an index.
//!
//! A projection says what a record changes; who keeps what it builds, and how far it has come, is the store's that it is
//! built in.

use crate::subscription::Item;
use std::error::Error;

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
    /// The record cannot be applied; the projection stops before it.
    fn apply(&self, view: &mut V, item: &Self::Item) -> Result<(), ApplyError>;
}
