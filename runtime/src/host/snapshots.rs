//! Writes snapshots behind the callers' backs, and removes those of what was deleted or erased. A snapshot that fails or finds no room is left out: the log has it all.

use super::Inner;
use crate::machine::Machine;
use crate::repository::{Loaded, Repository, Snapshot};
use crate::store::{Put, Revision, Store, StoreError, StreamId};
use crate::tenant;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Cells that are written at once.
const WRITES_MAX: usize = 64;

/// A cell to write or to remove.
#[derive(Debug)]
pub(crate) struct Offer {
    /// Whose instance it is of.
    tenant: Arc<str>,
    put: Put,
}

/// Takes a snapshot when the append went on into another span of the stream.
pub(super) async fn offer<M: Machine>(
    inner: &Inner<M>,
    stream: &StreamId,
    live: Loaded<M>,
    before: Revision,
) -> Loaded<M> {
    let (turn, kept) = due(inner, live.revision(), before);
    if turn.is_none() && !kept {
        return live;
    }
    let Some(data) = inner.repository.written_data(stream, live.instance.data()).await else { return live };
    if let Some(turn) = turn {
        let data = data.clone();
        hand_over(inner, stream, || Snapshot::put(&inner.repository, stream, (&live, data), turn));
    }
    if kept {
        hand_over(inner, stream, || inner.repository.kept_put(stream, (&live, data)));
    }
    live
}

/// The turn of the snapshot that is due now, and whether one is due that is kept for good.
fn due<M: Machine>(inner: &Inner<M>, now: Revision, before: Revision) -> (Option<u64>, bool) {
    let (every, window) = (inner.options.snapshot_every, inner.repository.command_window as u64);
    let turn = span(now, every, window);
    let place = |revision: Revision| revision.0.checked_div(inner.options.history_every);
    ((turn != span(before, every, window)).then_some(turn), place(now) != place(before))
}

fn hand_over<M: Machine>(inner: &Inner<M>, stream: &StreamId, snapshot: impl FnOnce() -> Option<Put>) {
    let Ok(room) = inner.snapshots.try_reserve() else { return inner.observer.snapshots("dropped", 1) };
    match snapshot() {
        Some(put) => room.send(Offer { tenant: Arc::clone(&stream.tenant), put }),
        None => inner.observer.snapshots("too_large", 1),
    }
}

/// Removes the snapshots of an instance that was deleted, behind those that were offered before. Its history snapshots
/// stay, as its records do.
pub(super) async fn discard<M: Machine>(inner: &Inner<M>, stream: &StreamId) {
    for put in inner.repository.snapshot_removals(stream) {
        // A host that shuts down leaves them: nobody reads them any more, and erasing the tenant finds them.
        let _ = inner.snapshots.send(Offer { tenant: Arc::clone(&stream.tenant), put }).await;
    }
}

/// Snapshots stand at the beginnings of spans. A snapshot holds the remembered command ids, up to a whole window of
/// them, so spans double from `every` until they are as long as the window: what is written for snapshots stays in
/// proportion to the records.
fn span(revision: Revision, every: u64, window: u64) -> u64 {
    let whole = revision.0 / every.max(window);
    match (revision.0 / every).checked_ilog2() {
        _ if whole > 0 => u64::from(u64::BITS) + whole,
        Some(doublings) => u64::from(doublings) + 1,
        None => 0,
    }
}

/// Writes until the host is gone.
pub(super) fn start<M: Machine>(inner: &Arc<Inner<M>>, mut offered: mpsc::Receiver<Offer>) {
    let (store, observer) = (Arc::clone(&inner.repository.store), Arc::clone(&inner.observer));
    let mut closing = inner.closing.subscribe();
    let background = Arc::clone(&inner.background);
    background.enter();
    let task = inner.pulse.task("snapshots");
    tokio::spawn(async move {
        let mut offers = Vec::new();
        loop {
            tokio::select! {
                biased;
                count = offered.recv_many(&mut offers, WRITES_MAX) => if count == 0 { break },
                _ = closing.wait_for(|closing| *closing) => break,
            }
            // What is removed is no snapshot.
            let count = offers.iter().filter(|offer| offer.put.value.is_some()).count();
            let written = write(&*store, std::mem::take(&mut offers)).await;
            observer.snapshots(if written.is_ok() { "written" } else { "failed" }, count);
            if let Err(error) = written {
                tracing::warn!(machine = M::DEFINITION.machine, %error, "snapshots were not written");
            }
        }
        task.done();
        // Whoever waits for the end may open the store again: nothing may hold it any more.
        drop(store);
        background.leave();
    });
}

/// Writes a snapshot that somebody waits for.
pub(super) async fn write_one<M>(
    repository: &Repository<M>,
    stream: &StreamId,
    put: Put,
) -> Result<(), StoreError> {
    let tenant = Arc::clone(&stream.tenant);
    write(&*repository.store, vec![Offer { tenant, put }]).await
}

/// Writes, and then looks whether a tenant is erased: whoever erases it has either marked it before, or finds what was
/// written.
async fn write(store: &dyn Store, offers: Vec<Offer>) -> Result<(), StoreError> {
    let (tenants, puts): (Vec<_>, Vec<_>) = offers.into_iter().map(|offer| (offer.tenant, offer.put)).unzip();
    let keys: Vec<_> = puts.iter().map(|put| put.key.clone()).collect();
    store.put(puts).await?;
    let distinct: BTreeSet<_> = tenants.iter().map(|tenant| &**tenant).collect();
    let erased = tenant::are_erased(store, distinct).await?;
    let late = keys.into_iter().zip(&tenants).filter(|(_, tenant)| erased.contains(&&***tenant));
    let late: Vec<_> = late.map(|(key, _)| Put { key, version: None, value: None }).collect();
    if !late.is_empty() {
        store.put(late).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_double_until_they_are_as_long_as_the_window() {
        let starts = |every, window| {
            let differs = |n: &u64| span(Revision(*n), every, window) != span(Revision(n - 1), every, window);
            (1..3_001).filter(differs).collect::<Vec<u64>>()
        };
        assert_eq!(starts(100, 1_000), [100, 200, 400, 800, 1_000, 2_000, 3_000]);
        assert_eq!(starts(1_000, 0), [1_000, 2_000, 3_000]);
    }
}
