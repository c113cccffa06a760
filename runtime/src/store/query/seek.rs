//! Finds a moment in a stream.

use crate::store::{Record, Revision, Store, StoreError, StreamId};
use jiff::Timestamp;

/// The last record of a stream that is not later than `time`, by bisection: times never decrease within a stream. It
/// reads one record for each doubling of the stream's length.
///
/// # Errors
/// What the store says.
pub async fn last_by(
    store: &dyn Store,
    stream: &StreamId,
    time: Timestamp,
) -> Result<Option<Record>, StoreError> {
    let head = store.head(stream).await?.revision;
    // All up to `low` are not later, all from `high` on are.
    let (mut low, mut high, mut found) = (0, head.0.saturating_add(1), None);
    // Mostly the present is asked for.
    let mut middle = head.0;
    while low + 1 < high {
        let (records, _) = store.read(stream, Revision(middle - 1), 1).await?;
        match records.into_iter().next() {
            Some(record) if record.step.at <= time => {
                low = middle;
                found = Some(record);
            }
            _ => high = middle,
        }
        middle = low + (high - low) / 2;
    }
    Ok(found)
}
