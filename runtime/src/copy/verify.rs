//! Holds two stores against each other, stream by stream, in bounded memory.

use super::{Copy, CopyError};
use crate::store::{Kind, Record, Revision, Shard, Store, StoreError, StreamId};
use crate::tenant::ExportedRecord;
use bytes::Bytes;
use sha2::{Digest, Sha256};

/// Streams that are listed at once.
const STREAMS_MAX: usize = 256;

/// Records of a stream that are read at once.
const PAGE_MAX: usize = 256;

/// What was found to be the same.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Verified {
    /// Streams.
    pub streams: u64,
    /// Records.
    pub records: u64,
    /// Streams that were erased in the source since, and are now in the target.
    pub erased: u64,
    /// SHA-256 over all of them in the source's order, hexadecimal. The same selection of a source that does not change has
    /// the same.
    pub checksum: String,
}

struct Sum {
    streams: u64,
    records: u64,
    erased: u64,
    digest: Sha256,
}

pub(super) async fn verify(copy: &Copy) -> Result<Verified, CopyError> {
    let mut sum = Sum { streams: 0, records: 0, erased: 0, digest: Sha256::new() };
    for shard in (0..copy.from.limits().shards).map(Shard) {
        let mut after: Option<StreamId> = None;
        loop {
            let streams = copy.from.streams(shard, after.as_ref(), STREAMS_MAX).await;
            let streams = streams.map_err(CopyError::Source)?;
            let is_last = streams.len() < STREAMS_MAX;
            after = streams.last().cloned();
            for stream in streams.iter().filter(|stream| copy.is_wanted(stream)) {
                verify_stream(copy, stream, &mut sum).await?;
            }
            if is_last {
                break;
            }
        }
    }
    let Sum { streams, records, erased, digest } = sum;
    let checksum = format!("{:x}", Bytes::copy_from_slice(&digest.finalize()));
    Ok(Verified { streams, records, erased, checksum })
}

/// As far as the target has it.
async fn verify_stream(copy: &Copy, stream: &StreamId, sum: &mut Sum) -> Result<(), CopyError> {
    if is_erased(&*copy.from, stream).await.map_err(CopyError::Source)?
        && !is_erased(&*copy.to, stream).await.map_err(CopyError::Target)?
    {
        copy.to.erase(stream).await.map_err(CopyError::Target)?;
        sum.erased += 1;
    }
    let mut at = Revision(0);
    loop {
        let (theirs, head) = copy.to.read(stream, at, PAGE_MAX).await.map_err(CopyError::Target)?;
        let Some(last) = theirs.last() else { break };
        let end = last.revision;
        let read = copy.from.read(stream, at, theirs.len()).await;
        let (ours, source) = read.map_err(CopyError::Source)?;
        let differs = |revision| CopyError::Differs { stream: stream.clone(), revision };
        if head.revision > source.revision {
            return Err(differs(source.revision.plus(1)));
        }
        for (ours, theirs) in ours.into_iter().zip(theirs) {
            let revision = theirs.revision;
            let line = line(ours).filter(|ours| line(theirs).is_some_and(|theirs| *ours == theirs));
            sum.digest.update(line.ok_or_else(|| differs(revision))?);
            sum.records += 1;
        }
        at = end;
    }
    sum.streams += u64::from(at > Revision(0));
    Ok(())
}

/// A deleted stream whose first record is emptied.
async fn is_erased(store: &dyn Store, stream: &StreamId) -> Result<bool, StoreError> {
    let (first, _) = store.read(stream, Revision(0), 1).await?;
    Ok(first.first().is_some_and(|first| first.step.kind == Kind::Erased))
}

/// A record in the form in which it is compared; `None`: it is no JSON.
fn line(record: Record) -> Option<Vec<u8>> {
    let tenant = record.stream.tenant.clone();
    let mut line = serde_json::to_vec(&ExportedRecord::of(record)).ok()?;
    line.extend(tenant.as_bytes());
    line.push(b'\n');
    Some(line)
}
