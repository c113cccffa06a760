//! Erases a tenant: every stream of it gets its last record and is emptied, every cell goes.
//!
//! All of it can be done again from the beginning: who was killed half-way asks again.

use super::streams::Streams;
use super::{families, mark};
use crate::clock::Clock;
use crate::store::{Append, Kind, Outcome, RecordedStep, Revision, Shard, Store, StoreError, StreamId, Unit};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Streams that are erased at once.
const STREAMS_MAX: usize = 64;

/// How often a stream is tried to be ended while others write it, or the store's answers are lost.
const TRIES_MAX: u32 = 64;

/// Passes until one finds nothing to do.
const PASSES_MAX: u32 = 16;

/// The command id of the record that ends a stream here.
const COMMAND: &str = "tenant/erase";

/// What was found and erased of a tenant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ErasedTenant {
    /// Instances that the tenant ever had, of all machines; none can be read any more.
    pub instances: u64,
    /// Those of them that were emptied by this call.
    pub emptied: u64,
    /// Records that this call has emptied or written to end a stream.
    pub records: u64,
    /// Cells that this call has removed.
    pub cells: u64,
}

/// What one stream came to.
#[derive(Clone, Copy, Debug, Default)]
struct Ended {
    is_new: bool,
    records: u64,
    cells: u64,
}

/// Erases a tenant.
pub(crate) struct Eraser {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    tenant: Arc<str>,
}

impl Eraser {
    /// Marks the tenant: from now on nothing of it begins.
    pub(crate) async fn begin(
        store: &Arc<dyn Store>,
        clock: &Arc<dyn Clock>,
        tenant: &Arc<str>,
    ) -> Result<Self, StoreError> {
        mark::write(&**store, tenant, clock.now()).await?;
        Ok(Self { store: Arc::clone(store), clock: Arc::clone(clock), tenant: Arc::clone(tenant) })
    }

    /// Passes over all that the tenant has until there is nothing left to do: what was under way when the mark was written
    /// may have come behind a pass.
    pub(crate) async fn run(&self) -> Result<ErasedTenant, StoreError> {
        let mut sum = ErasedTenant::default();
        for _ in 0..PASSES_MAX {
            let pass = self.pass().await?;
            sum.instances = pass.instances;
            sum.emptied += pass.emptied;
            sum.records += pass.records;
            sum.cells += pass.cells;
            if pass.emptied == 0 && pass.cells == 0 {
                return Ok(sum);
            }
        }
        // Every pass found something new: hosts that have not seen the mark go on writing.
        Err(StoreError::Contended { stream: StreamId::new(&self.tenant, "", ""), tries: PASSES_MAX })
    }

    async fn pass(&self) -> Result<ErasedTenant, StoreError> {
        let (mut streams, mut pass) = (Streams::new(&self.tenant), ErasedTenant::default());
        let mut machines = BTreeSet::new();
        while let Some(streams) = streams.next(&*self.store, STREAMS_MAX).await? {
            machines.extend(streams.iter().map(|stream| Arc::clone(&stream.machine)));
            pass.instances += streams.len() as u64;
            for ended in self.end_all(streams).await? {
                pass.emptied += u64::from(ended.is_new);
                pass.records += ended.records;
                pass.cells += ended.cells;
            }
        }
        for shard in (0..self.store.limits().shards).map(Shard) {
            let whose = (&*self.tenant, &machines);
            pass.cells += families::remove_of_tenant(&*self.store, shard, whose).await?;
        }
        Ok(pass)
    }

    /// Side by side, so that a store can write them as one.
    async fn end_all(&self, streams: Vec<StreamId>) -> Result<Vec<Ended>, StoreError> {
        let (mut tasks, now) = (JoinSet::new(), self.clock.now());
        for stream in streams {
            let store = Arc::clone(&self.store);
            tasks.spawn(async move { end_stream(&*store, &stream, now).await });
        }
        let mut ended = Vec::new();
        while let Some(task) = tasks.join_next().await {
            // A task is neither cancelled nor does it panic: what it calls is the store.
            ended.push(task.unwrap_or_else(|error| Err(broken(error)))?);
        }
        Ok(ended)
    }
}

/// A task of a walk has ended without a word.
pub(super) fn broken(source: tokio::task::JoinError) -> StoreError {
    let (store, source) = ("the store of a tenant".to_owned(), source.into());
    StoreError::Unavailable { store, doing: "end a task", retryable: true, source }
}

/// Ends and empties one stream, and removes its cells.
pub(crate) async fn end(store: &dyn Store, stream: &StreamId, now: Timestamp) -> Result<(), StoreError> {
    end_stream(store, stream, now).await.map(|_| ())
}

async fn end_stream(store: &dyn Store, stream: &StreamId, now: Timestamp) -> Result<Ended, StoreError> {
    let mut ended = Ended::default();
    let (first, head) = store.read(stream, Revision(0), 1).await?;
    // The last record of a stream keeps its kind when it is emptied.
    if first.first().is_some_and(|first| matches!(first.step.kind, Kind::Step | Kind::Rejection)) {
        let last = delete(store, stream, now).await?;
        store.erase(stream).await?;
        (ended.is_new, ended.records) = (true, last.unwrap_or(head.revision).0);
    }
    ended.cells = families::remove_of_stream(store, stream).await?;
    Ok(ended)
}

/// Appends the record behind which none comes, unless it stands. Its revision.
async fn delete(
    store: &dyn Store,
    stream: &StreamId,
    now: Timestamp,
) -> Result<Option<Revision>, StoreError> {
    let mut unknown = None;
    for _ in 0..TRIES_MAX {
        let head = store.head(stream).await?;
        let (last, _) = store.read(stream, head.revision.before(), 1).await?;
        let Some(last) = last.first() else { return Ok(None) };
        if last.step.kind == Kind::Deleted {
            return Ok(Some(last.revision));
        }
        let at = now.max(last.step.at);
        let step =
            RecordedStep { kind: Kind::Deleted, at, command: COMMAND.into(), ..RecordedStep::default() };
        let append = Append { stream: stream.clone(), after: head, steps: vec![step] };
        match store.append(vec![append], Unit::Each).await.pop() {
            Some(Outcome::Appended(head)) => return Ok(Some(head.revision)),
            Some(Outcome::Refused(error)) => return Err(error),
            Some(Outcome::Unknown(error)) => unknown = Some(error),
            // It was written, or ended, in between: it is looked at again.
            Some(Outcome::Conflict(_) | Outcome::Gone) | None => {}
        }
    }
    Err(unknown.unwrap_or_else(|| StoreError::Contended { stream: stream.clone(), tries: TRIES_MAX }))
}
