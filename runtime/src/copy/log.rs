//! Records: the order of the source's shards says which streams have grown, and each of them is brought to its source's head.

use super::together::Heads;
use super::{Copied, Copy, CopyError};
use crate::store::{
    Append, CellKey, Cursor, Head, Outcome, Put, Record, Revision, Shard, StoreError, StreamId, Unit,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Records of the source that are looked at at once.
const PAGE_MAX: usize = 256;

/// Steps of one append, if the target takes as many.
const STEPS_MAX: usize = 64;

/// How often an append is looked after whose answer was lost.
const TRIES_MAX: u32 = 16;

/// Where the target says how far a shard of the source was read.
#[derive(Serialize, Deserialize)]
struct Place {
    /// Of the first record in the shard: another source is read from its beginning.
    first: String,
    after: Vec<u8>,
}

impl Copy {
    pub(super) async fn catch_up_shard(&self, shard: Shard, copied: &mut Copied) -> Result<(), CopyError> {
        let first = self.first(shard).await?;
        let mut after = self.place(shard, &first).await?;
        let mut heads = Heads::new();
        loop {
            let page = self.from.scan(shard, &after, PAGE_MAX).await.map_err(CopyError::Source)?;
            let found = page.records.len();
            copied.records += self.bring_page(page.records, &mut heads).await?;
            after = page.next;
            if found > 0 {
                self.save(shard, &first, &after).await?;
                self.on_progress.tell(copied, "on_progress");
            }
            if found < PAGE_MAX {
                return Ok(());
            }
        }
    }

    pub(super) fn steps_max(&self) -> usize {
        STEPS_MAX.min(self.to.limits().steps_max)
    }

    /// Appends what the target does not have of a stream. Its head then, and how many records were appended. `lost` is an append
    /// of it whose answer was: behind which revision, and why.
    pub(super) async fn bring(
        &self,
        stream: &StreamId,
        mut lost: Option<(Revision, StoreError)>,
    ) -> Result<(Head, u64), CopyError> {
        let mut head = self.to.head(stream).await.map_err(CopyError::Target)?;
        let began = lost.as_ref().map_or(head.revision, |(after, _)| *after);
        loop {
            let read = self.from.read(stream, head.revision, self.steps_max()).await;
            let (records, source) = read.map_err(CopyError::Source)?;
            if head.revision > source.revision {
                return Err(CopyError::Differs { stream: stream.clone(), revision: source.revision.plus(1) });
            }
            if records.is_empty() {
                return Ok((head, head.revision.0.saturating_sub(began.0)));
            }
            head = self.append(stream, head, records, lost.take().map(|(_, error)| error)).await?;
        }
    }

    async fn append(
        &self,
        stream: &StreamId,
        after: Head,
        records: Vec<Record>,
        mut unknown: Option<StoreError>,
    ) -> Result<Head, CopyError> {
        let end = after.revision.plus(records.len());
        let steps: Vec<_> = records.into_iter().map(|record| record.step).collect();
        for _ in 0..TRIES_MAX {
            let append = Append { stream: stream.clone(), after, steps: steps.clone() };
            match self.to.append(vec![append], Unit::Each).await.pop() {
                Some(Outcome::Appended(head)) => return Ok(head),
                Some(Outcome::Unknown(error)) => unknown = Some(error),
                Some(Outcome::Refused(source)) => {
                    let stream = stream.clone();
                    return Err(CopyError::Refused { stream, after: after.revision, source });
                }
                Some(Outcome::Conflict(_) | Outcome::Gone) | None => {
                    // An answer that was lost has landed, perhaps of fewer steps: whether it is this is seen when it is verified.
                    let head = self.to.head(stream).await.map_err(CopyError::Target)?;
                    let landed = after.revision < head.revision && head.revision <= end;
                    return if unknown.is_some() && landed {
                        Ok(head)
                    } else {
                        Err(CopyError::Contended { stream: stream.clone() })
                    };
                }
            }
        }
        Err(unknown.map_or_else(|| CopyError::Contended { stream: stream.clone() }, CopyError::Target))
    }

    /// Tells one source from another: a shard's first record stays what it is.
    async fn first(&self, shard: Shard) -> Result<String, CopyError> {
        let page = self.from.scan(shard, &Cursor::default(), 1).await.map_err(CopyError::Source)?;
        let mut digest = Sha256::new();
        for Record { stream, revision: Revision(revision), step } in &page.records {
            for part in [&stream.tenant, &stream.machine, &stream.instance, &step.command] {
                digest.update((part.len() as u64).to_le_bytes());
                digest.update(part.as_bytes());
            }
            digest.update(revision.to_le_bytes());
        }
        Ok(format!("{:x}", Bytes::copy_from_slice(&digest.finalize())))
    }

    async fn place(&self, shard: Shard, first: &str) -> Result<Cursor, CopyError> {
        let found = self.to.get(&[self.place_key(shard)]).await.map_err(CopyError::Target)?.pop();
        let place = found.and_then(|cell| serde_json::from_slice::<Place>(&cell.value).ok());
        let place = place.filter(|place| place.first == first);
        Ok(place.map_or_else(Cursor::default, |place| Cursor(place.after.into())))
    }

    async fn save(&self, shard: Shard, first: &str, after: &Cursor) -> Result<(), CopyError> {
        let place = Place { first: first.to_owned(), after: after.0.to_vec() };
        // A text and numbers: nothing of it can fail to be written.
        let value = Some(Bytes::from(serde_json::to_vec(&place).unwrap_or_default()));
        let put = Put { key: self.place_key(shard), version: None, value };
        self.to.put(vec![put]).await.map(drop).map_err(CopyError::Target)
    }

    fn place_key(&self, shard: Shard) -> CellKey {
        let part = |part: &Option<std::sync::Arc<str>>| {
            part.as_ref().map_or_else(String::new, |part| format!("{}:{part}", part.len()))
        };
        let name = format!("copy/{}/{}/{}", shard.0, part(&self.tenant), part(&self.machine));
        CellKey { shard: Shard(0), name: name.into() }
    }
}
