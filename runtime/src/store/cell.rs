//! The shelf: small mutable values, written by compare and set.

use super::Shard;
use bytes::Bytes;

/// A cell as it stands. Versions of one key never repeat; 0 is "not there".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cell {
    /// Its key.
    pub key: CellKey,
    /// Changes with every write.
    pub version: u64,
    /// What it holds.
    pub value: Bytes,
}

/// Keys sort by shard, then by bytes of the name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct CellKey {
    /// The shard it belongs to.
    pub shard: Shard,
    /// Unique in the shard.
    pub name: Box<str>,
}

/// Writes, or with `None` removes, one cell.
#[derive(Clone, Debug)]
pub struct Put {
    /// Which.
    pub key: CellKey,
    /// Only if it is still at this version; `None` writes whatever it is.
    pub version: Option<u64>,
    /// What it shall hold.
    pub value: Option<Bytes>,
}
