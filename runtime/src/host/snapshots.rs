//! Writes snapshots behind the callers' backs. A snapshot that fails or finds no room is left out: the log has it all.

use super::Inner;
use crate::machine::Machine;
use crate::repository::{Loaded, Snapshot};
use crate::store::{Put, Revision, StreamId};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Cells that are written at once.
const WRITES_MAX: usize = 64;

/// Takes a snapshot when the append went on into another span of the stream.
pub(super) fn offer<M: Machine>(inner: &Inner<M>, stream: &StreamId, live: &Loaded<M>, before: Revision) {
    let (every, window) = (inner.options.snapshot_every, inner.repository.command_window as u64);
    let turn = span(live.revision(), every, window);
    if turn != span(before, every, window)
        && let Ok(room) = inner.snapshots.try_reserve()
        && let Some(put) = Snapshot::put(&inner.repository, stream, live, turn)
    {
        room.send(put);
    }
    let place = |revision: Revision| revision.0.checked_div(inner.options.history_every);
    if place(live.revision()) != place(before)
        && let Ok(room) = inner.snapshots.try_reserve()
        && let Some(put) = inner.repository.kept_put(stream, live)
    {
        room.send(put);
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
pub(super) fn start<M: Machine>(inner: &Arc<Inner<M>>, mut offered: mpsc::Receiver<Put>) {
    let store = Arc::clone(&inner.repository.store);
    let mut closing = inner.closing.subscribe();
    let background = Arc::clone(&inner.background);
    background.enter();
    tokio::spawn(async move {
        let mut puts = Vec::new();
        loop {
            tokio::select! {
                biased;
                count = offered.recv_many(&mut puts, WRITES_MAX) => if count == 0 { break },
                _ = closing.wait_for(|closing| *closing) => break,
            }
            if let Err(error) = store.put(std::mem::take(&mut puts)).await {
                tracing::warn!(machine = M::DEFINITION.machine, %error, "snapshots were not written");
            }
        }
        // Whoever waits for the end may open the store again: nothing may hold it any more.
        drop(store);
        background.leave();
    });
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
