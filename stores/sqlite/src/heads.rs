//! Where streams end, as the writer remembers it. The unique index of the table stays the guard.

use lru::LruCache;
use rusqlite::{Connection, OptionalExtension, params};
use statewright::store::{Kind, StreamId};
use std::num::NonZeroUsize;

/// Streams whose end is remembered; about 200 bytes each.
const REMEMBERED_MAX: NonZeroUsize = match NonZeroUsize::new(262_144) {
    Some(max) => max,
    None => NonZeroUsize::MIN,
};

#[derive(Clone, Copy, Default)]
pub(crate) struct End {
    /// 0: the stream has no row yet.
    pub(crate) sid: i64,
    pub(crate) revision: u64,
    pub(crate) deleted: bool,
}

pub(crate) struct Heads(LruCache<StreamId, End>);

impl Heads {
    pub(crate) fn new() -> Self {
        Self(LruCache::new(REMEMBERED_MAX))
    }

    pub(crate) fn find(&mut self, connection: &Connection, stream: &StreamId) -> rusqlite::Result<End> {
        if let Some(end) = self.0.get(stream) {
            return Ok(*end);
        }
        let end = read_end(connection, stream)?;
        self.0.put(stream.clone(), end);
        Ok(end)
    }

    pub(crate) fn set(&mut self, stream: &StreamId, end: End) {
        self.0.put(stream.clone(), end);
    }

    /// After a rollback nothing that is remembered can be trusted.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }
}

/// The end of a stream, from the table.
pub(crate) fn read_end(connection: &Connection, stream: &StreamId) -> rusqlite::Result<End> {
    let Some(sid) = read_sid(connection, stream)? else { return Ok(End::default()) };
    let mut last = connection
        .prepare_cached("SELECT revision, kind FROM records WHERE sid = ?1 ORDER BY revision DESC LIMIT 1")?;
    let found =
        last.query_row([sid], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))).optional()?;
    let (revision, kind) = found.unwrap_or_default();
    Ok(End { sid, revision: revision.cast_unsigned(), deleted: Kind::named(&kind) == Some(Kind::Deleted) })
}

pub(crate) fn read_sid(connection: &Connection, stream: &StreamId) -> rusqlite::Result<Option<i64>> {
    let mut find = connection
        .prepare_cached("SELECT sid FROM streams WHERE tenant = ?1 AND machine = ?2 AND instance = ?3")?;
    find.query_row(params![&*stream.tenant, &*stream.machine, &*stream.instance], |row| row.get(0)).optional()
}
