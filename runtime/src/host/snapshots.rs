//! Writes snapshots behind the callers' backs. A snapshot that fails or finds no room is left out: the log has it all.

use super::Inner;
use crate::machine::Machine;
use crate::repository::{Loaded, Snapshot};
use crate::store::{Put, Revision, StreamId};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Cells that are written at once.
const WRITES_MAX: usize = 64;

/// Takes a snapshot when the append went past a multiple of `snapshot_every`.
pub(super) fn offer<M: Machine>(inner: &Inner<M>, stream: &StreamId, live: &Loaded<M>, before: Revision) {
    let every = inner.options.snapshot_every;
    let turn = live.revision().0 / every;
    if turn == before.0 / every {
        return;
    }
    if let Ok(room) = inner.snapshots.try_reserve()
        && let Some(put) = Snapshot::put(&inner.repository, stream, live, turn)
    {
        room.send(put);
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
