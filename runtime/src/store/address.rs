//! Where things stand: streams, shards, revisions, cursors.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Address of an instance, and of its stream of records. The tenant is the first part of every key.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize)]
pub struct StreamId {
    /// The tenant; empty where there are none.
    pub tenant: Arc<str>,
    /// The machine's name.
    pub machine: Arc<str>,
    /// The instance's id.
    pub instance: Arc<str>,
}

impl StreamId {
    /// An address of these parts.
    pub fn new(tenant: &str, machine: &str, instance: &str) -> Self {
        Self { tenant: tenant.into(), machine: machine.into(), instance: instance.into() }
    }

    /// From the upper half of FNV-1a (Fowler, Noll, Vo) over the length-prefixed parts, stirred by the finalizer of
    /// `MurmurHash3`: stable for ever, so that a stream never changes its shard.
    pub fn shard(&self, shards: u16) -> Shard {
        let shard = (self.hash() >> 32) % u64::from(shards.max(1));
        Shard(u16::try_from(shard).unwrap_or_default())
    }

    /// A hash that says nothing about the shard: the lower half.
    pub(crate) fn sampling_hash(&self) -> u64 {
        self.hash() & u64::from(u32::MAX)
    }

    fn hash(&self) -> u64 {
        stirred_hash([&self.tenant, &self.machine, &self.instance])
    }
}

/// The same in every process and version: FNV-1a, stirred by the finalizer of `MurmurHash3`.
pub(crate) fn stirred_hash(parts: [&str; 3]) -> u64 {
    let stir = |hash: u64, factor: u64| (hash ^ (hash >> 33)).wrapping_mul(factor);
    let hash = stir(stir(fnv(parts), 0xff51_afd7_ed55_8ccd), 0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

fn fnv(parts: [&str; 3]) -> u64 {
    let bytes =
        parts.iter().flat_map(|part| (part.len() as u64).to_le_bytes().into_iter().chain(part.bytes()));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// `tenant/machine/instance`, for people.
impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.tenant.is_empty() {
            write!(f, "{}/", self.tenant)?;
        }
        write!(f, "{}/{}", self.machine, self.instance)
    }
}

/// A part of the store with an order of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Shard(pub u16);

/// Number of a record in its stream: 1, 2, 3 and so on; 0 is a stream without records.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Revision(pub u64);

impl Revision {
    /// The revision `n` records later.
    #[must_use]
    pub fn plus(self, n: usize) -> Self {
        Self(self.0.saturating_add(n as u64))
    }
}

impl Revision {
    /// The revision before; 0 has none.
    pub(crate) fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The last record of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Head {
    /// Its revision.
    pub revision: Revision,
    /// The store's own proof of it: read it, hand it back.
    pub token: u64,
}

/// Place in the order of one shard. Opaque and resumable; the default is the beginning.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cursor(pub Bytes);

impl Cursor {
    /// A cursor of a store whose order is a number.
    pub fn of(position: u64) -> Self {
        Self(Bytes::copy_from_slice(&position.to_be_bytes()))
    }

    /// The number; 0 for the beginning and for what is no number.
    pub fn position(&self) -> u64 {
        self.0.as_ref().try_into().map_or(0, u64::from_be_bytes)
    }
}

/// Hexadecimal.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::StreamId;

    #[test]
    fn a_stream_never_changes_its_shard() {
        let cases = [
            (("", "Order", "order-17"), 64),
            (("acme", "Order", "order-17"), 64),
            (("", "Orde", "rorder-17"), 64),
        ];
        let shards = cases.map(|((tenant, machine, instance), shards)| {
            StreamId::new(tenant, machine, instance).shard(shards).0
        });
        assert_eq!(shards, GOLDEN);
        assert_eq!(StreamId::new("a", "b", "c").shard(1).0, 0);
    }

    /// Ids are mostly numbered: they differ in their last digits.
    #[test]
    fn numbered_ids_are_spread_over_the_shards() {
        let mut counts = [0_usize; 64];
        for n in 0..6_400 {
            let shard = StreamId::new("", "Order", &format!("order-{n}")).shard(64);
            counts[usize::from(shard.0)] += 1;
        }
        assert!(counts.iter().all(|count| (50..150).contains(count)), "{counts:?}");
    }

    const GOLDEN: [u16; 3] = [63, 15, 15];
}
